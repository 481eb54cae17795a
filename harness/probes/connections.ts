import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { alive } from '../process.ts';

const ESTABLISHED = '01';

/** Inodes of all TCP sockets of this host that are connected. */
export function establishedSockets(): ReadonlySet<string> {
  return new Set(
    ['tcp', 'tcp6'].flatMap((table) =>
      orIfGone(() => readFileSync(`/proc/net/${table}`, 'latin1'), '')
        .split('\n')
        .slice(1)
        .flatMap((line) => {
          const fields = line.trim().split(/\s+/);
          return fields[3] === ESTABLISHED && fields[9] ? [fields[9]] : [];
        }),
    ),
  );
}

/** How many of them a process holds; none when it is gone. */
export function connectionsOf(pid: number, established: ReadonlySet<string>): number {
  const links = orIfGone(() => readdirSync(`/proc/${pid}/fd`), [], pid).map((fd) =>
    orIfGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '', pid),
  );
  return links.filter((link) => established.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? '')).length;
}

function orIfGone<Value>(read: () => Value, otherwise: Value, pid?: number): Value {
  try {
    return read();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH'].includes(code)) return otherwise;
    // Of a process that waits to be reaped the kernel shows its files to root alone.
    if (['EACCES', 'EPERM'].includes(code) && pid !== undefined && !alive({ pid, start: '' })) return otherwise;
    throw error;
  }
}
