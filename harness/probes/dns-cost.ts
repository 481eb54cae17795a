import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Millis, ToolError } from '../model.ts';

/** Of /proc/PID/stat, on every Linux of today: `getconf CLK_TCK`. */
const ticksPerSecond = 100;
const startsWithin: Millis = 10_000;
const warms: Millis = 500;
const lasts: Millis = 1_500;
const inFlight = 64;
/** Fewer say nothing. */
const least = 1_000;

const configuration = (port: number) => `.:${port} {
  bind 127.0.0.1
  hosts {
    192.0.2.7 api.partner.example
  }
}
`;

/** Of one query: id 7, recursion desired, A of api.partner.example. */
const query = Buffer.concat([
  Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
  ...['api', 'partner', 'example'].map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
  Buffer.from([0, 0, 1, 0, 1]),
]);

/**
 * CPU seconds that a query costs a CoreDNS on this host: one on `port` of 127.0.0.1, asked for two seconds as fast as it answers.
 * The kernel charges what a busy host takes away too, as it does when a limit is in force. It ends with its caller, however that
 * ends. Throws `ToolError` when it does not answer, the signal's reason when aborted.
 */
export async function dnsCost(program: string, port: number, signal: AbortSignal): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'ordeal-dns-'));
  const file = join(folder, 'Corefile');
  await writeFile(file, configuration(port));
  // Its shell reads from us until we are gone, and takes it along.
  const script = '"$0" -conf "$1" >/dev/null 2>&1 </dev/null & pid=$!; echo $pid; cat >/dev/null; kill -9 $pid';
  const shell = spawn('/bin/sh', ['-c', script, program, file], { stdio: ['pipe', 'pipe', 'ignore'] });
  const gone = new Promise((resolve) => shell.once('close', resolve));
  const socket = createSocket('udp4');
  try {
    const pid = await new Promise<number>((resolve, reject) => {
      shell.once('error', reject);
      shell.stdout.once('data', (text: Buffer) => resolve(Number(text)));
    });
    let answers = 0;
    const ask = () => socket.send(query, port, '127.0.0.1');
    socket.on('message', () => {
      answers += 1;
      ask();
    });
    // Until it listens, the kernel refuses.
    socket.on('error', () => undefined);
    for (let waited = 0; answers === 0; waited += 50) {
      const command = `${program} -conf ${file}`;
      if (waited >= startsWithin) throw new ToolError('CoreDNS answers no query', { command });
      ask();
      await sleep(50, undefined, { signal });
    }
    for (let sent = 1; sent < inFlight; sent++) ask();
    await sleep(warms, undefined, { signal });
    const [before, from] = [await cpuSeconds(pid), answers];
    await sleep(lasts, undefined, { signal });
    const [after, to] = [await cpuSeconds(pid), answers];
    if (to - from >= least && after > before) return (after - before) / (to - from);
    throw new ToolError(`CoreDNS answered ${to - from} queries in ${lasts / 1000} s`, { command: program });
  } finally {
    socket.close();
    shell.stdin.end();
    await gone;
    await rm(folder, { recursive: true });
  }
}

/** Of all its threads, in user and kernel mode. */
async function cpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
