import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename } from 'node:path';
import type { Death, Run } from '../model.ts';
import { alive } from '../process.ts';
import { redact } from '../secrets.ts';
import { ending, type Launched } from './launcher.ts';
import { oomKills } from './memory.ts';

export interface Watched extends Launched {
  readonly name: string;
  readonly log: string;
  readonly group?: string;
}

/** How often it is looked, and how long a launcher may take to say how its component ended; milliseconds. */
const EVERY = 100;
const PATIENCE = 1_000;
const LINES = 5;

/** Notices the end of components within 200 ms, journals it, and resolves who waits for it. Ends with the run's signal. */
export class Deaths implements Disposable {
  readonly #run: Run;
  readonly #state: string;
  readonly #living = new Map<string, Watched>();
  readonly #waiting = new Map<string, PromiseWithResolvers<Death>>();
  readonly #missing = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  /** `state` is the folder of the launchers' records. */
  constructor(run: Run, state: string) {
    this.#run = run;
    this.#state = state;
    this.#timer = setInterval(() => this.#look(), EVERY).unref();
  }

  watch(component: Watched): void {
    this.#living.set(component.name, component);
  }

  /** Resolves when the component is dead; never rejects. */
  of(component: string): Promise<Death> {
    const waiting = this.#waiting.get(component) ?? Promise.withResolvers<Death>();
    this.#waiting.set(component, waiting);
    return waiting.promise;
  }

  /** Deaths are ours from here on. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#run.signal.aborted) clearInterval(this.#timer);
    else for (const component of this.#living.values()) if (!alive(component.child)) this.#gone(component);
  }

  #gone(component: Watched): void {
    const since = this.#missing.get(component.name) ?? this.#run.clock.now();
    this.#missing.set(component.name, since);
    const end = ending(this.#state, component.name);
    const patient = this.#run.clock.now() - since < PATIENCE && alive(component.launcher);
    if (!end && patient) return;
    this.#living.delete(component.name);
    const at = end ? this.#run.clock.now() - (uptime() - end.uptime) * 1_000 : since;
    const oom = component.group !== undefined && oomKills(component.group) > 0;
    void this.#report(component, Math.max(0, at), end?.status, oom);
  }

  async #report({ name, log }: Watched, at: number, status: number | undefined, oom: boolean): Promise<void> {
    const number = status !== undefined && status > 128 ? status - 128 : oom ? constants.signals.SIGKILL : undefined;
    const signal = number && (signalName(number) ?? `signal ${number}`);
    const lines = await lastLines(log, LINES);
    const death: Death = {
      component: name,
      at,
      ...(signal ? { signal } : status !== undefined && { exitCode: status }),
      ...(oom && { oom }),
      lastLines: lines,
    };
    const cause = oom ? 'oom' : signal ? 'signal' : 'exit';
    const detail = [howOf(death), ...lines.map((line) => `  | ${line}`)].join('\n');
    this.#run.journal.append({ kind: 'seen', what: 'death', subject: name, detail, labels: { cause } }, at);
    this.#waiting.set(name, this.#waiting.get(name) ?? Promise.withResolvers<Death>());
    this.#waiting.get(name)?.resolve(death);
  }
}

/** In a few words. */
export function howOf({ signal, exitCode, oom }: Pick<Death, 'signal' | 'exitCode' | 'oom'>): string {
  if (signal) return `killed by ${signal}${oom ? ' (out of memory: memory cgroup)' : ''}`;
  return exitCode === undefined ? 'gone; its launcher was killed too, so how is not known' : `exit ${exitCode}`;
}

/** The last lines of a log, without secrets; none when there is no log. */
export async function lastLines(log: string, count: number): Promise<string[]> {
  try {
    await using file = await open(log);
    const { size } = await file.stat();
    const length = Math.min(size, 16_384);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return redact(buffer.toString('utf8')).trimEnd().split('\n').slice(-count).filter(Boolean);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The last lines of several logs, each after its log's name. */
export async function lastOfEach(logs: readonly string[], count: number): Promise<string[]> {
  const tails = logs.map(async (log) =>
    (await lastLines(log, count)).map((line) => `${basename(log, '.log')}: ${line}`),
  );
  return (await Promise.all(tails)).flat();
}

/** Seconds since the host's start. */
const uptime = () => Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);

const signalName = (number: number) => Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
