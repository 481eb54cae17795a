import { constants, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

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

/** Whether it is stopped by a signal (or a debugger), and the CPU time that it has had, in clock ticks; undefined when it is gone. */
export function standing({ pid, start }: ProcessId): { readonly stopped: boolean; readonly ticks: number } | undefined {
  const fields = statOf(pid);
  if (fields === undefined || fields[19] !== start) return undefined;
  return { stopped: /^[Tt]$/.test(fields[0] ?? ''), ticks: Number(fields[11]) + Number(fields[12]) };
}

/**
 * The name of a file that is opened for a program which may write over its environment, as nginx does: who has it open for
 * appending, as descriptor 9, is marked too.
 */
export const signFile = (mark: string) => `.ordeal-${mark}`;

/**
 * Every other process that was started with ORDEAL_MARK=<mark>, and those that must not be looked into (another user's) but were
 * started by one of them, or by one of `former`, which were among them a moment ago. Throws when it cannot be looked: no answer is not "none".
 */
export function marked(mark: string, former: Iterable<number> = []): number[] {
  const wanted = `\0ORDEAL_MARK=${mark}\0`;
  const sign = `/${signFile(mark)}`;
  const ours: number[] = [];
  const hidden: number[] = [];
  // One after another: a host may run more processes than we may open files.
  for (const pid of readdirSync('/proc').map(Number)) {
    if (Number.isNaN(pid) || pid === process.pid) continue;
    const bears = orHidden(
      () => `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(wanted) || holds(pid, sign),
    );
    if (bears === 'hidden') hidden.push(pid);
    else if (bears) ours.push(pid);
  }
  const from = new Set([...former, ...ours]);
  return from.size === 0 ? ours : [...ours, ...hidden.filter((pid) => descends(pid, from))];
}

/** Whether its launcher opened such a file for the process, removed or not; who merely reads it is a stranger. */
function holds(pid: number, ending: string): boolean {
  const link = readlinkSync(`/proc/${pid}/fd/9`);
  if (!link.endsWith(ending) && !link.endsWith(`${ending} (deleted)`)) return false;
  const flags = Number.parseInt(
    /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/9`, 'latin1'))?.[1] ?? '0',
    8,
  );
  return (flags & constants.O_WRONLY) !== 0 && (flags & constants.O_APPEND) !== 0;
}

/** Whether one of them has begun its session or is among its ancestors: what everybody may know of a process. */
function descends(pid: number, from: ReadonlySet<number>): boolean {
  for (let fields = statOf(pid); fields !== undefined; ) {
    const [parent, session] = [Number(fields[1]), Number(fields[3])];
    if (from.has(parent) || from.has(session)) return true;
    fields = statOf(parent);
  }
  return false;
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
  const value = orHidden(read);
  return value === 'hidden' || value === undefined ? otherwise : value;
}

/** Undefined for a process that is gone. */
function orHidden<Value>(read: () => Value): Value | 'hidden' | undefined {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ESRCH'].includes(code)) return undefined;
    if (['EACCES', 'EPERM'].includes(code)) return 'hidden';
    throw error;
  }
}
