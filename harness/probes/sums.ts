import type { Labels, Millis, Run } from '../model.ts';

interface Sum {
  readonly metric: string;
  readonly labels: Labels;
  at: Millis;
  value: number;
}

/**
 * Adds up increments a second of run time and a series. Writes a zero for a metric of which nothing came: that is news too.
 * An event's time is that of its last increment.
 */
export class Sums {
  readonly #run: Pick<Run, 'journal'>;
  readonly #metrics: readonly string[];
  #sums = new Map<string, Sum>();

  constructor(run: Pick<Run, 'journal'>, metrics: readonly string[]) {
    this.#run = run;
    this.#metrics = metrics;
  }

  add(metric: string, labels: Labels, at: Millis, by: number): void {
    const key = JSON.stringify([Math.floor(at / 1000), metric, labels]);
    const sum = this.#sums.get(key) ?? { metric, labels, at, value: 0 };
    sum.value += by;
    sum.at = Math.max(sum.at, at);
    this.#sums.set(key, sum);
  }

  flush(zeros: boolean): void {
    const sums = [...this.#sums.values()].sort((a, b) => a.at - b.at);
    this.#sums = new Map();
    for (const { at, metric, labels, value } of sums)
      this.#run.journal.append({ kind: 'sample', metric, labels, value }, at);
    if (!zeros) return;
    const came = new Set(sums.map(({ metric }) => metric));
    for (const metric of this.#metrics)
      if (!came.has(metric)) this.#run.journal.append({ kind: 'sample', metric, value: 0 });
  }
}
