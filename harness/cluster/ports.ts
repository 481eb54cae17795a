import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { ToolError } from '../model.ts';

const LOWEST = 15_000;
const RANGE = '/proc/sys/net/ipv4/ip_local_port_range';

/**
 * Ports of 127.0.0.1 on which nobody listens, by TCP or UDP, all different, below the range from which the kernel takes the ports of
 * outgoing connections. Another process may still be faster: who binds them must be ready to ask again.
 */
export async function freePorts<Name extends string>(names: readonly Name[]): Promise<Record<Name, number>> {
  const highest = Number((await readFile(RANGE, 'utf8').catch(() => '32768')).split(/\s/)[0]);
  const ports = new Set<number>();
  for (let tries = 0; ports.size < names.length; tries += 1) {
    if (tries > 500) throw new ToolError('no free ports on 127.0.0.1', { command: `cat ${RANGE}; ss -ltn` });
    const port = highest > LOWEST + 1_000 ? randomInt(LOWEST, highest) : randomInt(LOWEST, 65_536);
    if (!ports.has(port) && (await isFree(port)) && (await isFreeForUdp(port))) ports.add(port);
  }
  const found = [...ports];
  return Object.fromEntries(names.map((name, index) => [name, found[index]])) as Record<Name, number>;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function isFreeForUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
