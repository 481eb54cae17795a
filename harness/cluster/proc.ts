import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { alive } from '../process.ts';

export interface Listener {
  readonly pid: number;
  readonly address: string;
  readonly port: number;
  readonly loopback: boolean;
}

/** The arguments without the program's own name. Throws ENOENT or ESRCH when the process is gone. */
export async function commandLine(pid: number): Promise<string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(1, -1);
}

/** The environment that the process was started with. */
export async function environment(pid: number): Promise<Map<string, string>> {
  return variables(await readFile(`/proc/${pid}/environ`, 'utf8'));
}

/** The program's file, with every link resolved. */
export function executable(pid: number): Promise<string> {
  return readlink(`/proc/${pid}/exe`);
}

/** The sockets on which these processes listen or take datagrams, as `ss -lntup` shows them. Throws EACCES for a process whose sockets must not be seen. */
export function listeners(pids: readonly number[]): Listener[] {
  const owners = new Map<string, number>();
  // A socket that others inherited is told as that of who opened it.
  for (const pid of pids.toReversed()) for (const inode of socketsOf(pid)) owners.set(inode, pid);
  const found: Listener[] = [];
  for (const [table, state] of TABLES) {
    for (const line of tableOf(table)) {
      const fields = line.trim().split(/\s+/);
      const pid = owners.get(fields[9] ?? '');
      if (fields[3] !== state || pid === undefined) continue;
      const [address = '', port = ''] = (fields[1] ?? '').split(':');
      const bytes = Buffer.from(address, 'hex').swap32();
      const text =
        bytes.length === 4 ? [...bytes].join('.') : `[${bytes.toString('hex').replaceAll(/(.{4})(?=.)/g, '$1:')}]`;
      found.push({ pid, address: text, port: Number.parseInt(port, 16), loopback: isLoopback(bytes) });
    }
  }
  return found;
}

/** Ports of loopback to which a process is connected, one for each connection. Throws as `listeners` does. */
export function connectedTo(pid: number): number[] {
  const own = new Set(socketsOf(pid));
  return ['tcp', 'tcp6'].flatMap((table) =>
    tableOf(table).flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [address = '', port = ''] = (fields[2] ?? '').split(':');
      const there = fields[3] === '01' && own.has(fields[9] ?? '') && isLoopback(Buffer.from(address, 'hex').swap32());
      return there ? [Number.parseInt(port, 16)] : [];
    }),
  );
}

/** With the state of a socket that waits for whoever comes: TCP_LISTEN; of UDP one without a peer is TCP_CLOSE. */
const TABLES = [
  ['tcp', '0A'],
  ['tcp6', '0A'],
  ['udp', '07'],
  ['udp6', '07'],
] as const;

function isLoopback(bytes: Buffer): boolean {
  if (bytes.length === 4) return bytes[0] === 127;
  const hex = bytes.toString('hex');
  return hex === `${'0'.repeat(31)}1` || hex.startsWith(`${'0'.repeat(20)}ffff7f`);
}

function tableOf(name: string): string[] {
  try {
    return readFileSync(`/proc/net/${name}`, 'latin1').split('\n').slice(1);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function socketsOf(pid: number): string[] {
  try {
    const descriptors = readdirSync(`/proc/${pid}/fd`);
    return descriptors.flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1] ?? []);
  } catch (error) {
    // What is dead and not yet reaped must not be looked into either.
    if (isGone(error) || !alive({ pid, start: '' })) return [];
    throw error;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

function variables(text: string): Map<string, string> {
  const pairs = text.split('\0').filter((pair) => pair.includes('='));
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** The process, or its descriptor, ended while we looked. */
const isGone = (error: unknown) => ['ENOENT', 'ESRCH'].includes(codeOf(error) ?? '');

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
