import { docker } from '../docker.ts';
import { type Node, RefusedError } from '../model.ts';

/** Of a container, as docker says. */
export interface ContainerState {
  readonly running: boolean;
  readonly paused: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Its memory limit in bytes; -1 is none. */
  readonly memory: number;
  /** Limit of memory and swap together, in bytes, -1 is none; undefined where docker's own rule applies. */
  readonly swap: number | undefined;
  /** In its networks. */
  readonly addresses: readonly string[];
}

/** The full id of the container that a node is. */
export function containerOf(node: Node): string {
  if (node.outside && node.ref.via === 'docker') return node.ref.container;
  throw new RefusedError(`node ${node.name} is no container of this host`);
}

/** Throws `ToolError` where docker does not say. */
export async function stateOf(container: string, signal: AbortSignal): Promise<ContainerState> {
  const template =
    '{"state":{{json .State}},"memory":{{json .HostConfig.Memory}},"swap":{{json .HostConfig.MemorySwap}},"networks":{{json .NetworkSettings.Networks}}}';
  const said = JSON.parse(await docker(['inspect', '--type', 'container', '-f', template, container], { signal })) as {
    state: { Running: boolean; Paused: boolean; StartedAt: string; FinishedAt: string };
    memory: number;
    swap: number;
    networks: Record<string, { IPAddress: string }>;
  };
  return {
    running: said.state.Running,
    paused: said.state.Paused,
    startedAt: said.state.StartedAt,
    finishedAt: said.state.FinishedAt,
    memory: limited(said.memory) ? said.memory : -1,
    swap: limited(said.memory) && (limited(said.swap) || said.swap === -1) ? said.swap : undefined,
    addresses: Object.values(said.networks).map(({ IPAddress }) => IPAddress),
  };
}

const PAGE = 4096;
const OURS = 1913;

/**
 * The limit as we tell it to docker, so that it is known for ours: the kernel counts in pages and ignores the rest, docker keeps
 * every byte. Who finds such a limit must not take it for the node's own.
 */
export const signedLimit = (bytes: number) => Math.floor(bytes / PAGE) * PAGE + OURS;
export const isSignedLimit = (bytes: number) => bytes > 0 && bytes % PAGE === OURS;

/** None is 0, -1, or as much as the kernel can count. */
const limited = (bytes: number) => bytes > 0 && bytes < 2 ** 60;

/** As `stateOf`; throws `RefusedError` unless the node runs. */
export async function runningState(node: Node, signal: AbortSignal): Promise<ContainerState> {
  const state = await stateOf(containerOf(node), signal);
  if (state.running && !state.paused) return state;
  throw new RefusedError(`node ${node.name} does not run before the fault`);
}
