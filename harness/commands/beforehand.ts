import type { Scenario } from '../model.ts';
import type { Target } from './target.ts';

/**
 * Why a scenario must not be played on that target, by what a cluster of ours would be and what this host has, or by what it would do
 * to a cluster of somebody's, one sentence each; nothing is made to know it. Throws `RefusedError` for a fault that is wrong in itself.
 */
export async function refusedBeforehand(scenario: Scenario, target: Target): Promise<string[]> {
  const { cluster, faults } = scenario;
  if (target.provider === 'kubeconfig') {
    const [{ refusals }, { theirObjectsRefused }] = await Promise.all([
      import('../cluster/theirs/refusals.ts'),
      import('./their-objects.ts'),
    ]);
    return [...refusals(cluster), ...(await theirObjectsRefused(scenario))];
  }
  if (target.existing !== undefined) return [];
  if (target.provider === 'embedded') {
    const { cpuRefusal } = await import('../cluster/limits.ts');
    return [await cpuRefusal(cluster.servers ?? [])].flatMap((reason) => reason ?? []);
  }
  const [{ refusals }, { faults: table }] = await Promise.all([
    import('../cluster/kind/refusals.ts'),
    import('../faults/table.ts'),
  ]);
  const said = await Promise.all(
    faults.map(async (spec) => {
      const beside = faults.filter((it) => it !== spec && it.fault === spec.fault && it.during === spec.during);
      const reason = await table.get(spec.fault)?.refuse?.(spec, cluster, beside);
      return reason === undefined ? [] : [`fault ${spec.name}: ${reason}`];
    }),
  );
  return [...(await refusals(cluster, { own: true })), ...said.flat()];
}
