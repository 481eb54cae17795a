import type { KubeClient } from '../../kube/client.ts';
import { type ClusterSpec, type Json, type Node, RefusedError } from '../../model.ts';
import { differences as flagDifferences } from '../readback.ts';
import type { Process } from './processes.ts';
import type { KindNode } from './ready.ts';

export interface Asked {
  readonly spec: ClusterSpec;
  /** What the kubelets were to be configured with. */
  readonly kubelet: Readonly<Record<string, Json>>;
  /** Names of the nodes. */
  readonly nodes: readonly string[];
  readonly workers: readonly Node[];
}

/** Throws a `RefusedError` with everything in which the cluster differs from what was asked of it. */
export async function refuseDifferences(
  { spec, kubelet, nodes, workers }: Asked,
  processes: readonly Process[],
  seen: ReadonlyMap<string, KindNode>,
  admin: KubeClient,
): Promise<void> {
  const wrong = Object.entries(spec.components).flatMap(([name, { flags }]) =>
    flagDifferences(name, { flags, env: {} }, argumentsOf(processes, name), new Map()),
  );
  for (const node of nodes) {
    const path = `/api/v1/nodes/${node}/proxy/configz`;
    const { kubeletconfig } = await admin.get<{ kubeletconfig: Readonly<Record<string, Json>> }>(path);
    wrong.push(...differences(kubeletconfig, kubelet, '').map((difference) => `kubelet of ${node}: ${difference}`));
  }
  const bytes = spec.kind?.workerMemoryBytes;
  for (const worker of bytes === undefined ? [] : workers) {
    const capacity = bytesOf(seen.get(worker.name)?.status.capacity.memory ?? '0');
    wrong.push(...(await memoryDifferences(worker, Number(bytes), capacity)));
  }
  if (wrong.length) throw new RefusedError(`what was asked of the cluster did not take effect:\n${wrong.join('\n')}`);
}

/**
 * What a worker's kubelet sees is a /proc/meminfo of ours and proves no limit: that is the control group's, of memory and (where the
 * kernel counts it) of memory and swap together.
 */
export async function memoryDifferences(worker: Node, bytes: number, capacity: number): Promise<string[]> {
  const files = await worker.readCgroup([
    ...['memory.max', 'memory.swap.max'],
    ...['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes'],
  ]);
  const limit = files.get('memory.max') ?? files.get('memory.limit_in_bytes');
  const swap = files.get('memory.swap.max');
  const both = files.get('memory.memsw.limit_in_bytes');
  // The kernel counts in pages, /proc/meminfo in kilobytes.
  const differs = (said: number, wanted: number) => !(Math.abs(said - wanted) < 65_536);
  const asked = `${worker.name}: ${bytes} bytes of memory were asked for`;
  return [
    ...(differs(capacity, bytes) ? [`${asked}, its kubelet sees ${capacity}`] : []),
    ...(differs(Number(limit ?? Number.NaN), bytes) ? [`${asked}, its limit is ${limit?.trim() ?? 'unknown'}`] : []),
    ...(both !== undefined && differs(Number(both), bytes) ? [`${asked}, with swap it may use ${both.trim()}`] : []),
    ...(swap !== undefined && differs(Number(swap), 0) ? [`${asked}, and it may swap ${swap.trim()}`] : []),
  ];
}

/** One line for each value of `wanted` that is not so in `actual`; durations are compared as such (`5m` is `5m0s`). */
export function differences(actual: Json | undefined, wanted: Json, path: string): string[] {
  if (isObject(wanted) && isObject(actual ?? null)) {
    const within = actual as Readonly<Record<string, Json>>;
    return Object.entries(wanted).flatMap(([name, value]) =>
      differences(within[name], value, path === '' ? name : `${path}.${name}`),
    );
  }
  if (JSON.stringify(actual) === JSON.stringify(wanted)) return [];
  if (typeof wanted === 'string' && typeof actual === 'string') {
    const seconds = secondsOf(wanted);
    if (seconds !== undefined && seconds === secondsOf(actual)) return [];
  }
  return [`${path} ${JSON.stringify(wanted)} was asked for, it has ${JSON.stringify(actual) ?? 'none'}`];
}

const argumentsOf = (processes: readonly Process[], name: string) =>
  processes.find(({ program }) => program === name)?.args ?? [];

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const SECONDS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9 };

/** Of a duration as Go writes it; undefined for another text. */
function secondsOf(text: string): number | undefined {
  if (!/^(?:[\d.]+(?:h|ms|m|s|us|µs|ns))+$/.test(text)) return text === '0' ? 0 : undefined;
  return [...text.matchAll(/([\d.]+)(h|ms|m|s|us|µs|ns)/g)].reduce(
    (sum, [, value, unit]) => sum + Number(value) * (SECONDS[unit ?? ''] ?? 0),
    0,
  );
}

/** Of a node's memory as its kubelet writes it: `1048576Ki`. */
function bytesOf(quantity: string): number {
  const [, value = '0', unit = ''] = /^(\d+)(Ki|Mi|Gi)?$/.exec(quantity) ?? [];
  return Number(value) * 1024 ** ['', 'Ki', 'Mi', 'Gi'].indexOf(unit);
}
