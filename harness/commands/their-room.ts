import type { Ask } from '../access/ask.ts';
import type { KubeObject } from '../kube/client.ts';
import { RefusedError, type Scenario } from '../model.ts';
import { createdBy } from './their-objects.ts';

/** Thousandths of a CPU, bytes of memory, and a place among a node's pods. */
interface Room {
  cpu: number;
  memory: number;
  pods: number;
}

interface PodSpec {
  readonly nodeName?: string;
  readonly containers?: readonly { readonly resources?: { readonly requests?: Readonly<Record<string, unknown>> } }[];
}

type Pod = KubeObject & { readonly spec?: PodSpec; readonly status?: { readonly phase?: string } };
type Node = KubeObject & {
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly { readonly effect: string }[] };
  readonly status?: { readonly allocatable?: Readonly<Record<string, unknown>> };
};

/**
 * Throws `RefusedError` where the pods that a scenario begins with do not fit into the cluster beside what is there. Asked before anything
 * is changed; a rough look, which knows nothing of affinities: the scheduler has the last word.
 */
export async function requireRoom(scenario: Scenario, ask: Ask): Promise<void> {
  const wanted = (await createdBy(scenario, scenario.phases[0]?.name)).flatMap(({ object }) => podsOf(object));
  if (wanted.length === 0) return;
  const rooms = await roomsOf(ask);
  wanted.sort((one, other) => other.cpu - one.cpu || other.memory - one.memory);
  const homeless = wanted.filter((pod) => {
    const room = rooms.find(({ cpu, memory, pods }) => cpu >= pod.cpu && memory >= pod.memory && pods >= 1);
    if (room !== undefined) take(room, pod);
    return room === undefined;
  });
  const [first] = homeless;
  if (first === undefined) return;
  const each = `${first.cpu / 1_000} CPUs and ${Math.ceil(first.memory / 2 ** 20)} MiB`;
  throw new RefusedError(
    `${scenario.id} begins with ${wanted.length} pods, and the cluster has no room for ${homeless.length} of them (${each} each)`,
  );
}

/** What the pods of an object ask for, each. */
function podsOf({ kind = '', spec }: KubeObject): Room[] {
  const { replicas = 1, template } = (spec ?? {}) as { replicas?: unknown; template?: { spec?: PodSpec } };
  if (kind === 'Pod') return [requestsOf(spec as PodSpec | undefined)];
  if (template === undefined || typeof replicas !== 'number') return [];
  return Array.from({ length: replicas }, () => requestsOf(template.spec));
}

function requestsOf({ containers = [] }: PodSpec = {}): Room {
  const all = containers.map(({ resources: { requests = {} } = {} }) => requests);
  const sum = (name: string) => all.reduce((total, requests) => total + quantity(requests[name]), 0);
  return { cpu: sum('cpu') * 1_000, memory: sum('memory'), pods: 1 };
}

/** What is free on each node that takes pods of anybody. */
async function roomsOf(ask: Ask): Promise<Room[]> {
  const list = async <T>(path: string) =>
    (((await ask('GET', path)) ?? {}) as unknown as { items?: readonly T[] }).items ?? [];
  const rooms = new Map<string, Room>();
  for (const { metadata, spec = {}, status: { allocatable = {} } = {} } of await list<Node>('/api/v1/nodes')) {
    if (spec.unschedulable || spec.taints?.some(({ effect }) => effect !== 'PreferNoSchedule')) continue;
    const [cpu, memory, pods] = ['cpu', 'memory', 'pods'].map((name) => quantity(allocatable[name]));
    rooms.set(metadata.name, { cpu: (cpu ?? 0) * 1_000, memory: memory ?? 0, pods: pods ?? 0 });
  }
  for (const { spec, status } of await list<Pod>('/api/v1/pods')) {
    const room = rooms.get(spec?.nodeName ?? '');
    if (room !== undefined && !['Succeeded', 'Failed'].includes(status?.phase ?? '')) take(room, requestsOf(spec));
  }
  return [...rooms.values()];
}

function take(room: Room, { cpu, memory, pods }: Room): void {
  room.cpu -= cpu;
  room.memory -= memory;
  room.pods -= pods;
}

const units: Readonly<Record<string, number>> = {
  ...{ '': 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
};

/** A quantity of Kubernetes in its base unit; 0 for what is none. */
function quantity(text: unknown): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(m|[kMGT]i?|Ki)?$/.exec(String(text ?? '')) ?? [];
  return digits === undefined ? 0 : Number(digits) * (units[unit] ?? 1);
}
