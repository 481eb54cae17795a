import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Debt, Millis } from '../model.ts';
import { requireDebt } from './undo/debt.ts';

/** A process of this host that pays one debt when its time has come, whoever lives. */
export interface Armed {
  /** Call it when the debt is settled: resolves when the process is gone. */
  disarm(): Promise<void>;
}

const armedWithin = 10_000;
const goneWithin = 5_000;
const again: Millis = 1_000;

const program = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? 'later.ts' : 'later.js', import.meta.url));

/** What tells the processes of a run on their command lines; they do not carry ORDEAL_MARK, as they must outlive its other processes. */
const sign = (mark: string) => `--later=${mark}`;

/** Starts it in a session of its own, where neither the harness's end nor a key on its terminal reaches it. Resolves when it waits. */
export async function arm(folder: string, id: number, debt: Debt, within: Millis): Promise<Armed> {
  requireDebt(debt);
  const args = [program, sign(debt.mark), folder, String(id), String(within), JSON.stringify(debt)];
  const child = spawn(process.execPath, args, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = once(child, 'exit');
  // Looked at below, or nobody waits for it.
  ended.catch(() => undefined);
  const failed = ended.then(() => Promise.reject(new Error('it ended at once')));
  const timeout = sleep(armedWithin, undefined, { ref: false }).then(() =>
    Promise.reject(new Error('it does not answer')),
  );
  try {
    await Promise.race([once(child, 'message'), failed, timeout]);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`nobody waits to pay ${debt.undo} later, so nothing was done: ${error}`, { cause: error });
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
    failed.catch(() => undefined);
    timeout.catch(() => undefined);
  }
  return { disarm: () => disarm(child, ended) };
}

async function disarm(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  // It looks into the ledger at once.
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) {
    child.ref();
    await Promise.race([ended, sleep(goneWithin, undefined, { ref: false })]);
    child.unref();
  }
}

/** Those of a run that wait, whoever started them. */
export const waiting = (mark: string): number[] => signedWith(sign(mark));

/** Processes whose first argument of their own is this one. */
export function signedWith(sign: string): number[] {
  if (!existsSync('/proc/self/cmdline')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && argumentsOf(pid)[2] === sign);
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Tells those that wait for a run to pay now, and resolves with those that are still there after so long. */
export const hurry = (mark: string, within: Millis): Promise<readonly number[]> => tellSigned(sign(mark), within);

/**
 * Has processes of such a sign end when they have done what they do; resolves with those that are still there after so long. Tells them each
 * second: one that does not know yet that its harness is dead does not listen.
 */
export async function tellSigned(sign: string, within: Millis): Promise<readonly number[]> {
  const deadline = performance.now() + within;
  const ours = signedWith(sign).filter(told);
  const left = () => signedWith(sign).filter((pid) => ours.includes(pid));
  for (let next = performance.now() + again; left().length > 0 && performance.now() < deadline; await sleep(50)) {
    if (performance.now() < next) continue;
    next += again;
    left().forEach(told);
  }
  return left();
}

/** False for one that is gone, or another user's: that is none of ours, whatever its command line says. */
function told(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGTERM');
  } catch (error) {
    if (['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
