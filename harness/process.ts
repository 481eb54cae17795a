import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A process of this host that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks from the host's start to its own (field 22 of /proc/PID/stat); empty where there is no /proc. */
  readonly start: string;
}

export function thisProcess(): ProcessId {
  return { pid: process.pid, start: startOf(process.pid) ?? '' };
}

/** False when the process is gone, waits only to be reaped, or is another one with its number; that is not asked of an empty `start`. */
export function alive({ pid, start }: ProcessId): boolean {
  if (existsSync('/proc/self/stat')) {
    const is = startOf(pid);
    return is !== undefined && (start === '' || is === start);
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Every other process that was started with ORDEAL_MARK=<mark>. Throws when it cannot be looked: no answer is not "none". */
export function marked(mark: string): number[] {
  const wanted = `\0ORDEAL_MARK=${mark}\0`;
  // One after another: a host may run more processes than we may open files.
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && `\0${readProc(pid, 'environ')}`.includes(wanted));
}

function startOf(pid: number): string | undefined {
  const text = readProc(pid, 'stat');
  // The program's name may hold spaces and brackets: count from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Empty for a process that is gone, or another user's: neither is ours. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
