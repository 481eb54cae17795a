import { existsSync } from 'node:fs';
import { readdir, readFile, rm, rmdir, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { marked } from '../../process.ts';
import { isThereBelow } from './below.ts';

export async function endProcesses(mark: string): Promise<void> {
  if (!existsSync('/proc/self/environ')) throw new Error('end-processes needs /proc');
  // A process in the middle of exec shows an empty environment: only two empty looks in a row mean that none is left.
  let empty = 0;
  const ended = new Set<number>();
  for (let round = 0; round < 250 && empty < 2; round++) {
    const pids = marked(mark, ended);
    empty = pids.length === 0 ? empty + 1 : 0;
    for (const pid of pids) kill(pid);
    for (const pid of pids) ended.add(pid);
    await sleep(20);
  }
  if (empty === 2) return;
  throw new Error(`processes survive SIGKILL: ${marked(mark, ended).join(' ')}`);
}

/** Who may not be ended is found alive again, and must not keep the others from being ended. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Only what lies below the run's folder, with no symbolic link on the way. */
export async function removeFolder(path: string, mark: string, below?: string): Promise<void> {
  if (!(await isThereBelow(path, below))) return;
  const signed = await readFile(join(path, '.ordeal'), 'utf8').catch(() => undefined);
  const names = await readdir(path);
  // Made, and about to be signed when the end came.
  if (names.length === 0) return rmdir(path);
  if (names.length === 1 && signed === '') {
    await unlink(join(path, '.ordeal'));
    return rmdir(path);
  }
  if (signed?.trim() !== mark) throw new Error(`not ours, left alone: ${path} is not signed by this run`);
  // The signature goes last, so that an interrupted removal can be taken up again.
  for (const name of names) {
    if (name !== '.ordeal') await rm(join(path, name), { recursive: true, force: true, maxRetries: 5 });
  }
  await rm(path, { recursive: true, force: true });
}

export async function removeCgroup(path: string, mark: string): Promise<void> {
  if (!basename(path).includes(mark)) throw new Error(`not ours, left alone: ${path} does not carry this run's mark`);
  for (let round = 0; ; round++) {
    try {
      return await rmdir(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return;
      // Gigabytes of a killed process take a while to be freed.
      if (code !== 'EBUSY' || round === 500) throw error;
      await sleep(20);
    }
  }
}
