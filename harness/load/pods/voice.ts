import type { Clock, Millis } from '../../model.ts';
import { GeneratorJudge, type Usage } from '../generator.ts';
import { LastLines } from '../log.ts';
import type { Sum } from '../points.ts';
import { numbered, type Said, sumOf, understood } from './lines.ts';

/** Whom a pod's words are for. */
export interface Listener {
  readonly wanted: ReadonlyMap<string, { readonly histogram: boolean }>;
  /** Names of the declared requests. */
  readonly requests: readonly string[];
  sum(sum: Sum): void;
  /** A second is over. */
  tick(wall: number, usage: Usage | undefined): void;
}

/** What one k6 says of itself, line by line: each once, and in order. */
export class Voice {
  readonly judge = new GeneratorJudge();
  readonly log: LastLines;
  readonly #key: string;
  readonly #clock: Clock;
  readonly #listener: Listener;
  #next = 1;
  #requests = 0;
  readonly #durations = new Map<string, { count: number; sum: number }>();
  #up: Millis | undefined;
  hello: { readonly index: string; readonly pod: string } | undefined;
  ready = false;
  /** On the wall clock of its node. */
  begun: number | undefined;
  end: { readonly wall: number; readonly failure?: string | undefined } | undefined;
  /** What makes all that it says worthless. */
  broken: string | undefined;
  /** When it was last heard, on the run's clock. */
  heard: Millis = Number.NEGATIVE_INFINITY;
  /** The longest time between two of its seconds, by its own clock, once it had begun. */
  silence: Millis = 0;
  /** The shortest time from its wall clock to ours: the difference of the clocks, and the way. */
  lag: Millis = Number.POSITIVE_INFINITY;
  unlogged = 0;

  constructor(key: string, clock: Clock, listener: Listener, secrets: readonly string[]) {
    this.#key = key;
    this.#clock = clock;
    this.#listener = listener;
    this.log = new LastLines([...secrets, key]);
  }

  /** How many of its lines were taken or lost. */
  get count(): number {
    return this.#next - 1;
  }

  /** Takes a line of the log. False when lines before it are missing: it is not taken then. */
  take(line: string): boolean {
    const found = numbered(this.#key, line);
    if (!found) this.log.add(line);
    if (!found || found.number < this.#next) return true;
    if (found.number > this.#next) return false;
    this.#next += 1;
    this.log.add(found.before);
    const said = understood(found.said);
    if (said) this.#hear(said);
    else this.broken ??= `k6 cannot be understood: ${found.said.slice(0, 200)}`;
    return true;
  }

  /** Goes on with this line although some before it are gone for good. */
  lose(line: string): void {
    const number = numbered(this.#key, line)?.number ?? this.#next;
    this.broken ??= `lines ${this.#next} to ${number - 1} of its log are lost`;
    this.#next = number;
    this.take(line);
  }

  #hear(said: Said): void {
    this.heard = this.#clock.now();
    if ('hello' in said) {
      this.hello = said.hello;
      this.#compare(said.hello.wall);
    } else if ('ready' in said) this.ready = true;
    else if ('begun' in said) this.begun = said.begun.wall;
    else if ('end' in said) this.end = said.end;
    else if ('sum' in said)
      this.#count(sumOf(said.sum, this.#listener.wanted.get(said.sum.metric)?.histogram ?? false));
    else this.#second(said.tick);
  }

  #compare(wall: number): void {
    this.lag = Math.min(this.lag, this.#clock.now() - this.#clock.fromWall(wall));
  }

  #count(sum: Sum): void {
    this.#listener.sum(sum);
    const name = sum.tags['name'] ?? '';
    if (sum.metric !== 'http_req_duration' || !this.#listener.requests.includes(name)) return;
    this.#requests += sum.count;
    const former = this.#durations.get(name) ?? { count: 0, sum: 0 };
    this.#durations.set(name, { count: former.count + sum.count, sum: former.sum + sum.sum });
  }

  #second({ wall, up, cpu, unlogged = 0 }: Extract<Said, { tick: unknown }>['tick']): void {
    this.#compare(wall);
    this.unlogged += unlogged;
    const usage = cpu && {
      cpu: cpu.ran / cpu.elapsed / cpu.cpus,
      waiting: Math.min(1, cpu.waited / cpu.elapsed),
      ran: cpu.ran,
      waited: cpu.waited,
    };
    if (this.begun !== undefined) {
      this.silence = Math.max(this.silence, up - (this.#up ?? up));
      const means = [...this.#durations.values()].map(({ count, sum }) => sum / count);
      if (usage) this.judge.second(usage, this.#requests, means);
    }
    this.#up = up;
    this.#requests = 0;
    this.#durations.clear();
    this.#listener.tick(wall, usage);
  }
}
