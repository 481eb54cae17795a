import type { KubeClient, KubeObject } from '../kube/client.ts';
import { type FaultSpec, RefusedError } from '../model.ts';
import { ownNamespaces } from './drain.ts';
import { amount } from './parameter.ts';

const CONTROL = 'node-role.kubernetes.io/control-plane';

/**
 * In a cluster of somebody's: as many nodes as were asked for (one when none was named), those first that have most of the run's own pods.
 * No control-plane nodes, and none that is cordoned already. Throws `RefusedError`.
 */
export async function theirTargets(spec: FaultSpec, client: KubeClient, mark: string): Promise<readonly string[]> {
  type Node = KubeObject & { readonly spec?: { readonly unschedulable?: boolean } };
  type Pod = KubeObject & { readonly spec?: { readonly nodeName?: string } };
  const most = amount(spec, 'nodes') ?? 1;
  const pods = (await Promise.all((await ownNamespaces(client, mark)).map((name) => podsIn<Pod>(client, name)))).flat();
  const on = (node: Node) => pods.filter((pod) => pod.spec?.nodeName === node.metadata.name).length;
  const { items } = await client.list<Node>('/api/v1/nodes');
  const fit = items.filter(
    (node) => !node.spec?.unschedulable && node.metadata.labels?.[CONTROL] === undefined && on(node) > 0,
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
