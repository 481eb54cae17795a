import { readFile } from 'node:fs/promises';

/** One reading of a process from /proc. */
export interface ProcessStat {
  /** Seconds of CPU since its start, in user and kernel mode. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** The most it ever had. */
  readonly peakBytes: number;
}

/** Clock ticks a second in /proc, the same on every Linux that Node runs on (proc(5), sysconf(_SC_CLK_TCK)). */
const ticks = 100;

/** Undefined when the process is gone, or dead and waiting for its parent. */
export async function processStat(pid: number): Promise<ProcessStat | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    // The command's name may hold spaces and brackets: count from the last one. State is the first field then.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const residentBytes = bytes(status, 'VmRSS');
    // A process that is being ended gives its memory back first.
    if (residentBytes === 0) return undefined;
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticks,
      residentBytes,
      peakBytes: Math.max(residentBytes, bytes(status, 'VmHWM')),
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function bytes(status: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status);
  return match ? Number(match[1]) * 1024 : 0;
}
