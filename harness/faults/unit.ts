import { type Millis, type Node, type NodeUnit, ToolError } from '../model.ts';

/** What systemd on a node says of a unit. Times are microseconds of the node's own monotonic clock, as text: for comparing only. */
export interface UnitState {
  /** `active`, `inactive`, `failed`… */
  readonly active: string;
  readonly pid: number;
  readonly restarts: number;
  readonly enteredActive: string;
}

/** Runs a program on the node; throws `ToolError` for an exit code other than 0. */
export async function ask(
  node: Node,
  command: readonly string[],
  signal: AbortSignal,
  input?: string,
): Promise<string> {
  const { exitCode, stdout, stderr } = await node.exec(command, {
    signal,
    timeout: 60_000,
    ...(input !== undefined && { input }),
  });
  if (exitCode === 0) return stdout;
  throw new ToolError(`node ${node.name} refused`, {
    command: command.join(' '),
    exitCode,
    lastLines: stderr.trim().split('\n').slice(-5),
  });
}

export async function unitState(node: Node, unit: NodeUnit, signal: AbortSignal): Promise<UnitState> {
  const properties = 'ActiveState,MainPID,NRestarts,ActiveEnterTimestampMonotonic';
  const text = await ask(node, ['systemctl', 'show', `${unit}.service`, `--property=${properties}`], signal);
  const said = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  return {
    active: said('ActiveState'),
    pid: Number(said('MainPID')),
    restarts: Number(said('NRestarts')),
    enteredActive: said('ActiveEnterTimestampMonotonic'),
  };
}

const seconds = (time: Millis) => `${Math.ceil(time / 1000)}s`;

/** Arms a timer on the node that runs a command after `within`, whoever lives. The command is not expanded by systemd: no `$` in it. */
export async function armTimer(
  node: Node,
  { name, within, script }: { readonly name: string; readonly within: Millis; readonly script: string },
  signal: AbortSignal,
): Promise<void> {
  const timer = ['--collect', `--unit=${name}`, `--on-active=${seconds(within)}`, '--timer-property=AccuracySec=100ms'];
  await ask(node, ['systemd-run', ...timer, '/bin/sh', '-c', script], signal);
}

/** Starts a service of ours on the node that ends by itself after `within`. */
export async function startService(
  node: Node,
  service: {
    readonly name: string;
    readonly within: Millis;
    readonly command: readonly string[];
    readonly properties?: readonly string[];
  },
  signal: AbortSignal,
): Promise<void> {
  const properties = [`RuntimeMaxSec=${seconds(service.within)}`, ...(service.properties ?? [])];
  const options = ['--collect', `--unit=${service.name}`, ...properties.map((property) => `--property=${property}`)];
  await ask(node, ['systemd-run', ...options, ...service.command], signal);
}

/** What gives a unit back its life, stopped or killed or paused. */
export const revival = (unit: NodeUnit) =>
  [
    `systemctl kill --kill-whom=main --signal=CONT ${unit}.service`,
    // Who died too often is not started otherwise.
    `systemctl reset-failed ${unit}.service`,
    `systemctl start ${unit}.service`,
  ].join('; ');
