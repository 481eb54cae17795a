import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Millis, RefusedError } from '../model.ts';
import { signedWith, tellSigned } from './arm.ts';

/** A process of this host that pays a run's debts when its harness dies, however: `kill -9` reaches nobody else. */
export interface Watchdog {
  /** Resolves when it is gone although nobody told it to go: from then on only `ordeal clean` pays. */
  readonly lost: Promise<void>;
  /** Call it when all is settled, or is told as owed. Resolves when the process is gone. */
  dismiss(): Promise<void>;
}

const watchesWithin: Millis = 20_000;
const goneWithin: Millis = 5_000;

const program = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? 'watchdog.ts' : 'watchdog.js', import.meta.url),
);

/** It does not carry ORDEAL_MARK: it outlives the run's other processes. */
const sign = (mark: string) => `--watchdog=${mark}`;

/**
 * Starts it in a session of its own, where neither a key on the harness's terminal nor the end of its group reaches it. Resolves when it
 * watches. Throws `RefusedError` where it does not: then nothing may be owed.
 */
export async function watchOver(folder: string, mark: string): Promise<Watchdog> {
  const child = spawn(process.execPath, [program, sign(mark), folder], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = once(child, 'exit');
  try {
    await Promise.race([
      once(child, 'message'),
      ended.then(() => Promise.reject(new Error('it ended at once'))),
      sleep(watchesWithin, undefined, { ref: false }).then(() => Promise.reject(new Error('it does not answer'))),
    ]);
  } catch (error) {
    child.kill('SIGKILL');
    const why = error instanceof Error ? error.message : String(error);
    throw new RefusedError(`nobody watches over the run, so nothing was done: ${why}`, { cause: error });
  }
  child.unref();
  child.channel?.unref();
  return { lost: ended.then(() => undefined), dismiss: () => dismiss(child, ended) };
}

async function dismiss(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  if (child.connected) child.send('settled', () => undefined);
  await Promise.race([ended, sleep(goneWithin)]);
  // One that hears nothing must not take a later run's end for its own.
  child.kill('SIGKILL');
  child.unref();
}

/** Those of a run, whoever started them. */
export const watchdogs = (mark: string): number[] => signedWith(sign(mark));

/** Lets those of a dead run finish what they do, and then go; resolves with those that are still there after so long. */
export const relieve = (mark: string, within: Millis): Promise<readonly number[]> => tellSigned(sign(mark), within);
