import { pause } from '../kube/abortable.ts';
import type { KubeClient, KubeObject } from '../kube/client.ts';
import { ClusterError, type Millis, type Run, type TheirCluster } from '../model.ts';
import type { DrainSamples } from './drain-samples.ts';

export interface Draining {
  readonly client: KubeClient;
  readonly run: Run;
  readonly samples: DrainSamples;
  /** From a refused eviction to the next try. */
  readonly every: Millis;
  readonly patience: Millis;
  /** In a cluster of somebody's only pods in the run's own namespaces are evicted. */
  readonly theirs?: TheirCluster;
  /** There a node is uncordoned after so long, whoever lives. */
  readonly deadline: Millis;
  /** Ends the drain where it stands. */
  readonly signal: AbortSignal;
}

export interface Drained {
  /** From the cordon until no pod was left; undefined when patience or phase ended first. */
  readonly seconds?: number;
  uncordon(): Promise<void>;
}

type Pod = KubeObject & {
  readonly metadata: KubeObject['metadata'] & {
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
};

const look: Millis = 250;
/** Evicted, gone already, or another pod under its name: not to be asked for again. */
const over: ReadonlySet<string> = new Set(['201', '404', '409']);

/** Cordons a node and evicts its pods until none is left. Owes the uncordoning first. Throws what the API server says of the node. */
export async function drainNode(name: string, options: Draining): Promise<Drained> {
  const { client, run, samples, patience, signal, theirs } = options;
  const path = `/api/v1/nodes/${name}`;
  const { metadata, spec: before } = await client.get<KubeObject & { spec?: { unschedulable?: boolean } }>(path);
  const { uid = '', resourceVersion } = metadata;
  if (theirs && before?.unschedulable)
    throw new ClusterError(`draining node ${name}`, 'cordoned', 'somebody cordoned it meanwhile: it is left alone');
  const debt = { undo: 'uncordon-node', name, uid, mark: run.mark } as const;
  const owed = await (theirs
    ? run.ledger.owe({ ...debt, cluster: theirs }, { within: options.deadline })
    : run.ledger.owe(debt));
  // The server refuses it where the node is another one by now, or somebody's was changed since it was looked at.
  const guard = theirs && { resourceVersion, annotations: { 'ordeal.cordoned': run.mark } };
  await client.patch(path, { metadata: { uid, ...guard }, spec: { unschedulable: true } });
  owed.done();
  const began = run.clock.now();
  samples.tell(name, 'cordoned');
  const timeout = AbortSignal.timeout(patience);
  const emptied = await evictAll(name, options, AbortSignal.any([signal, timeout]));
  const seconds = (run.clock.now() - began) / 1000;
  const { spec } = await client.get<{ spec?: { unschedulable?: boolean } }>(path);
  samples.cordoned(spec?.unschedulable === true);
  if (emptied) samples.done(name, seconds);
  else if (timeout.aborted) samples.gaveUp(name, seconds);
  return { ...(emptied && { seconds }), uncordon: () => owed.settle() };
}

/** Whether no pod is left that a drain would evict. */
async function evictAll(node: string, options: Draining, within: AbortSignal): Promise<boolean> {
  const { client, samples, every } = options;
  const asked = new Map<string, Promise<void>>();
  let failed: { readonly error: unknown } | undefined;
  const evict = async (pod: Pod) => {
    while (!within.aborted) {
      const code = await ask(client, pod);
      samples.evicted(code);
      if (over.has(code)) return;
      await pause(every, within);
    }
  };
  let left = await evictable(options, node);
  while (left.length > 0 && !within.aborted && !failed) {
    for (const pod of left) {
      const { uid = '', deletionTimestamp } = pod.metadata;
      if (deletionTimestamp !== undefined || asked.has(uid)) continue;
      const failing = (error: unknown) => {
        failed ??= { error };
      };
      asked.set(uid, evict(pod).catch(failing));
    }
    await pause(look, within);
    left = await evictable(options, node);
  }
  if (left.length > 0) await Promise.all(asked.values());
  if (failed) throw failed.error;
  return left.length === 0;
}

/** As `kubectl drain --ignore-daemonsets`: neither pods of DaemonSets, which would come back at once, nor mirrors of static ones. */
async function evictable({ client, run, theirs }: Draining, node: string): Promise<readonly Pod[]> {
  const own = theirs && new Set(await ownNamespaces(client, run.mark));
  const { items } = await client.list<Pod>('/api/v1/pods', { fieldSelector: `spec.nodeName=${node}` });
  return items.filter(
    ({ metadata: { annotations = {}, ownerReferences = [], namespace = '' } }) =>
      (own === undefined || own.has(namespace)) &&
      annotations['kubernetes.io/config.mirror'] === undefined &&
      ownerReferences.every(({ kind }) => kind !== 'DaemonSet'),
  );
}

/** In a cluster of somebody's, the namespaces that the run made. */
export async function ownNamespaces(client: KubeClient, mark: string): Promise<readonly string[]> {
  const { items } = await client.list<KubeObject>('/api/v1/namespaces', { labelSelector: `ordeal.mark=${mark}` });
  return items.map(({ metadata }) => metadata.name);
}

/** The code of the answer to one eviction; `busy` where the server itself had no time, else a system error code. */
async function ask(client: KubeClient, { metadata: { name, namespace, uid } }: Pod): Promise<string> {
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: { preconditions: { uid } },
  };
  try {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
    const { status, code } = await client.create<{ status?: string; code?: number }>(path, eviction);
    // A pod with two budgets: the answer is 201, and a failure with the code 500 in its text.
    return status === 'Failure' ? String(code) : '201';
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return error.code === 429 && !/disruption budget/.test(error.reason) ? 'busy' : String(error.code);
  }
}
