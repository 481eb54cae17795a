import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ClusterSpec, FaultSpec, Node } from '../model.ts';
import { ask } from './unit.ts';

/** cgroup v1 says "none" as a number near 2^63. */
const unlimited = 2 ** 60;

/** The memory of one node, in bytes. */
export interface NodeMemory {
  readonly node: string;
  /** The limit of its own control group; undefined where it has none. */
  readonly limit: number | undefined;
  /** What it can use at most: its limit, or all of its machine. */
  readonly has: number;
  /** What the machine under it has to spare now. */
  readonly available: number;
}

/** Throws where it cannot be read: what is not known is not risked. */
export async function memoryOf(node: Node): Promise<NodeMemory> {
  const limits = await node.readCgroup(['memory.max', 'memory.limit_in_bytes']);
  const text = limits.get('memory.max') ?? limits.get('memory.limit_in_bytes');
  if (text === undefined) throw new Error(`the memory limit of ${node.name} cannot be read`);
  const said = text.trim() === 'max' ? unlimited : Number(text);
  const limit = said < unlimited ? said : undefined;
  const machine = node.outside ? await readFile('/proc/meminfo', 'utf8') : await meminfoOf(node);
  const total = field(machine, 'MemTotal');
  return { node: node.name, limit, has: Math.min(limit ?? total, total), available: field(machine, 'MemAvailable') };
}

/** What the workers would have that a fault is for. Empty where this host does not say what it has: no node is made there. */
export async function memoryBeforehand(spec: FaultSpec, { kind }: ClusterSpec): Promise<readonly NodeMemory[]> {
  if (!existsSync('/proc/meminfo')) return [];
  const machine = await readFile('/proc/meminfo', 'utf8');
  const [total, available] = [field(machine, 'MemTotal'), field(machine, 'MemAvailable')];
  const limit = kind?.workerMemoryBytes;
  const worker = { node: 'a worker', limit, has: Math.min(limit ?? total, total), available };
  return Array.from({ length: spec.workers }, () => worker);
}

async function meminfoOf(node: Node): Promise<string> {
  const text = (await node.read(['/proc/meminfo'])).get('/proc/meminfo');
  if (text === undefined) throw new Error(`/proc/meminfo of ${node.name} cannot be read`);
  return text;
}

function field(meminfo: string, name: string): number {
  const kib = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1];
  if (kib === undefined) throw new Error(`/proc/meminfo says nothing of ${name}`);
  return Number(kib) * 1024;
}

/** What a node's control group says of its memory, in bytes. */
export interface Pressure {
  readonly limit: number;
  readonly usage: number;
  /** The most that was used since `forgetPeak`, or since the group was made. */
  readonly peak: number;
  /** How often it ran into its limit; newer kernels do not count that for cgroup v1. */
  readonly hits: number;
}

export async function pressureOf(node: Node): Promise<Pressure> {
  const read = await node.readCgroup([
    ...['memory.max', 'memory.current', 'memory.events'],
    ...['memory.limit_in_bytes', 'memory.usage_in_bytes', 'memory.max_usage_in_bytes', 'memory.failcnt'],
  ]);
  const number = (...names: readonly string[]) => {
    const text = names.map((name) => read.get(name)).find((found) => found !== undefined);
    if (text === undefined) throw new Error(`the control group of ${node.name} shows none of ${names.join(', ')}`);
    return text.trim() === 'max' ? unlimited : Number.parseInt(text, 10);
  };
  const usage = number('memory.current', 'memory.usage_in_bytes');
  return {
    limit: number('memory.max', 'memory.limit_in_bytes'),
    usage,
    peak: Number(read.get('memory.max_usage_in_bytes') ?? usage),
    hits: Number(/^max (\d+)$/m.exec(read.get('memory.events') ?? '')?.[1] ?? read.get('memory.failcnt') ?? 0),
  };
}

/** Whether the group ran into its limit between two looks. */
export const ranIntoLimit = (before: Pressure, now: Pressure) => now.hits > before.hits || now.peak >= 0.98 * now.limit;

/** On cgroup v1 only: from now on `peak` is a new one. */
export async function forgetPeak(node: Node, signal: AbortSignal): Promise<void> {
  const peak = '/sys/fs/cgroup/memory/memory.max_usage_in_bytes';
  await ask(node, ['sh', '-c', `[ ! -e ${peak} ] || echo 0 > ${peak}`], signal);
}
