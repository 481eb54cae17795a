import { setTimeout as sleep } from 'node:timers/promises';
import { isGone, tryDocker } from '../../docker.ts';
import type { Debt } from '../../model.ts';
import { type Clients, execOn } from '../../node/exec.ts';
import { lastLinesOf } from '../../program.ts';
import { type InDocker, requireSameDaemon } from './daemon.ts';

type Env = Pick<Clients, 'env'>;
type On = InDocker & { readonly container: string };

export interface ContainerState {
  readonly running: boolean;
  readonly paused: boolean;
  /** Bytes; 0 is no limit. */
  readonly memory: number;
}

/**
 * Undefined when there is no such container any more. Throws when it is neither a node of kind nor carries our mark: then it is a
 * stranger's, whoever wrote its id into a ledger.
 */
export async function stateOf(container: string, whose: InDocker, env: Env): Promise<ContainerState | undefined> {
  const format =
    '{"running":{{.State.Running}},"paused":{{.State.Paused}},"memory":{{.HostConfig.Memory}},"labels":{{json .Config.Labels}}}';
  const inspected = await tryDocker(['inspect', '--type', 'container', '-f', format, container], env);
  if (isGone(inspected)) {
    await requireSameDaemon(whose, env);
    return undefined;
  }
  if (inspected.exitCode !== 0) throw new Error(`docker inspect: ${lastLinesOf(inspected.stderr).at(-1)}`);
  const { labels, ...state } = JSON.parse(inspected.stdout) as ContainerState & {
    labels: Record<string, string> | null;
  };
  if (labels?.['ordeal.mark'] === whose.mark || labels?.['io.x-k8s.kind.cluster'] !== undefined) return state;
  throw new Error(
    `not ours, left alone: container ${container.slice(0, 12)} is no node of kind and has no mark of ours`,
  );
}

/** Somebody else may pay the same debt at this moment: what counts is the state afterwards. */
async function unlessAlready(args: readonly string[], env: Env): Promise<string> {
  const done = await tryDocker(args, env);
  return done.exitCode === 0 ? '' : `: ${lastLinesOf(done.stderr).at(-1)}`;
}

export async function thaw({ container, ...whose }: On, env: Env): Promise<void> {
  if (!(await stateOf(container, whose, env))?.paused) return;
  const complaint = await unlessAlready(['unpause', container], env);
  if ((await stateOf(container, whose, env))?.paused)
    throw new Error(`container ${container} is still paused${complaint}`);
}

export async function powerOn({ container, ...whose }: On, env: Env): Promise<void> {
  const before = await stateOf(container, whose, env);
  if (!before) return;
  const complaint = before.running ? '' : await unlessAlready(['start', container], env);
  const after = await stateOf(container, whose, env);
  if (!after) return;
  if (!after.running) throw new Error(`container ${container} does not run${complaint}`);
  await systemdAnswers(container, env);
}

/** A container without systemd is on as soon as it runs. */
async function systemdAnswers(container: string, env: Env): Promise<void> {
  const command = ['systemctl', 'is-system-running'];
  let last = '';
  for (let round = 0; round < 60; round++) {
    try {
      const { exitCode, stdout, stderr } = await execOn({ via: 'docker', container }, command, env);
      if (exitCode === 127 || /^(running|degraded|starting)$/m.test(stdout)) return;
      last = `${stdout} ${stderr}`.trim();
    } catch (error) {
      // Not yet, or not any more: said below when it stays so.
      last = String(error);
    }
    await sleep(500);
  }
  throw new Error(`systemd of container ${container} does not answer: ${last}`);
}

/** As much as the kernel can count: no limit. */
const unlimited = 9_223_372_036_854_771_712n;

export async function restoreMemory(
  { container, bytes, swapBytes, ...whose }: Extract<Debt, { undo: 'restore-node-memory' }>,
  env: Env,
): Promise<void> {
  if (!(await stateOf(container, whose, env))) return;
  const memory = bytes === -1 ? unlimited : BigInt(bytes);
  const swap = swapBytes === -1 ? unlimited : swapBytes || (bytes === -1 ? -1 : bytes * 2);
  const update = (most: string) => ['update', '--memory', String(memory), '--memory-swap', most, container];
  // Control groups v1 refuse a limit without one of memory and swap together; on v2 the same two numbers would forbid swap.
  let complaint = await unlessAlready(update(String(swap)), env);
  if (complaint !== '' && swap === -1) complaint = await unlessAlready(update(String(memory)), env);
  // Docker does not tell the kernel of a -1, it only remembers it.
  if (swapBytes === -1) complaint += await unlessAlready(['update', '--memory-swap', '-1', container], env);
  const after = await stateOf(container, whose, env);
  if (!after) return;
  const asOwed = bytes === -1 ? after.memory === 0 || after.memory >= 2 ** 62 : after.memory === bytes;
  if (!asOwed) throw new Error(`container ${container} is limited to ${after.memory} bytes, not ${bytes}${complaint}`);
}
