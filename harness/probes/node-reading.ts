import type { Node } from '../model.ts';

/** What the files of a node say at one moment; absent where the kernel or the node has it not. Base units. */
export interface NodeReading {
  readonly boot?: string;
  readonly usage?: number;
  readonly workingSet?: number;
  readonly limit?: number;
  readonly available?: number;
  /** Cumulative, as all that follow but the pressure. */
  readonly kernelOomKills?: number;
  readonly throttled?: number;
  readonly io?: number;
  readonly pressure: ReadonlyMap<string, number>;
}

const resources = ['cpu', 'memory', 'io'];
const paths = [
  '/proc/meminfo',
  '/proc/vmstat',
  '/proc/sys/kernel/random/boot_id',
  ...resources.map((resource) => `/proc/pressure/${resource}`),
];
const version1 = ['memory.usage_in_bytes', 'memory.limit_in_bytes', 'blkio.throttle.io_serviced_recursive'];
const version2 = ['memory.current', 'memory.max', 'io.stat', ...resources.map((r) => `${r}.pressure`)];

/** Rejects with `ToolError` when the node cannot be read. */
export async function readNode(node: Node): Promise<NodeReading> {
  const [files, group] = await Promise.all([
    node.read(paths),
    node.readCgroup([...version1, ...version2, 'memory.stat', 'cpu.stat']),
  ]);
  return parseNode(files, group);
}

export function parseNode(files: ReadonlyMap<string, string>, group: ReadonlyMap<string, string>): NodeReading {
  const proc = (path: string) => files.get(path) ?? '';
  const file = (name: string) => group.get(name) ?? '';
  const total = bytesOf(proc('/proc/meminfo'), 'MemTotal');
  const free = bytesOf(proc('/proc/meminfo'), 'MemAvailable');
  const bound = numberOf(file('memory.max') || file('memory.limit_in_bytes'));
  const limit = least(bound, total);
  const usage = numberOf(file('memory.current') || file('memory.usage_in_bytes')) ?? minus(total, free);
  const stat = file('memory.stat');
  const inactive = field(stat, 'total_inactive_file') ?? field(stat, 'inactive_file') ?? 0;
  const workingSet = usage === undefined ? undefined : Math.max(0, usage - inactive);
  // Without a limit of its own the group says nothing of what others leave to it.
  const limited = bound !== undefined && total !== undefined && bound <= total;
  const throttled = group.has('cpu.stat') ? throttledIn(file('cpu.stat')) : undefined;
  return known({
    boot: proc('/proc/sys/kernel/random/boot_id').trim() || undefined,
    usage,
    workingSet,
    limit,
    available: limited ? Math.max(0, minus(limit, workingSet) ?? 0) : free,
    kernelOomKills: field(proc('/proc/vmstat'), 'oom_kill'),
    throttled,
    io: operationsIn(group),
    pressure: new Map(
      resources.flatMap((resource): [string, number][] => {
        const text = file(`${resource}.pressure`) || proc(`/proc/pressure/${resource}`);
        const [, percent] = /^some avg10=([\d.]+)/m.exec(text) ?? [];
        return percent === undefined ? [] : [[resource, Number(percent) / 100]];
      }),
    ),
  });
}

type Parsed = { readonly [key in keyof Omit<NodeReading, 'pressure'>]: NodeReading[key] | undefined } & Pick<
  NodeReading,
  'pressure'
>;

function known(parsed: Parsed): NodeReading {
  return Object.fromEntries(
    Object.entries(parsed).filter(([, value]) => value !== undefined),
  ) as unknown as NodeReading;
}

/** Seconds: v1 counts nanoseconds, v2 microseconds. */
function throttledIn(stat: string): number | undefined {
  const nano = field(stat, 'throttled_time');
  const micro = field(stat, 'throttled_usec');
  if (nano !== undefined) return nano / 1e9;
  return micro === undefined ? undefined : micro / 1e6;
}

function operationsIn(group: ReadonlyMap<string, string>): number | undefined {
  const version1 = group.get('blkio.throttle.io_serviced_recursive');
  if (version1 !== undefined) return field(version1, 'Total');
  const stat = group.get('io.stat');
  if (stat === undefined) return undefined;
  return [...stat.matchAll(/\b[rw]ios=(\d+)/g)].reduce((sum, [, ios]) => sum + Number(ios), 0);
}

function field(text: string, name: string): number | undefined {
  const [, value] = new RegExp(`^${name} (\\d+)$`, 'm').exec(text) ?? [];
  return value === undefined ? undefined : Number(value);
}

function bytesOf(meminfo: string, name: string): number | undefined {
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo) ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** `max` is no number, and is no limit. */
function numberOf(text: string): number | undefined {
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

function minus(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one - other;
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
