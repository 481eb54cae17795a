import type { Millis } from '../model.ts';
import { firstFrom, type Series, type Snapshot, type Span } from './journal.ts';

/** What is needed to say how much a cumulative series grew within a window. */
export interface Edges {
  readonly window: Span;
  /** Samples this near to an edge stand for it. */
  readonly near: Millis;
  readonly every: Millis;
  /** When anything was heard of the metric, ascending. */
  readonly times: readonly Millis[];
}

/**
 * The samples between which a series grew in the window: from the last before it (or the first inside) to the last inside.
 * `fromZero`: the series did not exist when the metric was looked at before, so all of its first value is growth.
 */
function stretch<Value>(
  { times }: Series<Value>,
  edges: Edges,
): { from: number; to: number; fromZero: boolean } | undefined {
  const { window, near, every } = edges;
  const to = firstFrom(times, window.end) - 1;
  const inside = firstFrom(times, window.start);
  if (to < inside) return undefined;
  const heardBefore = latestBefore(edges.times, window.start);
  if (inside > 0 && window.start - heardBefore <= near) return { from: inside - 1, to, fromZero: false };
  const first = times[inside] ?? 0;
  // Samples of one look may lie a little apart: only a look well before this one counts.
  const lookedBefore = latestBefore(edges.times, first - every / 2);
  const fromZero = inside === 0 && first - lookedBefore <= near + every;
  return { from: inside, to, fromZero };
}

function latestBefore(times: readonly Millis[], time: Millis): Millis {
  return times[firstFrom(times, time) - 1] ?? Number.NEGATIVE_INFINITY;
}

/** How much a counter grew; a fall is a restart, after which it grew from 0. */
export function increaseOf(series: Series<number>, edges: Edges): number {
  const found = stretch(series, edges);
  if (!found) return 0;
  const { values } = series;
  let grown = found.fromZero ? (values[found.from] ?? 0) : 0;
  for (let index = found.from + 1; index <= found.to; index++) {
    const value = values[index] ?? 0;
    const before = values[index - 1] ?? 0;
    grown += value < before ? value : value - before;
  }
  return grown;
}

/** How many observations each bucket (cumulative, as Prometheus has them) got; restarts as in `increaseOf`. Undefined when it was not seen in the window. */
export function bucketIncrease(series: Series<Snapshot>, edges: Edges): Snapshot | undefined {
  const found = stretch(series, edges);
  if (!found) return undefined;
  const first = series.values[found.from];
  if (!first) return undefined;
  let grown = found.fromZero ? first : { ...first, counts: first.counts.map(() => 0), sum: 0 };
  for (let index = found.from + 1; index <= found.to; index++) {
    const value = series.values[index];
    const before = series.values[index - 1];
    if (!value || !before) continue;
    const restarted = (value.counts.at(-1) ?? 0) < (before.counts.at(-1) ?? 0) || !sameBounds(value, before);
    grown = {
      bounds: value.bounds,
      counts: value.counts.map((count, bucket) => {
        const former = restarted ? 0 : (before.counts[bucket] ?? 0);
        return (grown.counts[bucket] ?? 0) + Math.max(0, count - former);
      }),
      sum: grown.sum + (restarted ? value.sum : value.sum - before.sum),
    };
  }
  return grown;
}

/** Undefined when their bounds differ: then they cannot be added. */
export function addSnapshots(snapshots: readonly Snapshot[]): Snapshot | undefined {
  const first = snapshots[0];
  if (!first || snapshots.some((snapshot) => !sameBounds(snapshot, first))) return undefined;
  return {
    bounds: first.bounds,
    counts: first.counts.map((_, bucket) => snapshots.reduce((sum, { counts }) => sum + (counts[bucket] ?? 0), 0)),
    sum: snapshots.reduce((total, { sum }) => total + sum, 0),
  };
}

function sameBounds(one: Snapshot, other: Snapshot): boolean {
  return (
    one.bounds.length === other.bounds.length && one.bounds.every((bound, bucket) => bound === other.bounds[bucket])
  );
}
