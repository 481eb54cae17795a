import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

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

/** The name of a file that is opened for a program which may write over its environment, as nginx does: who has it open is marked too. */
export const signFile = (mark: string) => `.ordeal-${mark}`;

/** Every other process that was started with ORDEAL_MARK=<mark>. Throws when it cannot be looked: no answer is not "none". */
export function marked(mark: string): number[] {
  const wanted = `\0ORDEAL_MARK=${mark}\0`;
  const sign = `/${signFile(mark)}`;
  // One after another: a host may run more processes than we may open files.
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && (`\0${readProc(pid, 'environ')}`.includes(wanted) || holds(pid, sign)));
}

/** Whether the process has such a file open, removed or not. */
function holds(pid: number, ending: string): boolean {
  const ends = (link: string) => link.endsWith(ending) || link.endsWith(`${ending} (deleted)`);
  return orIfGone(() => readdirSync(`/proc/${pid}/fd`), []).some((fd) =>
    ends(orIfGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '')),
  );
}

/** What a process has started itself and still runs, by their start; empty when it is gone. */
export function childrenOf(parent: number): ProcessId[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const fields = statOf(Number(name));
      return fields?.[1] === String(parent) ? [{ pid: Number(name), start: fields[19] ?? '' }] : [];
    })
    .sort((one, other) => Number(one.start) - Number(other.start));
}

/** How it calls itself: what stands where its arguments stood, for a program that writes its state there. Empty when it is gone. */
export function titleOf(pid: number): string {
  return readProc(pid, 'cmdline').replaceAll('\0', ' ').trim();
}

function startOf(pid: number): string | undefined {
  return statOf(pid)?.[19];
}

/** The fields of /proc/PID/stat from the state on; undefined for what is gone, or dead and not yet reaped. */
function statOf(pid: number): string[] | undefined {
  const text = readProc(pid, 'stat');
  // The program's name may hold spaces and brackets: count from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return text === '' || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields;
}

const readProc = (pid: number, file: string) => orIfGone(() => readFileSync(`/proc/${pid}/${file}`, 'latin1'), '');

/** `otherwise` for a process that is gone, or another user's: neither is ours. */
function orIfGone<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return otherwise;
    throw error;
  }
}
