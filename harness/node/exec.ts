import type { Executed, Millis, NodeRef } from '../model.ts';
import { runProgram } from '../program.ts';
import { asSaid, reachOf, refuseUnreached } from './reach.ts';

/** How the clients that reach nodes are found. */
export interface Clients {
  /** The environment of docker and kubectl; that of the harness when absent. Put ORDEAL_MARK into it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Absolute path of kubectl, for `via: 'pod'`; the one of PATH when absent. */
  readonly kubectl?: string;
}

export interface ExecOptions extends Clients {
  readonly input?: string;
  /** Default 10 s. The program is ended on the node too, soon after. */
  readonly timeout?: Millis;
  readonly signal?: AbortSignal;
}

/**
 * Runs a program on a node, whatever its exit code. Rejects with `ToolError` when the node cannot be reached (gone, stopped,
 * paused, its runtime cannot start a process) or does not answer in time, with the signal's reason when aborted.
 */
export async function execOn(
  ref: NodeRef,
  command: readonly string[],
  { timeout = 10_000, kubectl, ...given }: ExecOptions = {},
): Promise<Executed> {
  // Whoever kills the client does not kill what it started on the node.
  const bounded = ['timeout', '-s', 'KILL', String(Math.ceil(timeout / 1000) + 1), ...command];
  const reach = reachOf(ref, bounded, given.input !== undefined, kubectl);
  const done = await runProgram(reach.program, reach.args, { ...given, timeout });
  refuseUnreached(reach, done);
  return asSaid(ref, done);
}
