/** The numbers of a journal, sorted by metric and labels. */
import type { Histogram, JournalEvent, Labels, Millis } from '../../harness/model.ts';

export interface Stream<T> {
  readonly labels: Labels;
  readonly t: Millis[];
  readonly v: T[];
}

export interface Cumulative {
  readonly bounds: readonly (number | null)[];
  readonly counts: readonly number[];
}

export interface Streams {
  readonly samples: ReadonlyMap<string, readonly Stream<number>[]>;
  readonly histograms: ReadonlyMap<string, readonly Stream<Histogram>[]>;
  readonly buckets: ReadonlyMap<string, readonly Stream<Cumulative>[]>;
}

export function streamsOf(events: readonly JournalEvent[]): Streams {
  const samples = sorter<number>();
  const histograms = sorter<Histogram>();
  const buckets = sorter<Cumulative>();
  for (const event of events) {
    if (event.kind === 'sample') samples.add(event.metric, event.labels, event.t, event.value);
    else if (event.kind === 'histogram') histograms.add(event.metric, event.labels, event.t, event.histogram);
    else if (event.kind === 'buckets') buckets.add(event.metric, event.labels, event.t, event);
  }
  return { samples: samples.result(), histograms: histograms.result(), buckets: buckets.result() };
}

/** Those streams that carry all of the wanted labels. */
export function labelled<T>(streams: readonly Stream<T>[], wanted: Labels | undefined): readonly Stream<T>[] {
  const pairs = Object.entries(wanted ?? {});
  return streams.filter(({ labels }) => pairs.every(([name, value]) => labels[name] === value));
}

/** `etcd`, or `user=a, verb=list` where there are several labels. */
export function labelText(labels: Labels): string {
  const pairs = Object.entries(labels);
  return pairs.length === 1 ? (pairs[0]?.[1] ?? '') : pairs.map(([name, value]) => `${name}=${value}`).join(', ');
}

function sorter<T>() {
  const metrics = new Map<string, Map<string, Stream<T>>>();
  return {
    add(metric: string, labels: Labels | undefined, t: Millis, value: T): void {
      const known = metrics.get(metric) ?? new Map<string, Stream<T>>();
      if (known.size === 0) metrics.set(metric, known);
      const key = labels === undefined ? '' : JSON.stringify(Object.entries(labels).sort());
      const stream = known.get(key) ?? { labels: labels ?? {}, t: [], v: [] };
      if (stream.t.length === 0) known.set(key, stream);
      stream.t.push(t);
      stream.v.push(value);
    },
    result: () => new Map([...metrics].map(([metric, known]) => [metric, [...known.values()]] as const)),
  };
}
