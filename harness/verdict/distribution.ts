import { format } from '../format.ts';
import { merge, quantile, quantileOfBuckets } from '../histogram.ts';
import { leastFor, quantileOf } from './gauge.ts';
import { addSnapshots, bucketIncrease } from './increase.ts';
import { firstFrom, type Snapshot } from './journal.ts';
import { LEAST, type Measurement, matching, noteOf, perSecond, type Query, type Seen, tooFew } from './seen.ts';

/** A distribution comes as histograms of what arrived, or as Prometheus' cumulative buckets. */
export function measureDistribution(query: Query, seen: Seen): Measurement {
  return seen.data.buckets.size > 0 ? ofBuckets(query, seen) : ofHistograms(query, seen);
}

interface Distribution {
  readonly count: number;
  readonly sum: number;
  max(): Partial<Measurement>;
  quantile(q: number): Partial<Measurement>;
}

function ofHistograms(query: Query, seen: Seen): Measurement {
  const { data, window } = seen;
  const inside = matching(data.histograms, query.labels).flatMap(({ times, values }) =>
    values.slice(firstFrom(times, window.start), firstFrom(times, window.end)),
  );
  const all = merge(inside);
  return take(query, seen, seen.coverage.gap, {
    count: all.count,
    sum: all.sum,
    max: () => ({ value: all.max }),
    quantile: (q) => ({ value: quantile(all, q) ?? 0 }),
  });
}

function ofBuckets(query: Query, seen: Seen): Measurement {
  const grown = matching(seen.data.buckets, query.labels).flatMap((series) => bucketIncrease(series, seen.edges) ?? []);
  const gap = seen.coverage.gap ?? seen.open;
  if (grown.length === 0) return take(query, seen, gap, { count: 0, sum: 0, max: () => ({}), quantile: () => ({}) });
  const all = addSnapshots(grown);
  if (!all) return { samples: 0, why: 'the buckets of its series have different bounds' };
  return take(query, seen, gap, {
    count: all.counts.at(-1) ?? 0,
    sum: all.sum,
    max: () => highest(all),
    quantile: (q) => {
      const found = quantileOfBuckets(all.bounds, all.counts, q);
      if (!found) return { why: 'no samples' };
      const { value, from, to } = found;
      const { unit } = seen.spec;
      if (to === null) return { value, bound: 'lower', why: `beyond the last bucket, ${format(from, unit)}` };
      return { value, note: `in the bucket from ${format(from, unit)} to ${format(to, unit)}` };
    },
  });
}

/** The largest value is somewhere in the last bucket that holds any. */
function highest({ bounds, counts }: Snapshot): Partial<Measurement> {
  const total = counts.at(-1) ?? 0;
  const bucket = counts.indexOf(total);
  const bound = bounds[bucket] ?? null;
  if (bound !== null) return { value: bound, bound: 'upper', why: 'known by its bucket only' };
  return { value: bounds[bucket - 1] ?? 0, bound: 'lower', why: 'beyond the last bucket' };
}

function take({ take }: Query, seen: Seen, gap: string | undefined, all: Distribution): Measurement {
  const { window, coverage, looks } = seen;
  const found = { samples: all.count, at: window.end, ...noteOf(coverage) };
  if (take === 'count' || take === 'rate') {
    if (looks < LEAST) return tooFew(looks, LEAST, coverage);
    if (take === 'rate') return gap ? { ...found, why: gap } : { ...found, value: perSecond(all.count, coverage) };
    return gap ? { ...found, value: all.count, bound: 'lower', why: gap } : { ...found, value: all.count };
  }
  const q = quantileOf(take);
  const least = q === undefined ? LEAST : leastFor(q);
  if (all.count < least) return tooFew(all.count, least, coverage);
  if (take === 'max') {
    const max = all.max();
    if (!gap) return { ...found, ...max };
    return max.bound === 'upper' ? { ...found, why: gap } : { ...found, ...max, bound: 'lower', why: gap };
  }
  if (gap) return { ...found, why: gap };
  if (take === 'mean') return { ...found, value: all.sum / all.count };
  return q === undefined
    ? { ...found, why: `${take} of a distribution means nothing` }
    : { ...found, ...all.quantile(q) };
}
