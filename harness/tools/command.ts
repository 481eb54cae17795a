import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { quote } from '../program.ts';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env: { readonly [name: string]: string | undefined };
  readonly signal: AbortSignal;
  /** Given every line of stderr as it comes; answers whether it is mere progress, not to be kept for an error. */
  onLine?(line: string): boolean;
  /** Given every line of stdout as it comes. */
  onOutput?(line: string): void;
}

export interface Ended {
  /** Absent when a signal ended it or it could not be started. */
  readonly exitCode?: number;
  readonly stdout: string;
  /** The last lines of stderr, twenty at most; why it could not be started. */
  readonly lastLines: readonly string[];
}

const graceMs = 2000;

/**
 * Runs a program in a process group of its own and resolves when it has exited, whatever its exit code.
 * On abort the whole group is ended before it rejects with the signal's reason.
 */
export async function run(command: Command): Promise<Ended> {
  const { program, args, cwd, env, signal, onLine, onOutput } = command;
  signal.throwIfAborted();
  const child = start(program, args, cwd, env);
  if (typeof child === 'string') return { stdout: '', lastLines: [child] };
  let stdout = '';
  const lastLines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  if (onOutput !== undefined) createInterface({ input: child.stdout }).on('line', (line) => onOutput(line));
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (onLine?.(line)) return;
    lastLines.push(line);
    if (lastLines.length > 20) lastLines.shift();
  });
  const exited = new Promise<number | undefined>((resolve) => {
    child.once('error', (error) => {
      lastLines.push(error.message);
      resolve(undefined);
    });
    child.once('exit', (code) => resolve(code ?? undefined));
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()));
  const killed = new AbortController();
  const abort = (): void => void endGroup(child.pid, exited, killed.signal);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const exitCode = await exited;
    // A grandchild may hold the pipes open for ever; what the program itself wrote has come by then.
    await Promise.race([closed, setTimeout(graceMs, undefined, { ref: false })]);
    signal.throwIfAborted();
    return { ...(exitCode === undefined ? {} : { exitCode }), stdout, lastLines };
  } finally {
    signal.removeEventListener('abort', abort);
    if (signal.aborted) signalGroup(child.pid, 'SIGKILL');
    killed.abort();
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function start(program: string, args: readonly string[], cwd: string | undefined, env: Command['env']) {
  try {
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    return spawn(program, args, { cwd, env: env as NodeJS.ProcessEnv, stdio, detached: true });
  } catch (error) {
    // A file that is no program (ENOEXEC) throws here; one that is missing emits `error`.
    return (error as Error).message;
  }
}

/** The command as one would paste it into a shell. */
export function pasteable(command: Pick<Command, 'program' | 'args' | 'cwd'>, settings: Command['env'] = {}): string {
  const env = Object.entries(settings).map(([name, value]) => `${name}=${quote(value ?? '')}`);
  const words = [...env, quote(command.program), ...command.args.map(quote)].join(' ');
  return command.cwd === undefined ? words : `cd ${quote(command.cwd)} && ${words}`;
}

async function endGroup(pid: number | undefined, exited: Promise<unknown>, over: AbortSignal): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  await Promise.race([exited, setTimeout(graceMs, undefined, { ref: false })]);
  if (!over.aborted) signalGroup(pid, 'SIGKILL');
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // A group of nothing but zombies may answer EPERM.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
