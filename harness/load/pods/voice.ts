import type { Clock, LoadSpec, Millis } from '../../model.ts';
import { GeneratorJudge, type Usage } from '../generator.ts';
import { LastLines } from '../log.ts';
import type { Sum } from '../points.ts';
import { type Wanted, wantedOf } from '../wanted.ts';
import { Work } from '../work.ts';
import { Bounds, longestLine, type Within } from './bounds.ts';
import { numbered, type Said, sumOf, understood } from './lines.ts';

/** Whom a pod's words are for. */
export interface Listener {
  readonly spec: Pick<LoadSpec, 'requests' | 'metrics'>;
  readonly within: Within;
  sum(sum: Sum): void;
  end(wall: number): void;
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
  readonly #wanted: ReadonlyMap<string, Wanted>;
  readonly #bounds: Bounds;
  readonly #work: Work;
  /** It said too much: nothing that it measured is taken any more. */
  #unbounded = false;
  #next = 1;
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
    this.#wanted = wantedOf(listener.spec);
    this.#bounds = new Bounds(this.#wanted, listener.within);
    this.#work = new Work(listener.spec);
    this.log = new LastLines([...secrets, key]);
  }

  /** How many of its lines were taken or lost. */
  get count(): number {
    return this.#next - 1;
  }

  /** Takes a line of the log. False when lines before it are missing: it is not taken then. */
  take(line: string): boolean {
    if (line.length > longestLine) {
      this.broken ??= `a line of its log is longer than ${longestLine >> 10} KiB`;
      return true;
    }
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
    else if ('end' in said) {
      this.end = said.end;
      this.#listener.end(said.end.wall);
    } else if ('sum' in said) this.#count(sumOf(said.sum, this.#wanted.get(said.sum.metric)?.histogram ?? false));
    else this.#second(said.tick);
  }

  #compare(wall: number): void {
    this.lag = Math.min(this.lag, this.#clock.now() - this.#clock.fromWall(wall));
  }

  #count(sum: Sum): void {
    if (this.#exceeds(this.#unbounded ? undefined : this.#bounds.ofSum(sum))) return;
    this.#listener.sum(sum);
    this.#work.add(sum);
  }

  #exceeds(why: string | undefined): boolean {
    this.broken ??= why;
    this.#unbounded ||= why !== undefined;
    return this.#unbounded;
  }

  #second({ wall, up, cpu, unlogged = 0 }: Extract<Said, { tick: unknown }>['tick']): void {
    this.#compare(wall);
    if (this.#exceeds(this.#unbounded ? undefined : this.#bounds.ofTick(wall))) return;
    this.unlogged += unlogged;
    const usage = cpu && {
      cpu: cpu.ran / cpu.elapsed / cpu.cpus,
      waiting: Math.min(1, cpu.waited / cpu.elapsed),
      ran: cpu.ran,
      waited: cpu.waited,
    };
    if (this.begun !== undefined) {
      this.silence = Math.max(this.silence, up - (this.#up ?? up));
    }
    const done = this.#work.done();
    if (usage && this.begun !== undefined) this.judge.second(usage, done);
    this.#up = up;
    this.#listener.tick(wall, usage);
  }
}
