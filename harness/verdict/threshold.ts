import { format, type Measured } from '../format.ts';
import type { Finding, Labels, Millis, Role, Threshold, Unit } from '../model.ts';
import { compare } from './compare.ts';
import { worse } from './gauge.ts';
import { type Context, divide, measure } from './measure.ts';
import { type Measurement, matching, type Query } from './seen.ts';

type Status = Finding['status'];

/** One value of the label under `per`, or the whole. */
interface Outcome {
  readonly status: Status;
  readonly group: string | undefined;
  readonly value?: number;
  readonly measured?: string;
  readonly samples: number;
  readonly at?: number;
  readonly detail?: string;
}

const RANK: readonly Status[] = ['unmet', 'unmeasured', 'met'];

/** Judges one threshold; with `per` the finding is that of the worst. */
export function judgeThreshold(role: Role, threshold: Threshold, context: Context): Finding {
  const { text, during, metric, when, per } = threshold;
  const about = { role, threshold: text, phase: during, metric };
  if (when !== undefined && !context.index.capabilities.has(when)) {
    return { ...about, status: 'skipped', samples: 0, detail: `the cluster lacks ${when}` };
  }
  const groups = per === undefined ? [] : groupsOf(threshold, per, context);
  const whole = { status: 'unmeasured', group: undefined, samples: 0 } as const;
  if (per !== undefined && groups.length === 0 && !countable(metric, context)) {
    return { ...about, status: 'unmeasured', samples: 0, detail: `no ${per} was seen` };
  }
  const outcomes = groups.map((group) => judgeGroup(threshold, group, context)).filter((one) => one !== undefined);
  if (outcomes.length === 0) outcomes.push(judgeGroup(threshold, undefined, context) ?? whole);
  const worst = outcomes.reduce((one, other) => (isWorse(other, one, threshold) ? other : one));
  const { status, value, measured, samples, at, group } = worst;
  const name =
    group === undefined ? undefined : `${per} ${group}${outcomes.length > 1 ? ` (worst of ${outcomes.length})` : ''}`;
  const detail = [name, worst.detail].filter(Boolean).join(': ');
  return {
    ...about,
    status,
    samples,
    ...(value === undefined ? {} : { value }),
    ...(measured === undefined ? {} : { measured }),
    ...(at === undefined ? {} : { at }),
    ...(detail ? { detail } : {}),
  };
}

function isWorse(one: Outcome, than: Outcome, { is }: Threshold): boolean {
  if (one.status !== than.status) return RANK.indexOf(one.status) < RANK.indexOf(than.status);
  if (one.value === undefined || than.value === undefined) return one.value === undefined && than.value !== undefined;
  return worse(one.value, than.value, { op: is.op, limit: 'times' in is ? is.times : is.value });
}

/**
 * The values of a label that were seen until the end of the phase: one that vanished before is missing, not forgotten, unless the
 * cluster said before the phase that it is no more.
 */
function groupsOf({ metric, labels, during }: Threshold, per: string, { index }: Context): string[] {
  const data = index.metrics.get(metric);
  const { start = 0, end = 0 } = index.phases.get(during) ?? {};
  if (!data) return [];
  const series = [data.samples, data.buckets, data.histograms, data.episodes].flatMap((all) =>
    matching<unknown>(all, labels ?? {}),
  );
  const ends = (index.sources.get(metric) ?? []).flatMap(({ name }) => index.gone.get(name) ?? []);
  const left = (value: string | undefined, times: readonly Millis[]) =>
    ends.some(({ at, labels: of }) => of[per] === value && at <= start && (times.at(-1) ?? 0) <= at);
  const seen = series.filter(({ times, labels: of }) => (times[0] ?? end) < end && !left(of[per], times));
  return [...new Set(seen.flatMap((one) => one.labels[per] ?? []))];
}

/** Of what is counted, none is a measurement: 0. */
function countable(metric: string, context: Context): boolean {
  const kind = kindOf(metric, context);
  return kind === 'counter' || kind === 'increment';
}

function specOf(metric: string, { index }: Context) {
  return index.sources.get(metric)?.flatMap(({ metrics }) => metrics.find(({ name }) => name === metric) ?? [])[0];
}

function kindOf(metric: string, context: Context) {
  return specOf(metric, context)?.kind;
}

/** Undefined: nothing arrived for this group in the phase, so there is nothing to judge. */
function judgeGroup(threshold: Threshold, group: string | undefined, context: Context): Outcome | undefined {
  const { metric, per, during, is } = threshold;
  const labels: Labels = { ...threshold.labels, ...(group === undefined || per === undefined ? {} : { [per]: group }) };
  const limit = 'times' in is ? undefined : is.value;
  const query = { labels, during, op: is.op, ...(limit === undefined ? {} : { limit }) };
  const now = measured(threshold, query, context);
  if (group !== undefined && now.samples === 0 && kindOf(metric, context) === 'distribution') return undefined;
  const samples = now.samples;
  const at = now.at === undefined ? {} : { at: now.at };
  const notes = (...more: (string | undefined)[]) => [...more, now.note].filter(Boolean).join('; ');
  const unit = unitOf(threshold, context);

  if (now.value === undefined) return { status: 'unmeasured', group, samples, ...at, detail: notes(now.why) };
  if (!('times' in is)) {
    const status = compare(now, is.op, is.value);
    const text = format(now.value, unit);
    return { status, group, samples, value: now.value, measured: bounded(text, now), ...at, detail: notes(now.why) };
  }
  const base = measured(threshold, { ...query, during: is.of }, context);
  const least = threshold.floor ?? 0;
  const weak = weakness(base, { least, of: is.of, unit });
  if (weak !== undefined || base.value === undefined) {
    return { status: 'unmeasured', group, samples, ...at, detail: notes(weak) };
  }
  const value = now.value / base.value;
  const status = compare({ ...now, value }, is.op, is.times);
  const both = `${format(now.value, unit)}, ${format(base.value, unit)} in ${is.of}`;
  return {
    status,
    group,
    samples,
    value,
    measured: bounded(format(value, 'times'), now),
    ...at,
    detail: notes(both, now.why),
  };
}

function bounded(text: string, { bound }: Measurement): string {
  return bound === undefined ? text : `${bound === 'lower' ? 'at least' : 'at most'} ${text}`;
}

/** Why the base of a ratio is none. */
function weakness(
  base: Measurement,
  { least, of, unit }: { least: number; of: string; unit: Measured },
): string | undefined {
  if (base.value === undefined) return `${of}: ${base.why ?? 'not measured'}`;
  const text = format(base.value, unit);
  if (base.bound) return `${of}: known only to be ${bounded(text, base)}${base.why ? ` (${base.why})` : ''}`;
  if (base.value < least) return `${of}: ${text} is below the least base of a ratio, ${format(least, unit)}`;
  return base.value > 0 ? undefined : `${of} is 0: nothing to compare with`;
}

function measured(
  { metric, take, over }: Threshold,
  query: Omit<Query, 'metric' | 'take'>,
  context: Context,
): Measurement {
  const value = measure({ ...query, metric, take }, context);
  if (over === undefined) return value;
  return divide(value, measure({ ...query, metric: over, take, labels: {} }, context), over);
}

/** What the measured value is in. */
function unitOf({ metric, over, take, is }: Threshold, context: Context): Measured {
  if (!('times' in is)) return is.unit;
  const own = dimension(take, specOf(metric, context));
  if (over === undefined) return own;
  const divisor = dimension(take, specOf(over, context));
  return own === divisor ? 'count' : divisor === 'count' ? own : 'per-second';
}

function dimension(take: string, spec: { unit: Unit; kind: string } | undefined): Measured {
  if (take === 'rate') return 'per-second';
  if (take === 'share') return 'ratio';
  if (take === 'count' && spec?.kind === 'distribution') return 'count';
  return spec?.unit ?? 'count';
}
