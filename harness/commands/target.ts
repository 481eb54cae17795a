import { join, resolve } from 'node:path';
import { RefusedError, type Scenario } from '../model.ts';
import { CONFIG } from '../scenario/config.ts';
import type { Ambient } from './ambient.ts';

/** Where scenarios are to be played, as the command line says it. */
export interface TargetOptions {
  /** `embedded`, `kind`, or `kind:NAME` for a kind cluster that the user has. */
  readonly cluster?: string;
  /** A node image for kind; the project's own when absent. */
  readonly image?: string;
  /** A context of a kubeconfig: a cluster that the user has. Without it none is used. */
  readonly context?: string;
  /** With `context` absolute: as named, or where the environment says. */
  readonly kubeconfig?: string;
  /** With `context`: the file with the allow-list, absolute, whether it is there or not. */
  readonly config?: string;
}

export interface Target {
  readonly provider: 'embedded' | 'kind' | 'kubeconfig';
  /** Of the provider `kubeconfig`: an absolute path. */
  readonly kubeconfig?: string;
  readonly context?: string;
  /** With the allow-list; without one no cluster is allowed. */
  readonly config?: string;
  /** A cluster that is used and never deleted. */
  readonly existing?: string;
  readonly image?: string;
}

/** Undefined: where the scenario's file says first. Throws RefusedError. */
export function targetOf({ cluster, image, context, kubeconfig, config }: TargetOptions): Target | undefined {
  if (context !== undefined && (cluster !== undefined || image !== undefined))
    throw new RefusedError('--context is a cluster that you have: leave --cluster and --image away');
  if (context === undefined && kubeconfig !== undefined)
    throw new RefusedError('--kubeconfig goes with --context NAME: the current context is never used');
  if (context !== undefined && kubeconfig !== undefined) {
    if (/^[^-\s][^\0\n]*$/.test(context))
      return { provider: 'kubeconfig', kubeconfig, context, ...(config !== undefined && { config }) };
    throw new RefusedError(`--context ${JSON.stringify(context)}: expected the name of a context`);
  }
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

/** Of the provider `kubeconfig`. Throws RefusedError where the target has none. */
export function contextOf({ kubeconfig, context }: Target): { readonly kubeconfig: string; readonly context: string } {
  if (kubeconfig === undefined || context === undefined) throw new RefusedError('no --context was named');
  return { kubeconfig, context };
}

/** Where the allow-list is: in the working directory. */
export const configPath = ({ cwd }: Pick<Ambient, 'cwd'>): string => join(cwd, CONFIG);

/**
 * Where the kubeconfig is: as named, else by $KUBECONFIG, else in ~/.kube; absolute. Throws RefusedError where the environment names
 * several.
 */
export function kubeconfigPath(named: string | undefined, { env, cwd }: Pick<Ambient, 'env' | 'cwd'>): string {
  if (named !== undefined) return resolve(cwd, named);
  const several = (env['KUBECONFIG'] ?? '').split(':').filter((path) => path !== '');
  if (several.length > 1)
    throw new RefusedError('$KUBECONFIG names several files: say which one with --kubeconfig FILE');
  return resolve(cwd, several[0] ?? join(env['HOME'] || cwd, '.kube', 'config'));
}

const makers: readonly string[] = ['embedded', 'kind'];

/** Whether the cluster is made for the run and goes with it. */
export function isOwn({ provider, existing }: Target): boolean {
  return makers.includes(provider) && existing === undefined;
}
