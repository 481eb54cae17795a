import type { Histogram } from './model.ts';

const GAMMA = 1.02;
const LOG_GAMMA = Math.log(GAMMA);

/** A histogram being filled. */
export interface Tally {
  zero: number;
  readonly buckets: Map<number, number>;
  count: number;
  sum: number;
  max: number;
}

export function newTally(): Tally {
  return { zero: 0, buckets: new Map(), count: 0, sum: 0, max: 0 };
}

/** Adds a value in base units, `times` times; what is no finite number is left out. */
export function addToHistogram(tally: Tally, value: number, times = 1): void {
  if (!Number.isFinite(value)) return;
  tally.count += times;
  tally.sum += value * times;
  tally.max = Math.max(tally.max, value);
  if (value <= 0) {
    tally.zero += times;
    return;
  }
  const index = Math.ceil(Math.log(value) / LOG_GAMMA);
  tally.buckets.set(index, (tally.buckets.get(index) ?? 0) + times);
}

export function toHistogram(tally: Tally): Histogram {
  return {
    ...(tally.zero > 0 ? { zero: tally.zero } : {}),
    buckets: [...tally.buckets].sort(([one], [other]) => one - other),
    count: tally.count,
    sum: tally.sum,
    max: tally.max,
  };
}

/** The histogram of all their samples together. */
export function merge(histograms: Iterable<Histogram>): Histogram {
  const tally = newTally();
  for (const histogram of histograms) mergeInto(tally, histogram);
  return toHistogram(tally);
}

/** Adds all samples of a histogram. */
export function mergeInto(tally: Tally, { zero, buckets, count, sum, max }: Histogram): void {
  tally.zero += zero ?? 0;
  tally.count += count;
  tally.sum += sum;
  tally.max = Math.max(tally.max, max);
  for (const [index, times] of buckets) tally.buckets.set(index, (tally.buckets.get(index) ?? 0) + times);
}

/** The q-quantile (0 < q < 1, nearest rank) within 1 % of the true sample; undefined of nothing. */
export function quantile(histogram: Histogram, q: number): number | undefined {
  if (histogram.count === 0) return undefined;
  const rank = rankOf(q, histogram.count);
  let passed = histogram.zero ?? 0;
  if (rank <= passed) return 0;
  for (const [index, times] of histogram.buckets) {
    passed += times;
    // The middle of the bucket, by ratio: no value in it is further away than 1 %.
    if (rank <= passed) return Math.min((2 * GAMMA ** index) / (GAMMA + 1), histogram.max);
  }
  return histogram.max;
}

/** Nearest rank, from 1; 0.95 × 20 is 19 although floating point says 19.000000000000004 elsewhere. */
export function rankOf(q: number, count: number): number {
  return Math.max(1, Math.ceil(q * count - 1e-9));
}

export interface BucketQuantile {
  readonly value: number;
  /** The bucket it lies in: above `from`, at most `to` (null: no upper end). */
  readonly from: number;
  readonly to: number | null;
}

/** As Prometheus does it: linear within the bucket. `counts` are cumulative; in the open bucket the value is the last bound. */
export function quantileOfBuckets(
  bounds: readonly (number | null)[],
  counts: readonly number[],
  q: number,
): BucketQuantile | undefined {
  const total = counts.at(-1) ?? 0;
  if (total <= 0) return undefined;
  const rank = q * total;
  const found = counts.findIndex((count) => count >= rank - 1e-9 && count > 0);
  const to = bounds[found] ?? null;
  const from = found > 0 ? (bounds[found - 1] ?? 0) : Math.min(0, to ?? 0);
  if (to === null) return { value: from, from, to };
  const before = found > 0 ? (counts[found - 1] ?? 0) : 0;
  const inside = (counts[found] ?? 0) - before;
  const part = inside > 0 ? (rank - before) / inside : 1;
  return { value: from + (to - from) * Math.min(1, Math.max(0, part)), from, to };
}
