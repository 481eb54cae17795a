import { readFile } from 'node:fs/promises';
import { request } from 'undici';
import type { KubeClient } from '../kube/client.ts';
import {
  type ClusterSpec,
  type Component,
  type ComponentFacts,
  type ComponentName,
  type Connection,
  RefusedError,
} from '../model.ts';
import { marked } from '../process.ts';
import { redact } from '../secrets.ts';
import { type Wanted, wanted } from './flags.ts';
import type { Files, Ports } from './kwokctl.ts';
import { commandLine, environment, type Listener, listeners } from './proc.ts';
import { schedulerConfig, schedulerDifferences, schedulerEndpoint } from './scheduler.ts';

export interface Running {
  readonly name: ComponentName;
  readonly pid: number;
  readonly start: string;
  readonly memoryLimitBytes?: number;
  readonly unlimited?: string;
}

/** An administrator's client, and how others are asked as the administrator. */
interface Asking {
  readonly admin: KubeClient;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

/** What each component really is, from the running process. Throws a `RefusedError` with everything that differs from what was asked. */
export async function readBack(
  running: readonly Running[],
  spec: ClusterSpec,
  made: Files,
  ports: Ports,
  { admin, connection, signal }: Asking,
): Promise<ComponentFacts[]> {
  const asScheduler = { ...connection, ...schedulerEndpoint(made, ports) };
  const wrong = await schedulerDifferences(schedulerConfig(spec), asScheduler, signal);
  const facts: ComponentFacts[] = [];
  for (const one of running) {
    const { start: _, ...component } = one;
    const { name, pid } = component;
    const args = await commandLine(pid);
    wrong.push(...differences(name, wanted(name, spec, made), args, await environment(pid)));
    const version = await versionOf(name, made, ports, admin);
    const asked = spec.components[name]?.version;
    if (asked !== undefined && plain(asked) !== version) {
      wrong.push(`${name}: version ${asked} was asked for, ${version} runs`);
    }
    facts.push({ ...component, version, args: args.map(redact) });
  }
  if (wrong.length) throw new RefusedError(`what was asked of the cluster did not take effect:\n${wrong.join('\n')}`);
  return facts;
}

/** One line for each flag and variable that the process does not have exactly as wanted; a flag must be there exactly once. */
export function differences(
  component: string,
  { flags, env }: Wanted,
  args: readonly string[],
  variables: ReadonlyMap<string, string>,
): string[] {
  const wrong: string[] = [];
  for (const [flag, value] of Object.entries(flags)) {
    const found = args.filter((argument) => argument === `--${flag}` || argument.startsWith(`--${flag}=`));
    if (found.length === 1 && found[0] === `--${flag}=${value}`) continue;
    wrong.push(`${component}: --${flag}=${value} was asked for, the process has ${found.join(' ') || 'no such flag'}`);
  }
  for (const [name, value] of Object.entries(env)) {
    const found = variables.get(name);
    if (found !== value)
      wrong.push(`${component}: ${name}=${value} was asked for, its environment has ${found ?? 'none'}`);
  }
  return wrong;
}

/**
 * Throws a `RefusedError` when a process of ours can be reached from another machine.
 * All processes with the mark are looked at, not only those that we know.
 */
export function refuseOpenSockets(mark: string, known: readonly Component[]): void {
  const names = new Map(known.map(({ pid, name }) => [pid, name]));
  const open = seen(marked(mark)).filter((listener) => !listener.loopback);
  if (open.length === 0) return;
  const list = open.map(
    ({ pid, address, port }) => `${names.get(pid) ?? `process ${pid}`} listens on ${address}:${port}`,
  );
  throw new RefusedError(`not on loopback only:\n${list.join('\n')}`);
}

function seen(pids: readonly number[]): Listener[] {
  try {
    return listeners(pids);
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new RefusedError(`whether all listen on loopback only cannot be seen: ${why}`, { cause: error });
  }
}

/** What a reader of the report should know of the cluster. */
export function notesOn({ kubernetes, leaderElection }: ClusterSpec, components: readonly ComponentFacts[]): string[] {
  const runs = components.find(({ name }) => name === 'kube-apiserver')?.version;
  const other = kubernetes !== undefined && runs !== kubernetes.replace(/^v/, '');
  return [
    ...(leaderElection ? [] : ['leader election is off']),
    ...(other ? [`Kubernetes ${kubernetes} was asked for, ${runs} runs`] : []),
  ];
}

/** As the running server says it; of those that do not say it, as their program said when kwokctl asked. */
async function versionOf(name: ComponentName, made: Files, ports: Ports, admin: KubeClient): Promise<string> {
  if (name === 'kube-apiserver') return plain((await admin.get<{ gitVersion: string }>('/version')).gitVersion);
  if (name === 'etcd') {
    const answer = await request(`http://127.0.0.1:${ports.etcd}/version`, { headersTimeout: 5_000 });
    return ((await answer.body.json()) as { etcdserver: string }).etcdserver;
  }
  const said = await readFile(`${made.state}/${name}.version`, 'utf8');
  return /\d+\.\d+\.\d+\S*/.exec(said)?.[0] ?? 'unknown';
}

const plain = (version: string) => version.replace(/^v/, '');
