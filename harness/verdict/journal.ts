import type { Histogram, JournalEvent, Labels, MetricSpec, Millis, NodeFailure } from '../model.ts';
import { episodes, failureMetrics, watchers } from './failure-metrics.ts';
import { nodeFailures } from './failures.ts';

/** From `start` to before `end`. */
export interface Span {
  readonly start: Millis;
  readonly end: Millis;
}

export interface Snapshot {
  readonly bounds: readonly (number | null)[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** What was journaled of one metric with one set of labels, in order of time. */
export interface Series<Value> {
  readonly labels: Labels;
  readonly times: Millis[];
  readonly values: Value[];
}

export interface MetricData {
  readonly samples: Map<string, Series<number>>;
  readonly buckets: Map<string, Series<Snapshot>>;
  readonly histograms: Map<string, Series<Histogram>>;
  /** Made of the journal, each an event by itself. */
  readonly episodes: Map<string, Series<Episode>>;
}

/** `open`: it was not over when nobody looked any more, so the true value is higher. */
export interface Episode {
  readonly value: number;
  readonly open: boolean;
}

export interface Source {
  readonly name: string;
  readonly every: Millis;
  readonly metrics: readonly MetricSpec[];
}

export interface Blind extends Span {
  readonly reason: string;
  readonly explained: boolean;
  readonly lost: boolean;
}

export interface Gone {
  readonly at: Millis;
  readonly labels: Labels;
}

/** The journal by metric: made once, asked often. */
export interface JournalIndex {
  readonly phases: ReadonlyMap<string, Span>;
  readonly metrics: ReadonlyMap<string, MetricData>;
  /** Who promised a metric. */
  readonly sources: ReadonlyMap<string, readonly Source[]>;
  readonly blinds: ReadonlyMap<string, readonly Blind[]>;
  /** By source, what the cluster said is no more. */
  readonly gone: ReadonlyMap<string, readonly Gone[]>;
  readonly capabilities: ReadonlySet<string>;
  readonly failures: readonly NodeFailure[];
  /** When a metric was heard of, whatever its labels, ascending. */
  timesOf(metric: string): readonly Millis[];
}

export const nothing: MetricData = newData();

function newData(): MetricData {
  return { samples: new Map(), buckets: new Map(), histograms: new Map(), episodes: new Map() };
}

export function indexJournal(events: readonly JournalEvent[]): JournalIndex {
  const metrics = new Map<string, MetricData>();
  const sources = new Map<string, Source[]>();
  const blinds = new Map<string, Blind[]>();
  const gone = new Map<string, Gone[]>();
  const capabilities = new Set<string>();

  function data(metric: string): MetricData {
    let found = metrics.get(metric);
    if (!found) {
      found = newData();
      metrics.set(metric, found);
    }
    return found;
  }

  for (const event of events) {
    switch (event.kind) {
      case 'sample':
        // JSON has no NaN: what arrives as null was no sample.
        if (Number.isFinite(event.value)) push(data(event.metric).samples, event.labels, event.t, event.value);
        break;
      case 'buckets':
        push(data(event.metric).buckets, event.labels, event.t, event);
        break;
      case 'histogram':
        push(data(event.metric).histograms, event.labels, event.t, event.histogram);
        break;
      case 'observing':
        for (const spec of event.metrics) {
          const known = (sources.get(spec.name) ?? []).filter(({ name }) => name !== event.source);
          sources.set(spec.name, [...known, { name: event.source, every: event.every, metrics: event.metrics }]);
        }
        break;
      case 'blind': {
        const { from, t, reason, explained, lost = false } = event;
        const blind = { start: from, end: t, reason, explained, lost };
        blinds.set(event.source, [...(blinds.get(event.source) ?? []), blind]);
        break;
      }
      case 'gone':
        gone.set(event.source, [...(gone.get(event.source) ?? []), { at: event.t, labels: event.labels }]);
        break;
      case 'cluster':
        for (const note of event.notes) {
          if (note.startsWith('capability:')) capabilities.add(note.slice('capability:'.length).trim());
        }
        break;
    }
  }
  for (const { samples, buckets, histograms } of metrics.values()) {
    for (const series of [...samples.values(), ...buckets.values(), ...histograms.values()]) inOrder<unknown>(series);
  }
  const phases = phasesOf(events);
  const failures = nodeFailures(events);
  for (const [metric, all] of episodes(failures, phases.get('run')?.end ?? 0)) {
    for (const { at, labels, value, open } of all) push(data(metric).episodes, labels, at, { value, open });
  }
  // Who watches nodes promises what is made of that.
  for (const { name, every } of watchers.flatMap(([metric]) => sources.get(metric) ?? [])) {
    for (const spec of failureMetrics) {
      const known = (sources.get(spec.name) ?? []).filter((source) => source.name !== name);
      sources.set(spec.name, [...known, { name, every, metrics: failureMetrics }]);
    }
  }
  const times = new Map<string, readonly Millis[]>();
  function timesOf(metric: string): readonly Millis[] {
    let found = times.get(metric);
    if (!found) {
      const { samples, buckets, histograms } = metrics.get(metric) ?? nothing;
      const all = [...samples.values(), ...buckets.values(), ...histograms.values()];
      found = sorted(all.map((series) => series.times));
      times.set(metric, found);
    }
    return found;
  }
  return { phases, metrics, sources, blinds, gone, capabilities, failures, timesOf };
}

/** Several ascending lists as one. */
export function sorted(lists: readonly (readonly Millis[])[]): readonly Millis[] {
  if (lists.length === 1) return lists[0] ?? [];
  return Array.from(Float64Array.from(lists.flat()).sort());
}

function push<Value>(into: Map<string, Series<Value>>, given: Labels | undefined, time: Millis, value: Value): void {
  const labels = given ?? {};
  const names = Object.keys(labels);
  let key = '';
  for (const name of names.length > 1 ? names.sort() : names) key += `${name}\u0000${labels[name]}\u0001`;
  let series = into.get(key);
  if (!series) {
    series = { labels, times: [], values: [] };
    into.set(key, series);
  }
  series.times.push(time);
  series.values.push(value);
}

/** Samples may be journaled after their time. */
function inOrder<Value>({ times, values }: Series<Value>): void {
  if (times.every((time, index) => index === 0 || (times[index - 1] ?? 0) <= time)) return;
  const pairs = times.map((time, index) => ({ time, value: values[index] as Value }));
  pairs.sort((one, other) => one.time - other.time);
  for (const [index, { time, value }] of pairs.entries()) {
    times[index] = time;
    values[index] = value;
  }
}

/** Each phase that began, until its end or the journal's; `run` is from steady (or the first) to the last. */
function phasesOf(events: readonly JournalEvent[]): ReadonlyMap<string, Span> {
  const last = events.reduce((latest, { t }) => Math.max(latest, t), 0);
  const phases = new Map<string, Span>();
  for (const event of events) {
    if (event.kind !== 'phase') continue;
    const former = phases.get(event.name);
    if (event.edge === 'start') phases.set(event.name, { start: former?.start ?? event.t, end: last });
    else if (former) phases.set(event.name, { start: former.start, end: event.t });
  }
  const first = phases.get('steady') ?? [...phases.values()][0];
  if (first) phases.set('run', { start: first.start, end: Math.max(...[...phases.values()].map(({ end }) => end)) });
  return phases;
}

/** Index of the first time that is not before `time`. */
export function firstFrom(times: readonly Millis[], time: Millis): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
