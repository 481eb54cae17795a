import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient, KubeObject } from '../kube/client.ts';
import { ClusterError, type Millis } from '../model.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
}
type Standing = KubeObject & {
  readonly metadata: KubeObject['metadata'] & { readonly deletionTimestamp?: string };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly Condition[] };
};

const look: Millis = 500;
/** The policy may be in force for a second or two after its removal; kwok renews the lease within a quarter of its time. */
const patience: Millis = 60_000;
const annotation = 'ordeal/woken';

export interface Waking {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  /** UIDs of pods that were Ready before. */
  readonly ready: ReadonlySet<string>;
  /** Of each pod that is Ready again because we say so. */
  told(path: string): void;
}

/** UIDs of the pods of these nodes that are Ready. */
export async function readyPods(nodes: readonly string[], client: KubeClient): Promise<ReadonlySet<string>> {
  const pods = (await Promise.all(nodes.map((node) => podsOn(node, client)))).flat();
  return new Set(pods.filter(isReady).map(({ metadata }) => metadata.uid ?? ''));
}

/**
 * Has kwok take up nodes and their pods again. What it was refused it does not try again until the object changes, so each is
 * changed, by an annotation, until it stands as a living agent leaves it. Throws `ClusterError` where that takes too long.
 */
export async function wakeNodes(nodes: readonly string[], waking: Waking): Promise<void> {
  const { client, signal, told } = waking;
  const said = new Set<string>();
  const began = performance.now();
  for (let round = 1; ; round++) {
    const asleep = (await Promise.all(nodes.map((node) => asleepOn(node, waking)))).flat();
    if (asleep.length === 0) return;
    if (performance.now() - began > patience) {
      const left = asleep.map(({ path }) => path).join(', ');
      throw new ClusterError('waking nodes', 'ETIMEDOUT', `not as before in ${patience / 1000} s: ${left}`);
    }
    await Promise.all(asleep.map((one) => touch(one, String(round), client)));
    for (const { path, again } of asleep) {
      if (again && !said.has(path)) told(path);
      said.add(path);
    }
    await sleep(look, undefined, { signal });
  }
}

interface Asleep {
  readonly path: string;
  /** Of a pod that was Ready before the cluster lost its node: kwok says so once in its life, a kubelet again. */
  readonly again: boolean;
}

async function asleepOn(name: string, { client, ready }: Waking): Promise<readonly Asleep[]> {
  const path = `/api/v1/nodes/${name}`;
  const node = await client.get<Standing>(path).catch(gone);
  if (node === undefined) return [];
  if (!isReady(node)) return [{ path, again: false }];
  return (await podsOn(name, client)).flatMap((pod) => {
    const { namespace, name, uid = '', deletionTimestamp } = pod.metadata;
    const going = deletionTimestamp !== undefined;
    const again = !going && pod.status?.phase === 'Running' && ready.has(uid);
    if (!going && (isReady(pod) || (!again && pod.status?.phase !== 'Pending'))) return [];
    return [{ path: `/api/v1/namespaces/${namespace}/pods/${name}`, again }];
  });
}

async function podsOn(node: string, client: KubeClient): Promise<readonly Standing[]> {
  return (await client.list<Standing>('/api/v1/pods', { fieldSelector: `spec.nodeName=${node}` })).items;
}

const isReady = ({ status }: Standing) =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;

async function touch({ path, again }: Asleep, round: string, client: KubeClient): Promise<void> {
  const conditions = ['Ready', 'ContainersReady'].map((type) => ({ type, status: 'True' }));
  const asked = again
    ? client.patch(`${path}/status`, { status: { conditions } }, 'strategic')
    : client.patch(path, { metadata: { annotations: { [annotation]: round } } });
  await asked.catch(gone);
}

/** What went meanwhile need not wake. */
function gone(error: unknown): undefined {
  if (!(error instanceof ClusterError) || error.code !== 404) throw error;
}
