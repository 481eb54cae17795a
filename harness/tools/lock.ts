import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { alive, type ProcessId, thisProcess } from '../process.ts';

const pollMs = 100;
let claims = 0;

/**
 * Holds the lock that `folder` stands for until it is disposed; a dead holder's lock is taken over.
 * `waiting` is called at each poll with the pid of the living holder. Rejects with the signal's reason.
 *
 * The folder holds numbered files; whoever linked the highest number owns the lock. The highest is never removed, only
 * overwritten (free) or outnumbered, so that two processes which saw the same dead holder cannot both succeed it.
 */
export async function hold(
  folder: string,
  signal: AbortSignal,
  waiting: (pid: number) => void,
): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  const claim = join(folder, `claim-${process.pid}-${++claims}`);
  await writeFile(claim, JSON.stringify(thisProcess()));
  try {
    for (;;) {
      signal.throwIfAborted();
      const top = await highest(folder);
      const owner = await ownerOf(join(folder, String(top)));
      if (owner && alive(owner)) {
        waiting(owner.pid);
        await setTimeout(pollMs, undefined, { signal });
      } else if (await take(folder, claim, top + 1)) {
        return release(folder, top + 1);
      }
    }
  } finally {
    await rm(claim, { force: true });
  }
}

async function take(folder: string, claim: string, number: number): Promise<boolean> {
  const file = join(folder, String(number));
  try {
    await link(claim, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  if ((await highest(folder)) !== number) {
    await rm(file, { force: true });
    return false;
  }
  for (const name of await readdir(folder)) {
    const dead = name.startsWith('claim-') && !alive({ pid: Number(name.split('-')[1]), start: '' });
    if (dead || Number(name) < number) await rm(join(folder, name), { force: true });
  }
  return true;
}

function release(folder: string, number: number): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      const free = join(folder, `claim-${process.pid}-free-${number}`);
      await writeFile(free, '{}');
      await rename(free, join(folder, String(number)));
    },
  };
}

async function highest(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).map(Number).filter((number) => number > 0);
  return Math.max(0, ...numbers);
}

async function ownerOf(file: string): Promise<ProcessId | undefined> {
  try {
    const owner = JSON.parse(await readFile(file, 'utf8')) as Partial<ProcessId>;
    return owner.pid === undefined ? undefined : { pid: owner.pid, start: owner.start ?? '' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
