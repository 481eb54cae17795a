import { addToHistogram, mergeInto, newTally, type Tally, toHistogram } from '../histogram.ts';
import type { Histogram, Labels, Millis, Run } from '../model.ts';

interface Cell {
  readonly metric: string;
  readonly labels: Labels | undefined;
  at: Millis;
  /** Sum of increments, or the last value of a gauge. */
  value: number;
  readonly distribution?: Tally;
}

/**
 * Sums up samples a second of run time and a series, until they are flushed to the journal.
 * An event's time is that of its last sample, so that nothing is counted into an earlier phase.
 */
export class SeriesBuffer {
  readonly #run: Pick<Run, 'clock' | 'journal'>;
  readonly #counted = new Map<string, { readonly metric: string; readonly labels: Labels | undefined }>();
  #cells = new Map<string, Cell>();

  constructor(run: Pick<Run, 'clock' | 'journal'>) {
    this.#run = run;
  }

  increase(metric: string, labels: Labels | undefined, at: Millis, by: number): void {
    this.#cell(metric, labels, at).value += by;
  }

  set(metric: string, labels: Labels | undefined, at: Millis, value: number): void {
    this.#cell(metric, labels, at).value = value;
  }

  observe(metric: string, labels: Labels | undefined, at: Millis, value: number): void {
    const { distribution } = this.#cell(metric, labels, at, true);
    if (distribution) addToHistogram(distribution, value);
  }

  /** Observes all samples of a histogram. */
  observeAll(metric: string, labels: Labels | undefined, at: Millis, histogram: Histogram): void {
    const { distribution } = this.#cell(metric, labels, at, true);
    if (distribution) mergeInto(distribution, histogram);
  }

  /** From now on each flush with zeros says that nothing was counted of this series, when nothing was. */
  count(metric: string, labels?: Labels): void {
    this.#counted.set(keyOf(metric, labels), { metric, labels });
  }

  /** Appends what arrived since the previous call; `zeros`: and a zero for every counted series of which nothing did. */
  flush(zeros: boolean): void {
    const { journal } = this.#run;
    const cells = [...this.#cells.values()].sort((a, b) => a.at - b.at);
    this.#cells = new Map();
    for (const { metric, labels, at, value, distribution } of cells) {
      const series = { metric, ...(labels && { labels }) };
      if (distribution) journal.append({ kind: 'histogram', ...series, histogram: toHistogram(distribution) }, at);
      else journal.append({ kind: 'sample', ...series, value }, at);
    }
    const keys = new Set(cells.map(({ metric, labels }) => keyOf(metric, labels)));
    for (const [key, { metric, labels }] of zeros ? this.#counted : [])
      if (!keys.has(key)) journal.append({ kind: 'sample', metric, ...(labels && { labels }), value: 0 });
  }

  #cell(metric: string, labels: Labels | undefined, at: Millis, distribution = false): Cell {
    const key = `${Math.floor(at / 1000)} ${keyOf(metric, labels)}`;
    let cell = this.#cells.get(key);
    if (!cell) {
      cell = { metric, labels, at, value: 0, ...(distribution && { distribution: newTally() }) };
      this.#cells.set(key, cell);
    }
    if (at > cell.at) cell.at = at;
    return cell;
  }
}

function keyOf(metric: string, labels: Labels | undefined): string {
  return labels ? `${metric} ${JSON.stringify(labels)}` : metric;
}
