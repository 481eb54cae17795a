import { rankOf } from '../histogram.ts';
import type { Millis } from '../model.ts';
import { firstFrom } from './journal.ts';
import { LEAST, type Measurement, matching, noteOf, type Query, type Seen, tooFew } from './seen.ts';

/** 0.95 of `p95`; undefined for any other take. */
export function quantileOf(take: string): number | undefined {
  return /^p\d/.test(take) ? Number(take.slice(1)) / 100 : undefined;
}

/** A quantile needs a sample beyond it: p50 10 (at least), p95 20, p99 100. */
export function leastFor(q: number): number {
  return Math.max(10, Math.ceil(1 / (1 - q) - 1e-6));
}

export function measureGauge(query: Query, { data, window, coverage, edges }: Seen): Measurement {
  const values: number[] = [];
  const times: Millis[] = [];
  const last: { value: number; at: Millis }[] = [];
  for (const series of matching(data.samples, query.labels)) {
    const from = firstFrom(series.times, window.start);
    const to = firstFrom(series.times, window.end);
    for (let index = from; index < to; index++) {
      values.push(series.values[index] ?? 0);
      times.push(series.times[index] ?? 0);
    }
    if (to > from) last.push({ value: series.values[to - 1] ?? 0, at: series.times[to - 1] ?? 0 });
  }
  const samples = values.length;
  const q = quantileOf(query.take);
  const least = q === undefined ? LEAST : leastFor(q);
  if (samples < least) return tooFew(samples, least, coverage);
  const found = { samples, at: window.end, ...noteOf(coverage) };
  const { gap } = coverage;

  if (query.take === 'max' || query.take === 'min') {
    const best = extreme(values, query.take);
    const known = { ...found, value: values[best] ?? 0, at: times[best] ?? window.end };
    return gap ? { ...known, bound: query.take === 'max' ? 'lower' : 'upper', why: gap } : known;
  }
  if (gap) return { ...found, why: gap };
  if (query.take === 'mean') return { ...found, value: values.reduce((sum, value) => sum + value, 0) / samples };
  if (query.take === 'last') {
    const worst = last.reduce((one, other) => (worse(other.value, one.value, query) ? other : one));
    const latest = Math.max(...last.map(({ at }) => at));
    if (window.end - latest > edges.near) return { ...found, why: 'no sample near the end of the phase' };
    return { ...found, value: worst.value, at: worst.at };
  }
  if (q === undefined) return { ...found, why: `${query.take} of a gauge means nothing` };
  values.sort((one, other) => one - other);
  return { ...found, value: values[rankOf(q, samples) - 1] ?? 0 };
}

function extreme(values: readonly number[], take: 'max' | 'min'): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    const value = values[index] ?? 0;
    const former = values[best] ?? 0;
    if (take === 'max' ? value > former : value < former) best = index;
  }
  return best;
}

/** Whether one of two values is nearer to failing. */
export function worse(value: number, than: number, { op, limit }: Pick<Query, 'op' | 'limit'>): boolean {
  if (op === '>=' || op === '>') return value < than;
  if (op === '<=' || op === '<' || limit === undefined) return value > than;
  const further = Math.abs(value - limit) > Math.abs(than - limit);
  return op === '==' ? further : !further;
}
