/** What is drawn of a metric, by its kind: values, rates or quantiles. */
import type { Histogram, MetricKind, Millis, Report } from '../../harness/model.ts';
import { thresholdsOf } from '../thresholds.ts';
import { broken, bucketQuantiles, type Curve, curve, growth, quantiles, rate } from './curves.ts';
import { type Cumulative, labelText, type Stream } from './streams.ts';

export interface Source {
  readonly metric: string;
  readonly kind: MetricKind;
  readonly every: Millis;
  /** As its producer declared them, the most telling first. */
  readonly labels: readonly string[];
  readonly samples: readonly Stream<number>[];
  readonly histograms: readonly Stream<Histogram>[];
  readonly buckets: readonly Stream<Cumulative>[];
  readonly blinds: readonly { readonly from: Millis; readonly to: Millis }[];
}

export interface Drawn {
  readonly curves: readonly Curve[];
  /** `per second`, `p95 of each second`; empty for plain values. */
  readonly how: string;
  /** Whether the sum of several curves means something. */
  readonly additive: boolean;
}

export function drawnOf(report: Report, source: Source): Drawn {
  const { kind, every, blinds } = source;
  if (kind === 'distribution') return distribution(report, source);
  if (kind === 'gauge')
    return {
      how: '',
      additive: false,
      curves: source.samples.map((stream) => {
        const points = stream.t.map((at, index) => [at, stream.v[index] ?? null] as const);
        return curve(labelText(stream.labels), broken(points, blinds, every));
      }),
    };
  const amounts = kind === 'counter' ? source.samples.map((stream) => growth(stream, every)) : source.samples;
  return {
    how: 'per second',
    additive: true,
    curves: [...grouped(amounts, source)].map(([name, streams]) => curve(name, dark(rate(streams, every), source))),
  };
}

function distribution(report: Report, { metric, every, histograms, buckets, blinds, labels }: Source): Drawn {
  const asked = thresholdsOf(report).find(
    ({ threshold }) => threshold.metric === metric && /^p\d/.test(threshold.take),
  );
  const name = asked?.threshold.take ?? 'p99';
  const q = Number(name.slice(1)) / 100;
  const draw = (streams: readonly Stream<Histogram>[], at: number) =>
    broken(quantiles(streams, at, every), blinds, every);
  const groups = [...grouped(histograms, { labels, metric })];
  const curves =
    groups.length === 1
      ? [curve(name, draw(histograms, q)), curve('p50', draw(histograms, 0.5))]
      : groups.map(([group, streams]) => curve(group, draw(streams, q)));
  return {
    how: `${groups.length === 1 ? `${name} and p50` : name} of each second`,
    additive: false,
    curves: [
      ...curves.filter(({ t }) => t.length > 0),
      ...buckets.map((stream) => curve(labelText(stream.labels), broken(bucketQuantiles(stream, q), blinds, every))),
    ],
  };
}

/** By the first label that the producer declared: time per user, requests per verb. */
function grouped<T>(
  streams: readonly Stream<T>[],
  { labels }: Pick<Source, 'labels' | 'metric'>,
): Map<string, Stream<T>[]> {
  const groups = new Map<string, Stream<T>[]>();
  for (const stream of streams) {
    const first = labels[0] ?? Object.keys(stream.labels)[0];
    const name = first === undefined ? '' : (stream.labels[first] ?? '');
    groups.set(name, [...(groups.get(name) ?? []), stream]);
  }
  return groups;
}

/** Where nobody was looking, no amount is not zero, and a counter's growth is only known as a whole. */
function dark(points: ReturnType<typeof rate>, { blinds, kind }: Source): ReturnType<typeof rate> {
  const unseen = (at: Millis) => blinds.some(({ from, to }) => at > from && at < to);
  return points.map(([at, value]) => [at, (kind === 'counter' || value === 0) && unseen(at) ? null : value]);
}
