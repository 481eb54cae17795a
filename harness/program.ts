import { type ChildProcess, spawn } from 'node:child_process';
import { type Executed, type Millis, ToolError } from './model.ts';

export interface ProgramOptions {
  /** Written to its standard input, which is then closed. Empty when absent. */
  readonly input?: string;
  /** It is killed after so many milliseconds; default 60 s. */
  readonly timeout?: Millis;
  readonly signal?: AbortSignal;
  /** Its whole environment; that of the harness when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** More output than this, in bytes of each stream, is no answer. */
const outputLimit = 16 * 2 ** 20;
const keptLines = 20;

/**
 * Runs a program to its end, whatever its exit code. Rejects with `ToolError` when it cannot be started, is ended by a signal,
 * does not end in time or says more than 16 MiB; with the signal's reason when aborted.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { input, timeout = 60_000, signal, env }: ProgramOptions = {},
): Promise<Executed> {
  signal?.throwIfAborted();
  const child = spawn(program, args, { stdio: 'pipe', ...(env && { env: env as NodeJS.ProcessEnv }) });
  const said = { stdout: '', stderr: '' };
  const complaint = (what: string, cause?: unknown) =>
    new ToolError(`${program} ${what}`, {
      command: pasteable(program, args),
      lastLines: lastLinesOf(said.stderr),
      cause,
    });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const stop = (error: unknown) => {
    end(child);
    reject(error);
  };
  const abort = () => stop(signal?.reason);
  const timer = setTimeout(() => stop(complaint(`did not end within ${timeout / 1000} s`)), timeout);
  signal?.addEventListener('abort', abort, { once: true });
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      if (said[name].length > outputLimit) stop(complaint('says too much'));
    });
  }
  child.once('error', (error) => stop(complaint(`cannot be started: ${error.message}`, error)));
  child.once('close', (code, by) => (code === null ? stop(complaint(`was ended by ${by}`)) : resolve(code)));
  // It need not read all that it is given (EPIPE): its exit code says what came of it.
  child.stdin.on('error', () => undefined).end(input ?? '');
  try {
    return { exitCode: await promise, ...said };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function end(child: ChildProcess): void {
  child.kill('SIGKILL');
  // A grandchild may hold the pipes open for ever.
  for (const stream of child.stdio) stream?.destroy();
}

/** The last twenty lines at most, without empty ones. */
export function lastLinesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-keptLines);
}

/** The command as one would paste it into a shell. */
export function pasteable(program: string, args: readonly string[]): string {
  return [program, ...args].map(quote).join(' ');
}

/** A word as a shell takes it back. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
