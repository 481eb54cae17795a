import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Millis, ToolError } from '../model.ts';
import { processStat } from './process-stat.ts';

const startsWithin: Millis = 10_000;
const warms: Millis = 500;
const lasts: Millis = 1_500;
const inFlight = 64;
/** Fewer say nothing. */
const least = 1_000;
/** Another process may take a port between our looking and its binding. */
const tries = 3;

/**
 * Keeps CoreDNS as long as its caller keeps the pipe, whatever signal a terminal sends to all, and ends all that it started. On one
 * processor, as a server with such a limit is.
 */
const keeper = `trap '' HUP INT TERM QUIT
configuration=$2
GOMAXPROCS=1 setsid "$1" -conf stdin <<EOF >/dev/null &
$configuration
EOF
echo $!
cat >/dev/null
kill -9 -$! 2>/dev/null || kill -9 $!`;

const configuration = (port: number) => `.:${port} {
  bind 127.0.0.1
  hosts {
    192.0.2.7 api.partner.example
  }
}`;

/** Of one query: id 7, recursion desired, A of api.partner.example. */
const query = Buffer.concat([
  Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
  ...['api', 'partner', 'example'].map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
  Buffer.from([0, 0, 1, 0, 1]),
]);

/**
 * CPU seconds that a query costs a CoreDNS on this host: one on a port of 127.0.0.1 that `portOf` names, asked for two seconds as fast
 * as it answers. The kernel charges what a busy host takes away too, as it does when a limit is in force. Nothing is on disk, and it
 * ends with its caller, however that ends. Throws `ToolError` when it cannot be measured, AbortError when aborted.
 */
export async function dnsCost(program: string, portOf: () => Promise<number>, signal: AbortSignal): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await measured(program, await portOf(), signal);
    } catch (error) {
      if (attempt === tries || signal.aborted || !(error instanceof ToolError) || !/in use/.test(error.message))
        throw error;
    }
  }
}

async function measured(program: string, port: number, signal: AbortSignal): Promise<number> {
  const shell = spawn('/bin/sh', ['-c', keeper, 'sh', program, configuration(port)], { stdio: 'pipe' });
  const ended = once(shell, 'exit');
  const said: string[] = [];
  shell.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const failed = (what: string) => {
    const lastLines = said
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .slice(-3);
    const why = lastLines.at(-1);
    return new ToolError(`CoreDNS could not be measured: ${what}${why ? `: ${why}` : ''}`, {
      command: `${program} -conf …`,
      lastLines,
    });
  };
  const socket = createSocket('udp4');
  try {
    const pid = await pidOf(shell, failed, signal);
    await connected(socket, port);
    return await asked(socket, pid, failed, signal);
  } finally {
    socket.close();
    shell.stdin.end();
    await ended;
  }
}

async function pidOf(shell: ChildProcess, failed: (what: string) => ToolError, signal: AbortSignal): Promise<number> {
  const text = once(shell.stdout ?? shell, 'data', { signal });
  const end = once(shell, 'close', { signal }).then(() => Promise.reject(failed('its shell ended')));
  end.catch(() => undefined);
  const [said] = (await Promise.race([text, end])) as [Buffer];
  return Number(String(said).trim());
}

/** So that no stranger's datagram counts. */
async function connected(socket: Socket, port: number): Promise<void> {
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
}

async function asked(
  socket: Socket,
  pid: number,
  failed: (what: string) => ToolError,
  signal: AbortSignal,
): Promise<number> {
  let answers = 0;
  const ask = () => socket.send(query);
  socket.on('message', () => {
    answers += 1;
    ask();
  });
  // Until it listens, the kernel refuses.
  socket.on('error', () => undefined);
  const cpuSeconds = async () => {
    const stat = await processStat(pid);
    if (stat === undefined) throw failed('it ended');
    return stat.cpuSeconds;
  };
  for (let waited = 0; answers === 0; waited += 50) {
    if (waited >= startsWithin) throw failed('it answers no query');
    ask();
    await sleep(50, undefined, { signal });
    await cpuSeconds();
  }
  for (let sent = 1; sent < inFlight; sent++) ask();
  await sleep(warms, undefined, { signal });
  const [before, from] = [await cpuSeconds(), answers];
  await sleep(lasts, undefined, { signal });
  const [after, to] = [await cpuSeconds(), answers];
  if (to - from < least) throw failed(`it answered ${to - from} queries in ${lasts / 1000} s`);
  if (after - before < 0.1)
    throw failed(`process ${pid} used no CPU time to speak of; is ${to - from} answers' program a wrapper`);
  return (after - before) / (to - from);
}
