import type { LoadSpec, MetricSpec, Millis } from '../model.ts';
import { type Coverage, coverage, looksIn, unexplained } from './coverage.ts';
import { measureDistribution } from './distribution.ts';
import { failureMetrics } from './failure-metrics.ts';
import { measureGauge } from './gauge.ts';
import { type Edges, increaseOf } from './increase.ts';
import { firstFrom, type JournalIndex, type MetricData, nothing, type Series, type Span } from './journal.ts';
import { measureEpisodes } from './measure-episodes.ts';
import { LEAST, type Measurement, matching, noteOf, perSecond, type Query, type Seen, tooFew } from './seen.ts';

export interface Context {
  readonly index: JournalIndex;
  readonly loads: readonly LoadSpec[];
}

/** Takes one number out of the journal: `take` of a metric within a phase. Never throws; what is missing is said in `why`. */
export function measure(query: Query, context: Context): Measurement {
  const { index, loads } = context;
  const { metric, take, during } = query;
  const window = index.phases.get(during);
  if (!window) return { samples: 0, why: `the phase ${during} never began` };
  const spec = index.sources
    .get(metric)
    ?.flatMap(({ metrics }) => metrics.find(({ name }) => name === metric) ?? [])[0];
  if (!spec) return { samples: 0, why: `nobody observed ${metric}` };
  const data = index.metrics.get(metric) ?? nothing;
  if (take === 'share' && (spec.kind === 'counter' || spec.kind === 'increment')) return share(query, context);
  if (failureMetrics.includes(spec)) return measureEpisodes(query, { spec, data, window, index });
  const times = relevantTimes(query, spec, data, index);
  const covered = coverage(index, metric, times, window, loads, spec.kind);
  if (!covered) return { samples: 0, why: `nobody observed ${metric}` };
  if (covered.due.length === 0) return { samples: 0, why: `no load produces ${metric} during ${during}` };
  const near = Math.max(3 * covered.every, 5_000);
  const edges: Edges = { window, near, every: covered.every, times };
  const seen: Seen = {
    spec,
    data,
    window,
    coverage: covered,
    edges,
    open: openEdge(times, covered, near, (span) => unexplained(index, metric, span)),
    looks: looksIn(times, window, covered.every),
  };
  if (spec.kind === 'gauge') return measureGauge(query, seen);
  if (spec.kind === 'distribution') return measureDistribution(query, seen);
  return total(query, seen);
}

function total({ labels, take }: Query, seen: Seen): Measurement {
  const { spec, data, window, coverage: covered, looks } = seen;
  if (looks < LEAST) return tooFew(looks, LEAST, covered);
  const series = matching(data.samples, labels);
  let value = 0;
  for (const one of series) value += spec.kind === 'counter' ? increaseOf(one, seen.edges) : sumOf(one, window);
  const found = { samples: looks, at: window.end, ...noteOf(covered) };
  const missing = covered.gap ?? (spec.kind === 'counter' ? seen.open : undefined);
  if (take === 'rate') {
    return missing ? { ...found, why: missing } : { ...found, value: perSecond(value, covered) };
  }
  return missing ? { ...found, value, bound: 'lower', why: missing } : { ...found, value };
}

function share(query: Query, context: Context): Measurement {
  const part = measure({ ...query, take: 'count' }, context);
  return divide(part, measure({ ...query, take: 'count', labels: {} }, context), 'all of it');
}

/** Exact only when both are; a lower bound stays one as long as the divisor is exact. */
export function divide(part: Measurement, whole: Measurement, name: string): Measurement {
  const samples = Math.min(part.samples, whole.samples);
  if (part.value === undefined) return part;
  if (whole.value === undefined || whole.bound) return { samples, why: `${name}: ${whole.why ?? 'not measured'}` };
  if (whole.value === 0) return { samples, why: `${name} is 0: nothing to divide by` };
  return { ...part, samples, value: part.value / whole.value };
}

/** Whose silence is a gap: of a gauge its own series', of histograms their source's, since these say nothing when nothing happens. */
function relevantTimes(query: Query, spec: MetricSpec, data: MetricData, index: JournalIndex): readonly Millis[] {
  if (spec.kind === 'gauge' && Object.keys(query.labels).length > 0) {
    return sortedTimes(matching(data.samples, query.labels));
  }
  if (spec.kind === 'distribution' && data.buckets.size === 0) {
    const metrics = index.sources.get(query.metric)?.flatMap((source) => source.metrics.map(({ name }) => name)) ?? [];
    return sortedTimes([...new Set(metrics)].map((name) => ({ times: index.timesOf(name) })));
  }
  return index.timesOf(query.metric);
}

function sortedTimes(series: readonly { readonly times: readonly Millis[] }[]): readonly Millis[] {
  if (series.length === 1) return series[0]?.times ?? [];
  return Array.from(Float64Array.from(series.flatMap(({ times }) => times)).sort());
}

function openEdge(
  times: readonly Millis[],
  { due }: Coverage,
  near: Millis,
  unexplainedIn: (span: Span) => Millis,
): string | undefined {
  for (const { start, end } of due) {
    const first = times[firstFrom(times, start - near)] ?? end;
    const last = times[firstFrom(times, end) - 1] ?? start;
    if (first > start && unexplainedIn({ start, end: first }) > near) return 'no sample near the start of the phase';
    if (unexplainedIn({ start: last, end }) > near) return 'no sample near the end of the phase';
  }
  return undefined;
}

function sumOf({ times, values }: Series<number>, { start, end }: Span): number {
  let sum = 0;
  for (let index = firstFrom(times, start); index < times.length && (times[index] ?? 0) < end; index++) {
    sum += values[index] ?? 0;
  }
  return sum;
}
