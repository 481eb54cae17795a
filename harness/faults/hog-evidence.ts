import { type Cluster, ClusterError, type Node, type Run } from '../model.ts';
import type { Hogs } from './hog-pods.ts';
import { forgetPeak, memoryOf, type Pressure, pressureOf, ranIntoLimit } from './node-memory.ts';
import { inMiB } from './parameter.ts';
import type { Evidence } from './targets.ts';
import { ask } from './unit.ts';

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status?: {
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly {
      readonly state?: ContainerIs;
      readonly lastState?: ContainerIs;
    }[];
  };
}
interface ContainerIs {
  readonly waiting?: { readonly reason?: string };
  readonly terminated?: { readonly reason?: string };
}

/** Hogs are real when they held nine tenths of what they should and may, when they were killed or evicted for memory, or when most of the node was theirs and it ran into its limit. */
export async function hogEvidence(
  node: Node,
  namespace: string,
  hogs: Hogs,
  cluster: Cluster,
  run: Run,
): Promise<() => Promise<Evidence>> {
  await forgetPeak(node, run.signal);
  const before = await pressureOf(node);
  const { has } = await memoryOf(node);
  return async () => {
    const pods = await podsOf(namespace, cluster, run);
    const evicted = pods.filter(evictedForMemory).length;
    const killed = pods.filter((pod) =>
      states(pod).some(({ terminated }) => terminated?.reason === 'OOMKilled'),
    ).length;
    const waiting = new Set(pods.flatMap((pod) => states(pod).flatMap((state) => state.waiting?.reason ?? [])));
    const detail = `${pods.length} hogs, ${killed} of them OOM-killed, ${evicted} evicted for memory`;
    if (evicted + killed > 0) return { real: true, detail };
    const held = await heldBy(node, pods, run.signal);
    const full = becameFull(before, await pressureOf(node));
    // One that has met its own limit may since have failed to start again, and then nothing tells that it was killed.
    const wanted = Math.min(hogs.total, hogs.limit ?? hogs.total) * hogs.pods;
    const real = pods.length === hogs.pods && (held >= 0.9 * wanted || (full && held >= has / 2));
    const waits = waiting.size > 0 ? `; waiting: ${[...waiting].join(', ')}` : '';
    return {
      real,
      detail: `${detail}, held ${inMiB(held)} of ${inMiB(wanted)}, node ${full ? 'full' : 'not full'}${waits}`,
    };
  };
}

/** Whatever its phase: a hog that ends well when it is told to has succeeded. */
export function evictedForMemory({ status }: Pick<Pod, 'status'>): boolean {
  const target = status?.conditions?.find(({ type, status: is }) => type === 'DisruptionTarget' && is === 'True');
  const evicted = status?.reason === 'Evicted' || target?.reason === 'TerminationByKubelet';
  return evicted && /low on resource: memory\b/.test(`${status?.message} ${target?.message}`);
}

/** A node that was full before, of page cache say, tells nothing by being full. */
export const becameFull = (before: Pressure, now: Pressure) =>
  ranIntoLimit(before, now) && (now.hits > before.hits || !ranIntoLimit(before, before));

const states = ({ status }: Pod): ContainerIs[] =>
  (status?.containerStatuses ?? []).flatMap(({ state, lastState }) => [state ?? {}, lastState ?? {}]);

async function podsOf(namespace: string, cluster: Cluster, run: Run): Promise<readonly Pod[]> {
  const { KubeClient } = await import('../kube/client.ts');
  await using client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal, timeout: 10_000 });
  const { items } = await client.list<Pod>(`/api/v1/namespaces/${namespace}/pods`);
  if (items.length === 0) throw new ClusterError(`the hogs in ${namespace}`, 404, 'none is there');
  return items;
}

/** The most bytes that the pods' control groups ever held (they outlive their containers), as the node's kernel counts them. */
async function heldBy(node: Node, pods: readonly Pod[], signal: AbortSignal): Promise<number> {
  const script = `
    root=/sys/fs/cgroup; [ -d $root/memory ] && root=$root/memory
    for uid; do
      find $root -type d -name "*pod$uid*" -prune | while read -r group; do
        cat "$group/memory.peak" "$group/memory.max_usage_in_bytes" 2>/dev/null
      done
    done
    true`;
  // The systemd driver writes a uid with underscores.
  const uids = pods.flatMap(({ metadata: { uid } }) => [...new Set([uid, uid.replaceAll('-', '_')])]);
  const text = await ask(node, ['sh', '-c', script, 'sh', ...uids], signal);
  return text.split('\n').reduce((sum, line) => sum + Number(line), 0);
}
