import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { type NodeRef, ToolError } from '../model.ts';
import { lastLinesOf, pasteable } from '../program.ts';
import type { Clients } from './exec.ts';
import { reachOf } from './reach.ts';

/**
 * Ends the program on the node when its standard input ends: that happens whenever the client here is gone, however it went.
 * A shell gives background work no standard input, hence the copy as descriptor 3.
 */
const whileHeard =
  'exec 3<&0; "$@" 3<&- </dev/null & p=$!; { cat <&3 >/dev/null; kill $p; } 2>/dev/null & wait $p; s=$?; kill $! 2>/dev/null; exit $s';

/**
 * Runs a program on a node and gives its output line by line until it ends with exit code 0. Rejects with `ToolError` when the node
 * cannot be reached or the program ends otherwise, with the signal's reason when aborted. The program is ended on the node too.
 */
export async function* followOn(
  ref: NodeRef,
  command: readonly string[],
  signal: AbortSignal,
  { env, kubectl }: Clients = {},
): AsyncGenerator<string> {
  signal.throwIfAborted();
  const { program, args } = reachOf(ref, ['sh', '-c', whileHeard, 'sh', ...command], true, kubectl);
  const child = spawn(program, args, { stdio: 'pipe', ...(env && { env: env as NodeJS.ProcessEnv }) });
  const complaint = (what: string, exitCode?: number, cause?: unknown) =>
    new ToolError(`${command[0]} on the node ${what}`, {
      command: pasteable(program, args),
      lastLines: lastLinesOf(said),
      ...(exitCode !== undefined && { exitCode }),
      cause,
    });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096);
  });
  child.stdin.on('error', () => undefined);
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  // Awaited when the output has ended.
  closed.catch(() => undefined);
  const abort = () => child.kill('SIGKILL');
  signal.addEventListener('abort', abort, { once: true });
  try {
    yield* linesOf(child.stdout);
    const [code, by] = await closed.catch((error: unknown) => {
      throw complaint('cannot be started', undefined, error);
    });
    signal.throwIfAborted();
    if (code !== 0) throw complaint(code === null ? `was ended by ${by}` : 'ended', code ?? undefined);
  } finally {
    signal.removeEventListener('abort', abort);
    end(child);
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const text of stream.setEncoding('utf8')) {
    const lines = (rest + text).split('\n');
    // A line without an end must not fill the memory.
    rest = (lines.pop() ?? '').slice(0, 2 ** 20);
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function end(child: ChildProcess): void {
  child.kill('SIGKILL');
  for (const stream of child.stdio) stream?.destroy();
}
