import type { LoadSpec } from '../model.ts';
import { type Sum, withoutZeros } from './points.ts';

/** What ended in a second, and how long it took: the generator is judged by it. */
export interface Done {
  readonly of: 'requests' | 'iterations';
  readonly ended: number;
  /** By kind; empty when nothing ended. */
  readonly meanSeconds: readonly number[];
}

/** Adds up the declared requests of a load; of one that declares none, the iterations of its script. */
export class Work {
  readonly #requests: ReadonlySet<string>;
  readonly #times = new Map<string, { readonly count: number; readonly sum: number }>();
  #ended = 0;

  constructor({ requests }: Pick<LoadSpec, 'requests'>) {
    this.#requests = new Set(requests);
  }

  add(sum: Sum): void {
    const iterations = this.#requests.size === 0;
    if (sum.metric !== (iterations ? 'iteration_duration' : 'http_req_duration')) return;
    const name = iterations ? '' : (sum.tags['name'] ?? '');
    if (!iterations && !this.#requests.has(name)) return;
    this.#ended += sum.count;
    const timed = Number(sum.tags['status'] ?? 0) === 0 && !iterations ? withoutZeros(sum) : sum;
    if (timed.count === 0) return;
    const former = this.#times.get(name) ?? { count: 0, sum: 0 };
    this.#times.set(name, { count: former.count + timed.count, sum: former.sum + timed.sum });
  }

  /** Since it was asked last. */
  done(): Done {
    const meanSeconds = [...this.#times.values()].map(({ count, sum }) => sum / count);
    const done: Done = { of: this.#requests.size === 0 ? 'iterations' : 'requests', ended: this.#ended, meanSeconds };
    this.#ended = 0;
    this.#times.clear();
    return done;
  }
}
