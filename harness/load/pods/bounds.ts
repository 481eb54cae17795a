import type { Sum } from '../points.ts';
import type { Wanted } from '../wanted.ts';

/** No line of a log is so long, in characters. */
export const longestLine = 1 << 16;
/** Requests have a few series each, by status; so have the metrics of a script. */
const mostSeries = 500;
/** Between two seconds of its clock a k6 tells each series once, and again for each second in which it did not come to it. */
const mostSums = 10 * mostSeries;

/** Milliseconds since 1970 between which a pod may speak. */
export interface Within {
  readonly from: number;
  readonly to: number;
}

/** How much a pod may say: its log comes by a kubelet and an API server that may be anybody's, and must fill neither memory nor journal. */
export class Bounds {
  readonly #wanted: ReadonlyMap<string, Wanted>;
  readonly #within: Within;
  readonly #series = new Set<string>();
  #sums = 0;
  #ticks = 0;

  constructor(wanted: ReadonlyMap<string, Wanted>, within: Within) {
    this.#wanted = wanted;
    this.#within = within;
  }

  /** Why it is too much, or undefined. */
  ofSum({ metric, tags, wall }: Sum): string | undefined {
    const wanted = this.#wanted.get(metric);
    if (!wanted) return `it tells of ${metric.slice(0, 100)}, which nobody wants`;
    this.#series.add(JSON.stringify([metric, ...wanted.tags.map((tag) => tags[tag] ?? '')]));
    this.#sums += 1;
    if (this.#series.size > mostSeries) return `it tells of more than ${mostSeries} series`;
    if (this.#sums > mostSums) return `it tells more than ${mostSums} sums in a second`;
    return this.#ofTime(wall);
  }

  ofTick(wall: number): string | undefined {
    this.#sums = 0;
    this.#ticks += 1;
    const { from, to } = this.#within;
    return this.#ticks > (to - from) / 1000 ? 'it tells more seconds than there were' : this.#ofTime(wall);
  }

  #ofTime(wall: number): string | undefined {
    const { from, to } = this.#within;
    return wall < from || wall > to ? 'it tells of a time at which it did not run' : undefined;
  }
}
