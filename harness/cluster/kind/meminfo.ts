import { readFile } from 'node:fs/promises';

const MIB = 1024 * 1024;
const LEAST = 256 * MIB;
/** Left to the control plane, the harness and the host itself. */
const RESERVE = 2048 * MIB;

/** Why these workers must not be made, if so: more than the host can give, or less than a node can live with. */
export async function beyondMemory(workers: number, bytes: number): Promise<string | undefined> {
  if (bytes < LEAST) return `a worker of ${mebibytes(bytes)} cannot run a kubelet; the least is ${mebibytes(LEAST)}`;
  const text = await readFile('/proc/meminfo', 'utf8');
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  const needed = workers * bytes + RESERVE;
  if (needed <= available) return undefined;
  return `${workers} workers of ${mebibytes(bytes)} and ${mebibytes(RESERVE)} for everything else need ${mebibytes(needed)}; this host has ${mebibytes(available)} available`;
}

/**
 * A /proc/meminfo for a machine of so many bytes: kubelet and cAdvisor take the node's capacity from MemTotal, whatever
 * the limit of the container. It does not move; what is in use comes from the control group.
 */
export function meminfo(bytes: number): string {
  const total = Math.floor(bytes / 1024);
  const fields = {
    MemTotal: total,
    MemFree: Math.floor(total * 0.75),
    MemAvailable: Math.floor(total * 0.85),
    Buffers: 0,
    Cached: Math.floor(total * 0.1),
    SwapCached: 0,
    SwapTotal: 0,
    SwapFree: 0,
  };
  return Object.entries(fields)
    .map(([name, kilobytes]) => `${`${name}:`.padEnd(16)}${String(kilobytes).padStart(8)} kB\n`)
    .join('');
}

const mebibytes = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
