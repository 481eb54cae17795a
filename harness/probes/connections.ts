import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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

/** How many of them a process holds. */
export function connectionsOf(pid: number, established: ReadonlySet<string>): number {
  const links = orIfGone(() => readdirSync(`/proc/${pid}/fd`), []).map((fd) =>
    orIfGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ''),
  );
  return links.filter((link) => established.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? '')).length;
}

function orIfGone<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return otherwise;
    throw error;
  }
}
