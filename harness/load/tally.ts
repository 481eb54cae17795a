import type { Labels, LoadSpec, MetricSpec, Millis, Run } from '../model.ts';
import { type Point, type Sum, withoutZeros } from './points.ts';
import { SeriesBuffer } from './series.ts';
import { type Wanted, wantedOf } from './wanted.ts';
import { type Done, Work } from './work.ts';

/** Answers that say that the request itself was wrong, not that the server was in trouble. */
const wrong = new Set([400, 403, 404, 405, 406, 410, 413, 415, 422]);

export interface Totals {
  readonly requests: number;
  readonly succeeded: number;
  /** Answered in a way that says that the request was wrong. */
  readonly wrong: number;
  readonly iterations: number;
  readonly dropped: number;
}

/** Gives k6's measurements their meaning in the model's words, and the totals on which a load is judged. */
export class Tally {
  readonly #run: Pick<Run, 'clock' | 'journal'>;
  readonly #own: Labels;
  readonly #requests: ReadonlySet<string>;
  readonly #custom: ReadonlyMap<string, MetricSpec>;
  readonly #series: SeriesBuffer;
  readonly #work: Work;
  readonly #totals = { requests: 0, succeeded: 0, wrong: 0, iterations: 0, dropped: 0, undeclared: 0 };
  readonly #answers = new Map<string, number>();
  #last: Millis | undefined;
  /** Names of the declared requests that were made. */
  readonly asked = new Set<string>();
  /** The k6 metrics that are of use here, by name. */
  readonly wanted: ReadonlyMap<string, Wanted>;

  constructor(spec: LoadSpec, run: Pick<Run, 'clock' | 'journal'>) {
    this.#run = run;
    this.#own = { load: spec.name };
    this.#requests = new Set(spec.requests);
    this.#custom = new Map(spec.metrics.map((metric) => [metric.name, metric]));
    this.#series = new SeriesBuffer(run);
    this.#work = new Work(spec);
    this.wanted = wantedOf(spec);
    for (const name of spec.requests) {
      this.#series.count(`${name}.requests`);
      this.#series.count(`${name}.failures`);
    }
    for (const metric of spec.metrics) if (metric.kind === 'increment') this.#series.count(metric.name);
    this.#series.count('load.dropped', this.#own);
  }

  /** Time of the latest measurement. */
  get last(): Millis | undefined {
    return this.#last;
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** The commonest failing answer: `404`, or `0 (k6 error 1212)`. */
  get commonest(): string {
    return [...this.#answers].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'none';
  }

  add({ metric, wall, tags, value }: Point): void {
    const base = value / (this.wanted.get(metric)?.per ?? 1);
    this.addSum({ metric, wall, tags, count: 1, sum: base, last: base });
  }

  addSum(sum: Sum): void {
    const at = this.#run.clock.fromWall(sum.wall);
    if (this.#last === undefined || at > this.#last) this.#last = at;
    this.#work.add(sum);
    switch (sum.metric) {
      case 'http_req_duration':
        this.#requestsOf(sum, at);
        break;
      case 'vus':
        this.#series.set('load.vus', this.#own, at, sum.last);
        break;
      case 'iterations':
        this.#totals.iterations += sum.sum;
        break;
      case 'dropped_iterations':
        this.#totals.dropped += sum.sum;
        this.#series.increase('load.dropped', this.#own, at, sum.sum);
        break;
      default:
        this.#ofScript(sum, at);
    }
  }

  /** Appends what arrived since the previous call; `alive`: and zeros where nothing did, so that silence is not a gap. */
  flush(alive: boolean): Done {
    this.#series.flush(alive);
    return this.#work.done();
  }

  #requestsOf(sum: Sum, at: Millis): void {
    const { tags, count } = sum;
    const name = tags['name'] ?? '';
    if (!this.#requests.has(name)) {
      this.#undeclared(name);
      return;
    }
    const status = Number(tags['status'] ?? 0);
    this.#totals.requests += count;
    this.asked.add(name);
    this.#series.increase(`${name}.requests`, undefined, at, count);
    // Its 0 would make a dead server look quick.
    this.#observe(`${name}.duration`, undefined, at, status === 0 ? withoutZeros(sum) : sum);
    if (status > 0 && status < 400) this.#totals.succeeded += count;
    else this.#failures(name, status, tags['error_code'], at, count);
  }

  #observe(metric: string, labels: Labels | undefined, at: Millis, sum: Sum): void {
    if (sum.count === 0) return;
    if (sum.histogram) this.#series.observeAll(metric, labels, at, sum.histogram);
    else this.#series.observe(metric, labels, at, sum.last);
  }

  #failures(name: string, status: number, errorCode: string | undefined, at: Millis, count: number): void {
    if (wrong.has(status)) this.#totals.wrong += count;
    const code = status === 0 ? (errorCode ?? 'unknown') : undefined;
    const answer = code ? `0 (k6 error ${code})` : String(status);
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + count);
    const labels = { status: String(status), ...(code && { code }) };
    this.#series.count(`${name}.failures`, labels);
    this.#series.increase(`${name}.failures`, labels, at, count);
  }

  #undeclared(name: string): void {
    this.#totals.undeclared += 1;
    if (this.#totals.undeclared > 1) return;
    const text = `requests tagged '${name.slice(0, 80)}' are not declared in the scenario and not measured`;
    this.#run.journal.append({ kind: 'progress', text: `load ${this.#own['load']}: ${text}` });
  }

  #ofScript(sum: Sum, at: Millis): void {
    const { metric, tags } = sum;
    const spec = this.#custom.get(metric);
    if (!spec) return;
    const pairs = spec.labels?.map((key) => [key, tags[key] ?? ''] as const);
    const labels = pairs && Object.fromEntries(pairs);
    if (spec.kind === 'distribution') this.#observe(metric, labels, at, sum);
    else if (spec.kind === 'gauge') this.#series.set(metric, labels, at, sum.last);
    else this.#series.increase(metric, labels, at, sum.sum);
  }
}
