import type { Millis, Node, Run } from '../model.ts';
import { type Clients, execOn } from './exec.ts';
import { readByExec, readCgroupByExec } from './files.ts';
import { followOn } from './follow.ts';
import { kubectlOf } from './kubectl.ts';
import { makeNamespace, startPod } from './pod.ts';
import type { NodeObject, PodRef } from './pod-manifest.ts';

export interface PodNodesOptions extends Pick<Clients, 'env'> {
  /** Absolute path of kubectl. */
  readonly kubectl: string;
  /** Absolute path. */
  readonly kubeconfig: string;
  readonly context: string;
  /** Image of the pods, which must hold `sleep` and `nsenter`. When absent, nothing is downloaded: see `podOf`. */
  readonly image?: string;
  /** The pods are ended by their kubelets after this, whoever lives. */
  readonly deadline: Millis;
}

/**
 * Every node of a cluster, each by a privileged pod on it, in a namespace `ordeal-<mark>` whose removal is owed before it is made.
 * Control planes first. A kubelet that is stopped cannot be started from here: what a fault stops, a timer on the node must start.
 */
export async function podNodes(
  options: PodNodesOptions,
  { mark, ledger, signal }: Pick<Run, 'mark' | 'ledger' | 'signal'>,
): Promise<readonly Node[]> {
  const { kubeconfig, context, image, deadline, ...clients } = options;
  const kubectl = kubectlOf(options, clients);
  const { items } = JSON.parse(await kubectl(['get', 'nodes', '-o', 'json'], { signal })) as { items: NodeObject[] };
  const nodes = items
    .map((node, index) => ({ node, role: roleOf(node), ref: refOf(node, index, mark, { kubeconfig, context }) }))
    .sort((one, other) => one.role.localeCompare(other.role));
  const [first] = nodes;
  if (!first) return [];
  const namespace = first.ref.namespace;
  const owed = await ledger.owe({
    undo: 'delete-object',
    node: first.ref,
    resource: 'namespace',
    name: namespace,
    mark,
  });
  await makeNamespace(kubectl, namespace, mark, signal);
  owed.done();
  await Promise.all(
    nodes.map(({ node, ref }) => startPod(kubectl, ref, node, mark, { ...(image && { image }), deadline, signal })),
  );
  return nodes.map(({ node, role, ref }) => podNode(node.metadata.name, role, ref, clients));
}

function podNode(name: string, role: Node['role'], ref: PodRef, clients: Clients): Node {
  const exec: Node['exec'] = (command, options) => execOn(ref, command, { ...clients, ...options });
  return {
    name,
    role,
    ref,
    outside: false,
    exec,
    follow: (command, signal) => followOn(ref, command, signal, clients),
    read: (paths) => readByExec(exec, paths),
    readCgroup: (names) => readCgroupByExec(exec, names),
  };
}

const roleOf = ({ metadata: { labels = {} } }: NodeObject): Node['role'] =>
  Object.hasOwn(labels, 'node-role.kubernetes.io/control-plane') ? 'control-plane' : 'worker';

const refOf = (
  { metadata }: NodeObject,
  index: number,
  mark: string,
  where: Pick<PodRef, 'kubeconfig' | 'context'>,
): PodRef => ({
  via: 'pod',
  ...where,
  namespace: `ordeal-${mark}`,
  pod: `ordeal-${mark}-${index}`,
  node: metadata.name,
  uid: metadata.uid,
});
