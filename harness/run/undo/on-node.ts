import type { Executed, Millis, NodeRef } from '../../model.ts';
import { type Clients, execOn } from '../../node/exec.ts';
import { withPodAgain } from '../../node/pod-again.ts';
import { lastLinesOf } from '../../program.ts';
import { stateOf } from './container.ts';
import type { InDocker } from './daemon.ts';

export type OnNode = InDocker & { readonly node: NodeRef };

/**
 * Lets `work` run programs on the node. Nothing is done when the node is gone for good: then nothing is owed on it. Throws when it is
 * there but paused or off: what revives it is a debt of its own, and is paid first.
 */
export async function onNode(
  { node: ref, ...whose }: OnNode,
  clients: Clients,
  work: (run: RunOnNode) => Promise<void>,
): Promise<void> {
  const run: RunOnNode = async (what, command, timeout = 30_000) => {
    const done = await execOn(ref, command, { ...clients, timeout });
    if (done.exitCode === 0) return done;
    throw new Error(
      `${what}: exit ${done.exitCode} ${lastLinesOf(done.stderr).at(-1) ?? lastLinesOf(done.stdout).at(-1) ?? ''}`,
    );
  };
  if (ref.via === 'pod') return withPodAgain(ref, whose.mark, clients, () => work(run));
  const state = await stateOf(ref.container, whose, clients);
  if (!state) return;
  if (state.paused || !state.running) {
    throw new Error(
      `the node ${ref.container.slice(0, 12)} is ${state.paused ? 'paused' : 'off'}: it has to be revived first`,
    );
  }
  await work(run);
}

/** Throws, with `what` could not be done and the last line said, when the program fails. */
export type RunOnNode = (what: string, command: readonly string[], timeout?: Millis) => Promise<Executed>;
