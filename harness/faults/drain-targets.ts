import type { KubeClient, KubeObject } from '../kube/client.ts';
import { isControlPlane } from '../kube/roles.ts';
import { type FaultSpec, RefusedError } from '../model.ts';
import { ownNamespaces } from './drain.ts';
import { amount } from './parameter.ts';

/**
 * In a cluster of somebody's: as many nodes as were asked for (one when none was named), those first that have most of the run's own pods.
 * No control-plane nodes, none that is cordoned already or not Ready. Throws `RefusedError`.
 */
export async function theirTargets(spec: FaultSpec, client: KubeClient, mark: string): Promise<readonly string[]> {
  type Node = KubeObject & {
    readonly spec?: { readonly unschedulable?: boolean };
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  };
  type Pod = KubeObject & { readonly spec?: { readonly nodeName?: string } };
  const most = amount(spec, 'nodes') ?? 1;
  const pods = (await Promise.all((await ownNamespaces(client, mark)).map((name) => podsIn<Pod>(client, name)))).flat();
  const on = (node: Node) => pods.filter((pod) => pod.spec?.nodeName === node.metadata.name).length;
  const { items } = await client.list<Node>('/api/v1/nodes');
  const fit = items.filter(
    (node) =>
      !node.spec?.unschedulable &&
      !isControlPlane(node.metadata.labels) &&
      node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') &&
      on(node) > 0,
  );
  if (fit.length < most)
    throw new RefusedError(
      `fault ${spec.name}: it is for ${most} nodes, and the run's own pods are on ${fit.length} that may be drained`,
    );
  return fit
    .toSorted((one, other) => on(other) - on(one) || (one.metadata.name < other.metadata.name ? -1 : 1))
    .slice(0, most)
    .map(({ metadata }) => metadata.name);
}

const podsIn = async <T>(client: KubeClient, namespace: string): Promise<readonly T[]> =>
  (await client.list<T>(`/api/v1/namespaces/${namespace}/pods`)).items;
