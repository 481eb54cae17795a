import type { Scenario } from '../model.ts';
import type { Target } from './target.ts';

/**
 * Why a scenario must not be played on an embedded or a kind cluster of ours, by what the cluster would be and what this host
 * has, one sentence each; nothing is made to know it. Throws `RefusedError` for a fault that is wrong in itself.
 */
export async function refusedBeforehand({ cluster, faults }: Scenario, target: Target): Promise<string[]> {
  if (target.provider === 'kubeconfig') {
    const { refusals } = await import('../cluster/theirs/refusals.ts');
    return refusals(cluster);
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
