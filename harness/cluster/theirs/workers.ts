import type { Ask } from '../../access/ask.ts';
import { isControlPlane } from '../../kube/roles.ts';
import { RefusedError } from '../../model.ts';

interface Node {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly unschedulable?: boolean };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Throws `RefusedError` where the cluster has fewer workers that are Ready and take pods. */
export async function requireWorkers(ask: Ask, least: number): Promise<void> {
  const { items = [] } = ((await ask('GET', '/api/v1/nodes')) ?? {}) as unknown as { items?: readonly Node[] };
  const fit = items.filter(
    ({ metadata, spec, status }) =>
      !isControlPlane(metadata.labels) &&
      !spec?.unschedulable &&
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  );
  if (fit.length >= least) return;
  throw new RefusedError(`the cluster has ${fit.length} workers that are Ready and take pods; ${least} are needed`);
}
