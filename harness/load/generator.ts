import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, setPriority } from 'node:os';
import type { Done } from './work.ts';

/**
 * When the generator, not the server, made the figures.
 * `waiting`, `cpu`: design.md's limits, for one second of load.
 * `part`: the server still counts as answering on time when k6's own waiting (or computing, at its CPU limit) makes up this
 * part of a request's (without requests: an iteration's) mean time: the rest is then not worth measuring. On two cores shared with the server k6 waits whenever
 * the server is saturated, but there its few milliseconds a request vanish in the server's seconds, and the figures stand.
 * `seconds`, `share`: a single bad second (a neighbour's burst) does not spoil a phase; this many, and this share of it, do.
 */
export const generatorLimits = { waiting: 0.2, cpu: 0.9, part: 0.2, seconds: 3, share: 0.2 } as const;

/** CPU of one process in a second. */
export interface Usage {
  /** Share of all CPUs. */
  readonly cpu: number;
  /** Share of the time in which its threads were ready but waited, summed over threads, at most 1. */
  readonly waiting: number;
  /** Seconds run, summed over threads. */
  readonly ran: number;
  /** Seconds waited, summed over threads. */
  readonly waited: number;
}

/** Reads a process's CPU use from the scheduler's own statistics of its threads. */
export class CpuMeter {
  readonly #pid: number;
  #threads = new Map<string, readonly [ran: number, waited: number]>();
  #at = performance.now();

  constructor(pid: number) {
    this.#pid = pid;
    this.read();
  }

  /** Use since the previous reading; undefined where the kernel does not tell, or the process is gone. */
  read(): Usage | undefined {
    const threads = this.#statistics();
    const at = performance.now();
    const elapsed = (at - this.#at) / 1000;
    let ran = 0;
    let waited = 0;
    for (const [thread, [nowRan, nowWaited]] of threads) {
      const [thenRan, thenWaited] = this.#threads.get(thread) ?? [0, 0];
      ran += (nowRan - thenRan) / 1e9;
      waited += (nowWaited - thenWaited) / 1e9;
    }
    this.#threads = threads;
    this.#at = at;
    if (threads.size === 0 || elapsed <= 0) return undefined;
    return { cpu: ran / elapsed / availableParallelism(), waiting: Math.min(1, waited / elapsed), ran, waited };
  }

  #statistics(): Map<string, readonly [number, number]> {
    return new Map(
      threadsOf(this.#pid).flatMap((thread) => {
        const text = readIfThere(`/proc/${this.#pid}/task/${thread}/schedstat`);
        const [ran, waited] = text?.trim().split(' ').map(Number) ?? [];
        return ran === undefined || waited === undefined ? [] : [[thread, [ran, waited] as const]];
      }),
    );
  }
}

/** Lets a process go before its victims on a shared machine. Returns why it could not, or undefined. */
export function prefer(pid: number): string | undefined {
  try {
    // Linux keeps a priority per thread; new threads inherit it from the one that made them.
    for (const thread of new Set([String(pid), ...threadsOf(pid)])) setPriority(Number(thread), -10);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Decides second by second, and at the end, whether the generator was the bottleneck. */
export class GeneratorJudge {
  #seconds = 0;
  #bound = 0;

  second(usage: Usage, { of, ended, meanSeconds }: Done): void {
    const timed = ended > 0 && meanSeconds.length > 0;
    // That no request ends is the server's doing; an iteration may last as long as its phase, and does not explain why k6 waits.
    if (!timed && of === 'requests') return;
    this.#seconds += 1;
    const busy = usage.cpu >= generatorLimits.cpu;
    if (!busy && usage.waiting <= generatorLimits.waiting) return;
    const own = (usage.waited + (busy ? usage.ran : 0)) / ended;
    if (!timed || meanSeconds.some((mean) => own >= generatorLimits.part * mean)) this.#bound += 1;
  }

  /** The reason to void the run, or undefined. */
  verdict(): string | undefined {
    if (this.#bound < generatorLimits.seconds || this.#bound <= generatorLimits.share * this.#seconds) return undefined;
    return `the generator was the bottleneck: in ${this.#bound} of ${this.#seconds} s k6 waited for CPU (or used it up) while the server answered on time`;
  }
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');
}
