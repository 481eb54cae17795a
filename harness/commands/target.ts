import { RefusedError, type Scenario } from '../model.ts';

/** Where scenarios are to be played, as the command line says it. */
export interface TargetOptions {
  /** `embedded`, `kind`, or `kind:NAME` for a kind cluster that the user has. */
  readonly cluster?: string;
  /** A node image for kind; the project's own when absent. */
  readonly image?: string;
}

export interface Target {
  readonly provider: 'embedded' | 'kind';
  /** A cluster that is used and never deleted. */
  readonly existing?: string;
  readonly image?: string;
}

/** Undefined: where the scenario's file says first. Throws RefusedError. */
export function targetOf({ cluster, image }: TargetOptions): Target | undefined {
  const [provider, existing] = cluster === undefined ? [undefined, undefined] : parts(cluster);
  if (image !== undefined && (provider === 'embedded' || existing !== undefined)) {
    throw new RefusedError(
      '--image goes with a kind cluster that ordeal creates: leave --cluster away, or say --cluster kind',
    );
  }
  const target = provider ?? (image === undefined ? undefined : 'kind');
  if (target === undefined) return undefined;
  return {
    provider: target,
    ...(existing === undefined ? {} : { existing }),
    ...(image === undefined ? {} : { image }),
  };
}

function parts(cluster: string): ['embedded' | 'kind', string | undefined] {
  const [, provider, existing] = /^(embedded|kind)(?::([a-z0-9][a-z0-9.-]*))?$/.exec(cluster) ?? [];
  if ((provider === 'embedded' && existing === undefined) || provider === 'kind') return [provider, existing];
  throw new RefusedError(
    `--cluster ${cluster}: expected embedded, kind, or kind:NAME for a kind cluster that you have`,
  );
}

/** The target of one scenario: as asked, else the first one that it runs on. */
export function targetFor(scenario: Scenario, asked: Target | undefined): Target {
  return asked ?? { provider: scenario.runsOn[0] === 'kind' ? 'kind' : 'embedded' };
}

const makers: readonly string[] = ['embedded', 'kind'];

/** Whether the cluster is made for the run and goes with it. */
export function isOwn({ provider, existing }: Target): boolean {
  return makers.includes(provider) && existing === undefined;
}
