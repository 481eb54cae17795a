import type { Comparison, Labels, MetricSpec, Millis, Take } from '../model.ts';
import type { Coverage } from './coverage.ts';
import type { Edges } from './increase.ts';
import type { MetricData, Series, Span } from './journal.ts';

export interface Query {
  readonly metric: string;
  readonly labels: Labels;
  readonly take: Take;
  /** A phase or `run`. */
  readonly during: string;
  /** How the value will be compared, and with what where that is known: of several last values the worst is taken. */
  readonly op: Comparison;
  readonly limit?: number;
}

export interface Measurement {
  /** In base units; absent when it could not be measured. */
  readonly value?: number;
  readonly samples: number;
  readonly at?: Millis;
  /** Why there is no value, or why it is only a bound. */
  readonly why?: string;
  /** The true value may be higher (`lower` bound) or lower (`upper` bound) than this. */
  readonly bound?: 'lower' | 'upper';
  /** What else to know: the bucket, what explains a silence. */
  readonly note?: string;
}

/** What the kinds of metrics are measured from. */
export interface Seen {
  readonly spec: MetricSpec;
  readonly data: MetricData;
  readonly window: Span;
  readonly coverage: Coverage;
  readonly edges: Edges;
  /** Nothing was seen near an edge of the window, and nobody explains why. */
  readonly open: string | undefined;
  /** Moments in the window at which the metric was looked at. */
  readonly looks: number;
}

/** Fewer samples than this (or looks at what is counted) are none. */
export const LEAST = 3;

export function tooFew(samples: number, least: number, { explained }: Coverage): Measurement {
  const why = explained.length > 0 ? `: ${explained.join('; ')}` : '';
  return { samples, why: samples === 0 ? `no samples${why}` : `${samples} of at least ${least} samples${why}` };
}

export function matching<Value>(all: ReadonlyMap<string, Series<Value>>, labels: Labels): Series<Value>[] {
  const wanted = Object.entries(labels);
  return [...all.values()].filter((series) => wanted.every(([name, value]) => series.labels[name] === value));
}

export function perSecond(value: number, { due }: Coverage): number {
  return value / (due.reduce((sum, { start, end }) => sum + end - start, 0) / 1000);
}

export function noteOf({ explained }: Coverage): { note?: string } {
  return explained.length > 0 ? { note: `silent for a time: ${explained.join('; ')}` } : {};
}
