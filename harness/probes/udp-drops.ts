import { readFile } from 'node:fs/promises';

const tries = 5;

/**
 * Datagrams that the kernel of this host threw away since the sockets of this port were opened, for want of room in their
 * buffers (source: /proc/net/udp, drops); undefined while there is none.
 */
export async function udpDrops(port: number): Promise<number | undefined> {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  // The kernel hands the table over in pieces: while sockets come and go one may be left out, or be there twice.
  for (let left = tries; left > 0; left -= 1) {
    const tables = await Promise.all([readFile('/proc/net/udp', 'latin1'), udp6()]);
    const rows = tables.flatMap((table) => table.split('\n')).map((line) => line.trim().split(/\s+/));
    const sockets = rows.filter(([, local = '']) => local.endsWith(ending));
    if (sockets.length === 0) continue;
    const byInode = new Map(sockets.map((fields) => [fields[9], Number(fields.at(-1))]));
    return [...byInode.values()].reduce((sum, drops) => sum + drops, 0);
  }
  return undefined;
}

/** Empty on a host without IPv6. */
async function udp6(): Promise<string> {
  try {
    return await readFile('/proc/net/udp6', 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
