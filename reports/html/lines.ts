/** Thresholds as horizontal lines, where a line in the metric's own unit means something. */

import { merge, quantile } from '../../harness/histogram.ts';
import type { Histogram, Is, Report, Role, Threshold } from '../../harness/model.ts';
import type { Facts } from '../facts.ts';
import { thresholdsOf } from '../thresholds.ts';
import { growth } from './curves.ts';
import { labelled, type Stream, type Streams } from './streams.ts';

export interface Line {
  readonly value: number;
  /** `<= 1.5x steady`, as people read it. */
  readonly text: string;
  readonly role: Role;
}

export function linesOf(metric: string, report: Report, facts: Facts, streams: Streams): Line[] {
  const lines = thresholdsOf(report)
    .filter(({ threshold }) => threshold.metric === metric && threshold.over === undefined)
    .flatMap(({ role, threshold }): Line[] => {
      const value = heightOf(threshold, facts, streams);
      return value === undefined ? [] : [{ value, role, text: `${threshold.take} ${said(threshold.is)}` }];
    });
  return lines.filter((line, index) => lines.findIndex(({ text }) => text === line.text) === index);
}

function said(is: Is): string {
  return 'times' in is ? `${is.op} ${is.times}x ${is.of}` : is.op;
}

function heightOf(threshold: Threshold, facts: Facts, streams: Streams): number | undefined {
  if (threshold.take === 'count' || threshold.take === 'share') return undefined;
  if ('value' in threshold.is) return threshold.is.value;
  const { of, times } = threshold.is;
  const phase = facts.phases.find(({ name }) => name === of);
  if (phase === undefined) return undefined;
  const within = <T>(stream: Stream<T>): T[] =>
    stream.v.filter((_, index) => (stream.t[index] ?? -1) >= phase.from && (stream.t[index] ?? -1) <= phase.to);
  const base = baseOf(threshold, facts, streams, within, (phase.to - phase.from) / 1000);
  return base === undefined ? undefined : base * times;
}

type Within = <T>(stream: Stream<T>) => T[];

function baseOf(
  { metric, labels, take }: Threshold,
  facts: Facts,
  streams: Streams,
  within: Within,
  seconds: number,
): number | undefined {
  const samples = labelled(streams.samples.get(metric) ?? [], labels);
  if (take === 'rate') {
    const grown = facts.specs.get(metric)?.kind === 'counter' ? samples.map((stream) => growth(stream, 1000)) : samples;
    return sum(grown.flatMap(within)) / seconds;
  }
  const values = samples.flatMap(within);
  if (values.length === 0)
    return take.startsWith('p')
      ? ofHistograms(labelled(streams.histograms.get(metric) ?? [], labels).flatMap(within), take)
      : undefined;
  if (take === 'max') return values.reduce((a, b) => Math.max(a, b));
  if (take === 'min') return values.reduce((a, b) => Math.min(a, b));
  if (take === 'mean') return sum(values) / values.length;
  return undefined;
}

function ofHistograms(histograms: readonly Histogram[], take: string): number | undefined {
  return histograms.length === 0 ? undefined : quantile(merge(histograms), Number(take.slice(1)) / 100);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
