import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Answer, Asked } from './decoder.ts';

const look = 2_000;
const atLast = 120_000;

/** A decoder in a process of its own, begun anew when it hangs or dies. */
export class Decoder implements Disposable {
  #child: ChildProcess | undefined;

  /**
   * `thrown` says so where it dies, or takes more than so many milliseconds of CPU time: a busy machine may make anything wait, so
   * the clock on the wall says nothing.
   */
  async ask(asked: Asked, within: number): Promise<Answer> {
    this.#child ??= begun();
    const child = this.#child;
    const started = performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const died = (code: number | null, signal: string | null) =>
      resolve({ thrown: `it died: ${code ?? signal}`, milliseconds: performance.now() - started });
    child.once('message', resolve);
    child.once('exit', died);
    child.once('error', reject);
    const before = cpuOf(child);
    const timer = setInterval(() => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const used = cpuOf(child) - before;
      const milliseconds = performance.now() - started;
      if (used > within || milliseconds > atLast) resolve({ thrown: `it hangs: ${used} ms of CPU`, milliseconds });
    }, look);
    child.send(asked);
    try {
      const answer = await promise;
      if (answer.thrown !== undefined) this[Symbol.dispose]();
      return answer;
    } finally {
      clearInterval(timer);
      child.off('message', resolve).off('exit', died).off('error', reject);
    }
  }

  [Symbol.dispose](): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

function begun(): ChildProcess {
  const file = fileURLToPath(new URL('decoder.ts', import.meta.url));
  return fork(file, {
    execArgv: ['--permission', '--allow-fs-read=*', '--no-warnings'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Milliseconds of CPU time, to 10 ms. */
function cpuOf({ pid }: ChildProcess): number {
  if (pid === undefined) return 0;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}
