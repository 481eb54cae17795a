import type { Histogram } from '../model.ts';

/** One measurement of k6, as its JSON output writes it. */
export interface Point {
  readonly metric: string;
  /** Milliseconds since 1970. */
  readonly wall: number;
  /** Times are in milliseconds. */
  readonly value: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** All measurements of one series in one second, summed up by the k6 output `ordeal`, in base units. */
export interface Sum {
  readonly metric: string;
  /** That of the last one, in milliseconds since 1970. */
  readonly wall: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly count: number;
  readonly sum: number;
  readonly last: number;
  /** Of distributions only. */
  readonly histogram?: Histogram;
}

/** Without those that took no time: a request that never left (connection refused) says nothing of the server's. */
export function withoutZeros(sum: Sum): Sum {
  const { histogram } = sum;
  if (!histogram) return sum.last > 0 ? sum : { ...sum, count: 0 };
  const { zero = 0, ...rest } = histogram;
  const count = sum.count - zero;
  return { ...sum, count, histogram: { ...rest, count } };
}

const opening = '{"metric":"';

/**
 * Reads one line of `k6 run --out json`: the measurement when its metric is wanted, else undefined.
 * k6 writes a dozen lines a request, of which one or two are wanted: only those are parsed.
 */
export function parsePoint(line: string, wanted: { has(metric: string): boolean }): Point | undefined {
  if (!line.startsWith(opening)) return undefined;
  const metric = line.slice(opening.length, line.indexOf('"', opening.length));
  if (!wanted.has(metric)) return undefined;
  const { data } = JSON.parse(line) as { data: { time: string; value: number; tags?: Record<string, string> } };
  return { metric, wall: Date.parse(data.time), value: data.value, tags: data.tags ?? {} };
}
