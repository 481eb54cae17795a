/** Which series the timeline shows, in which order, and with which limits drawn in. Driven by what the journal holds. */
import type { MetricKind, Report, Unit } from '../../harness/model.ts';
import type { Facts } from '../facts.ts';
import { visible } from '../text.ts';
import { thresholdsOf } from '../thresholds.ts';
import { type Curve, thinned } from './curves.ts';
import { type Drawn, drawnOf, type Source } from './drawn.ts';
import { type Line, linesOf } from './lines.ts';
import type { Streams } from './streams.ts';

export interface Panel {
  readonly metric: string;
  /** What is drawn of it: `per second`, `p95 per second`. */
  readonly how: string;
  readonly help: string;
  readonly unit: Unit;
  readonly group: 'load' | 'judged' | 'more';
  /** Seconds and values; null breaks the line. */
  readonly series: readonly {
    readonly name: string;
    readonly x: readonly number[];
    readonly y: readonly (number | null)[];
  }[];
  readonly lines: readonly Line[];
  readonly gaps: readonly {
    readonly from: number;
    readonly to: number;
    readonly why: string;
    readonly explained: boolean;
  }[];
}

const mostPanels = 24;
const mostSeries = 6;

/** What an operator looks at first, after what the scenario judges. */
const favourites = [
  'etcd.memory',
  'apiserver.memory',
  'component.cpu',
  'api.get.duration',
  'api.get.available',
  'nodes.ready',
  'apiserver.list.fetched',
  'audit.query-time',
  'apiserver.requests',
  'etcd.db.size',
  'load.cpu',
];

export function panelsOf(report: Report, facts: Facts, streams: Streams): Panel[] {
  const judged = new Set(
    thresholdsOf(report).flatMap(({ threshold: { metric, over } }) => (over ? [metric, over] : [metric])),
  );
  const loads = new Set(report.scenario.load.flatMap(({ requests }) => requests));
  const groupOf = (metric: string): Panel['group'] =>
    loads.has(metric.split('.')[0] ?? '') ? 'load' : judged.has(metric) ? 'judged' : 'more';
  const order = ['load', 'judged', 'more'];
  const present = [...streams.samples.keys(), ...streams.histograms.keys(), ...streams.buckets.keys()];
  const known = [...judged, ...favourites];
  const rank = (metric: string) => (known.includes(metric) ? known.indexOf(metric) : known.length);
  return [...new Set(present)]
    .map((metric) => ({ metric, group: groupOf(metric), drawn: drawnOf(report, sourceOf(metric, facts, streams)) }))
    .filter(({ metric, drawn }) => worthDrawing(metric, drawn, judged))
    .sort(
      (a, b) =>
        order.indexOf(a.group) - order.indexOf(b.group) ||
        rank(a.metric) - rank(b.metric) ||
        (a.metric < b.metric ? -1 : 1),
    )
    .slice(0, mostPanels)
    .map(({ metric, group, drawn }) => panel(metric, group, drawn, report, facts, streams));
}

export function sourceOf(metric: string, facts: Facts, streams: Streams): Source {
  const spec = facts.specs.get(metric);
  const kind: MetricKind = streams.samples.has(metric) ? (spec?.kind ?? 'gauge') : 'distribution';
  return {
    metric,
    kind,
    every: Math.max(1000, spec?.every ?? 1000),
    labels: spec?.labels ?? [],
    samples: streams.samples.get(metric) ?? [],
    histograms: streams.histograms.get(metric) ?? [],
    buckets: streams.buckets.get(metric) ?? [],
    blinds: facts.blinds.filter(({ source }) => source === spec?.source).map(({ from, t }) => ({ from, to: t })),
  };
}

/** Nodes have lanes, and deaths have marks. */
export const marked: ReadonlySet<string> = new Set(['node.ready', 'component.deaths']);

/** A flat line tells nothing unless it was judged. */
function worthDrawing(metric: string, { curves }: Drawn, judged: ReadonlySet<string>): boolean {
  if (marked.has(metric)) return false;
  const values = curves.flatMap(({ y }) => y.filter((value) => value !== null));
  if (values.length < 2) return false;
  return judged.has(metric) || values.some((value) => value !== values[0]);
}

function panel(
  metric: string,
  group: Panel['group'],
  drawn: Drawn,
  report: Report,
  facts: Facts,
  streams: Streams,
): Panel {
  const spec = facts.specs.get(metric);
  const few = fewest(drawn);
  const points = few.length > 3 ? 300 : 600;
  return {
    metric: visible(metric),
    group,
    how: visible(drawn.how),
    help: visible(spec?.help ?? ''),
    unit: spec?.unit ?? 'count',
    lines: linesOf(metric, report, facts, streams),
    series: few
      .map((one) => thinned(one, points))
      .map(({ name, t, y }) => ({ name: visible(name), x: t.map((at) => Math.round(at) / 1000), y: y.map(rounded) })),
    gaps: facts.blinds
      .filter(({ source }) => source === spec?.source)
      .map(({ from, t, reason, explained }) => ({ from: from / 1000, to: t / 1000, why: visible(reason), explained })),
  };
}

function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(5));
}

/** The heaviest curves, and the rest as one: added up where that means something, else the highest of them. */
function fewest({ curves, additive }: Drawn): readonly Curve[] {
  const sorted = [...curves].sort((a, b) => b.weight - a.weight);
  if (sorted.length <= mostSeries + 1) return sorted;
  const rest = new Map<number, number | null>();
  for (const { t, y } of sorted.slice(mostSeries))
    for (const [index, at] of t.entries()) {
      const value = y[index] ?? null;
      const second = Math.round(at / 1000) * 1000;
      const known = rest.get(second) ?? null;
      rest.set(
        second,
        value === null || known === null ? (value ?? known) : additive ? known + value : Math.max(known, value),
      );
    }
  const points = [...rest].sort(([a], [b]) => a - b);
  const count = sorted.length - mostSeries;
  const others = {
    name: additive ? `${count} others` : `${count} others (highest)`,
    t: points.map(([at]) => at),
    y: points.map(([, value]) => value),
    weight: 0,
  };
  return [...sorted.slice(0, mostSeries), others];
}
