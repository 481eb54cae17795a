import { format } from '../format.ts';
import type { JournalEvent, Labels, MetricKind, Scenario, Stopped, StopRule } from '../model.ts';
import { holds } from '../verdict/compare.ts';

type Seen = Extract<JournalEvent, { readonly kind: 'sample' | 'buckets' | 'histogram' }>;

/** Counts of one metric, or of some of its series, since the rules are in force. */
interface Count {
  readonly metric: string;
  readonly labels: Labels;
  /** By series, what it stood at. */
  readonly last: Map<string, number>;
  total: number;
}

/**
 * The rules of a run: told of each event as it is journaled, says when one of them is met. They are in force from the phase `steady`
 * on (the first one, where there is none): before, nodes may still be on their way.
 */
export function rulesOver(
  { phases }: Pick<Scenario, 'phases'>,
  rules: readonly StopRule[],
): (event: JournalEvent) => Stopped | undefined {
  const first = phases.some(({ name }) => name === 'steady') ? 'steady' : phases[0]?.name;
  const kinds = new Map<string, MetricKind>();
  const watched = rules.map((rule) => ({
    rule,
    count: countOf(rule.metric, rule.labels),
    ...(rule.over !== undefined && { over: countOf(rule.over) }),
  }));
  let inForce = false;

  return (event) => {
    if (event.kind === 'observing') for (const { name, kind } of event.metrics) kinds.set(name, kind);
    if (event.kind === 'phase' && event.edge === 'start' && event.name === first) inForce = true;
    if (event.kind !== 'sample' && event.kind !== 'buckets' && event.kind !== 'histogram') return undefined;
    for (const { rule, count, over } of watched) {
      const kind = kinds.get(event.metric);
      const heard = [count, over].filter((one) => one !== undefined && add(one, event, kind, inForce));
      if (heard.length === 0 || !inForce) continue;
      const value = reached(event, kinds.get(rule.metric), rule, count, over);
      if (value === undefined || !holds(value, rule.is.op, rule.is.value)) continue;
      return { how: 'rule', why: `${rule.text} was met: ${format(value, rule.is.unit)}` };
    }
    return undefined;
  };
}

const countOf = (metric: string, labels: Labels = {}): Count => ({ metric, labels, last: new Map(), total: 0 });

/** Whether the event was of this metric. */
function add(count: Count, event: Seen, kind: MetricKind | undefined, inForce: boolean): boolean {
  if (event.metric !== count.metric) return false;
  const { labels = {} } = event;
  if (Object.entries(count.labels).some(([name, value]) => labels[name] !== value)) return false;
  const grown = growth(count, event, kind, labels);
  if (inForce) count.total += grown;
  return true;
}

function growth({ last }: Count, event: Seen, kind: MetricKind | undefined, labels: Labels): number {
  if (event.kind === 'histogram') return event.histogram.count;
  const now = event.kind === 'sample' ? event.value : (event.counts.at(-1) ?? 0);
  // JSON has no NaN: what arrives as null was no sample.
  if (!Number.isFinite(now)) return 0;
  if (event.kind === 'sample' && kind !== 'counter') return now;
  const series = JSON.stringify(Object.entries(labels).sort());
  const before = last.get(series) ?? now;
  last.set(series, now);
  // A fall is a restart, after which it grew from 0.
  return now < before ? now : now - before;
}

function reached(
  event: Seen,
  kind: MetricKind | undefined,
  { floor = 1 }: StopRule,
  count: Count,
  over: Count | undefined,
): number | undefined {
  if (over) return over.total >= floor ? count.total / over.total : undefined;
  if (kind !== 'gauge') return count.total;
  return event.kind === 'sample' && Number.isFinite(event.value) ? event.value : undefined;
}

/** In a cluster that is not the run's own: more nodes are not Ready than it was to touch. A rule of the scenario's own on that metric counts instead. */
export function rulesFor({ stop = [], faults }: Pick<Scenario, 'stop' | 'faults'>, own: boolean): readonly StopRule[] {
  if (own || stop.some(({ metric }) => metric === 'nodes.not-ready')) return stop;
  const targets = faults.reduce((sum, { workers }) => sum + workers, 0);
  const text = `nodes.not-ready > ${targets} (more than the run has as targets)`;
  return [...stop, { text, metric: 'nodes.not-ready', is: { op: '>', value: targets, unit: 'count' }, line: 0 }];
}
