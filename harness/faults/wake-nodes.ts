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

/**
 * Has kwok take up nodes and their pods again. What it was refused it does not try again until the object changes, so each is
 * changed, by an annotation, until it stands as a living agent leaves it. Throws `ClusterError` where that takes too long.
 */
export async function wakeNodes(nodes: readonly string[], client: KubeClient, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  for (let round = 1; ; round++) {
    const asleep = (await Promise.all(nodes.map((node) => asleepOn(node, client)))).flat();
    if (asleep.length === 0) return;
    if (performance.now() - began > patience) {
      const left = asleep.map(({ path }) => path).join(', ');
      throw new ClusterError('waking nodes', 'ETIMEDOUT', `not as before in ${patience / 1000} s: ${left}`);
    }
    await Promise.all(asleep.map((one) => touch(one, String(round), client)));
    await sleep(look, undefined, { signal });
  }
}

interface Asleep {
  readonly path: string;
  /** Of a pod that was Ready before the cluster lost its node: kwok says so once in its life, a kubelet again. */
  readonly again: boolean;
}

async function asleepOn(name: string, client: KubeClient): Promise<readonly Asleep[]> {
  const path = `/api/v1/nodes/${name}`;
  if (!isReady(await client.get<Standing>(path))) return [{ path, again: false }];
  const { items } = await client.list<Standing>('/api/v1/pods', { fieldSelector: `spec.nodeName=${name}` });
  return items.flatMap((pod) => {
    const going = pod.metadata.deletionTimestamp !== undefined;
    const running = pod.status?.phase === 'Running';
    if (!going && (isReady(pod) || (!running && pod.status?.phase !== 'Pending'))) return [];
    return [
      {
        path: `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`,
        again: running && !going,
      },
    ];
  });
}

const isReady = ({ status }: Standing) =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;

async function touch({ path, again }: Asleep, round: string, client: KubeClient): Promise<void> {
  try {
    if (again) {
      const conditions = ['Ready', 'ContainersReady'].map((type) => ({ type, status: 'True' }));
      await client.patch(`${path}/status`, { status: { conditions } }, 'strategic');
    } else await client.patch(path, { metadata: { annotations: { [annotation]: round } } });
  } catch (error) {
    // It went meanwhile.
    if (!(error instanceof ClusterError) || error.code !== 404) throw error;
  }
}
