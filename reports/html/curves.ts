/** From streams to curves that can be drawn: rates, quantiles, gaps, and few enough points. */

import { merge, quantile, quantileOfBuckets } from '../../harness/histogram.ts';
import type { Histogram, Millis } from '../../harness/model.ts';
import type { Cumulative, Stream } from './streams.ts';

/** `null` breaks the line. Weight says which curves matter most where there is room for few. */
export interface Curve {
  readonly name: string;
  readonly t: readonly Millis[];
  readonly y: readonly (number | null)[];
  readonly weight: number;
}

type Point = readonly [t: Millis, y: number | null];

export function curve(name: string, points: readonly Point[]): Curve {
  const y = points.map(([, value]) => value);
  return {
    name,
    t: points.map(([t]) => t),
    y,
    weight: y.reduce<number>((most, value) => Math.max(most, value ?? 0), 0),
  };
}

/** How much a counter grew since its last sample, spread over the steps in between; a fall is a restart from zero. */
export function growth({ labels, t, v }: Stream<number>, step: Millis): Stream<number> {
  const grown = v.slice(1).flatMap((value, index): Point[] => {
    const [from, to, before] = [t[index] ?? 0, t[index + 1] ?? 0, v[index] ?? 0];
    const parts = Math.max(1, Math.round((to - from) / step));
    const amount = (value >= before ? value - before : value) / parts;
    return Array.from({ length: parts }, (_, part) => [from + ((part + 1) * (to - from)) / parts, amount]);
  });
  return { labels, t: grown.map(([at]) => at), v: grown.map(([, amount]) => amount ?? 0) };
}

/** Amounts of several streams added up per `step`, as a rate; nothing in between is zero. */
export function rate(streams: readonly Stream<number>[], step: Millis): Point[] {
  const first = Math.min(...streams.map(({ t }) => t[0] ?? Number.POSITIVE_INFINITY));
  if (!Number.isFinite(first)) return [];
  const bins = new Map<number, number>();
  for (const { t, v } of streams)
    for (const [index, at] of t.entries()) {
      const bin = Math.round((at - first) / step);
      bins.set(bin, (bins.get(bin) ?? 0) + (v[index] ?? 0));
    }
  const last = Math.max(...bins.keys());
  return Array.from({ length: last + 1 }, (_, bin) => [first + bin * step, ((bins.get(bin) ?? 0) * 1000) / step]);
}

/** A quantile per `step` over all of these histograms; a step in which nothing was answered breaks the line. */
export function quantiles(streams: readonly Stream<Histogram>[], q: number, step: Millis): Point[] {
  const all = streams.flatMap(({ t, v }) => v.map((histogram, index) => [t[index] ?? 0, histogram] as const));
  const first = Math.min(...all.map(([at]) => at));
  return [...Map.groupBy(all, ([at]) => Math.round((at - first) / step))]
    .sort(([a], [b]) => a - b)
    .map(([bin, some]) => [first + bin * step, quantile(merge(some.map(([, histogram]) => histogram)), q) ?? null]);
}

/** The same for Prometheus buckets, between two scrapes, interpolated as histogram_quantile does. */
export function bucketQuantiles({ t, v }: Stream<Cumulative>, q: number): Point[] {
  return t.slice(1).map((at, index) => {
    const now = v[index + 1];
    const before = v[index];
    if (now === undefined || before === undefined) return [at, null];
    const restarted = now.counts.some((count, bound) => count < (before.counts[bound] ?? 0));
    const counts = now.counts.map((count, bound) => count - (restarted ? 0 : (before.counts[bound] ?? 0)));
    return [at, quantileOfBuckets(now.bounds, counts, q)?.value ?? null];
  });
}

/** Breaks the line where nobody was looking, and where samples stayed away for much longer than promised. */
export function broken(
  points: readonly Point[],
  blinds: readonly { readonly from: Millis; readonly to: Millis }[],
  every: Millis,
): Point[] {
  const patience = Math.max(every * 3.5, 2500);
  return points.flatMap((point, index): Point[] => {
    const before = points[index - 1];
    if (before === undefined) return [point];
    const [from, to] = [before[0], point[0]];
    const gap =
      to - from > patience || blinds.some((blind) => blind.from < to && blind.to > from && to - from > every * 1.5);
    return gap ? [[from + every / 2, null], point] : [point];
  });
}

/** Keeps the lowest and the highest point of each of many slices, so that no spike is lost. */
export function thinned({ t, y, ...rest }: Curve, most: number): Curve {
  if (t.length <= most) return { t, y, ...rest };
  const size = Math.ceil(t.length / (most / 3));
  const kept = new Set<number>();
  for (let start = 0; start < t.length; start += size) {
    const slice = Array.from({ length: Math.min(size, t.length - start) }, (_, index) => start + index);
    const known = slice.filter((index) => y[index] !== null).sort((a, b) => (y[a] ?? 0) - (y[b] ?? 0));
    const hole = slice.find((index) => y[index] === null);
    for (const index of [known[0], known.at(-1), hole]) if (index !== undefined) kept.add(index);
  }
  const order = [...kept].sort((a, b) => a - b);
  return { ...rest, t: order.map((index) => t[index] ?? 0), y: order.map((index) => y[index] ?? null) };
}
