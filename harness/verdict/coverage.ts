import type { LoadSpec, MetricSpec, Millis } from '../model.ts';
import { type Blind, firstFrom, type JournalIndex, type Source, type Span } from './journal.ts';

export interface Coverage {
  /** The spans in which samples are due: the window, or as much of it as the load runs. */
  readonly due: readonly Span[];
  readonly every: Millis;
  /** More than a tenth was not seen and nobody else explains why, or anything was lost: the reason, for people. */
  readonly gap?: string;
  /** What is known of the time in which there was nothing to see. */
  readonly explained: readonly string[];
}

const LARGEST_UNSEEN = 0.1;
/** k6 takes this long to start under load. */
const LOAD_STARTS: Millis = 5_000;

export function lengthOf(spans: readonly Span[]): Millis {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}

/**
 * How much of a window its samples (their `times`, ascending) cover. Undefined: nobody promised the metric. Of a gauge nothing is lost:
 * where it stands is seen at the next look.
 */
export function coverage(
  index: JournalIndex,
  metric: string,
  times: readonly Millis[],
  window: Span,
  loads: readonly LoadSpec[],
  kind?: MetricSpec['kind'],
): Coverage | undefined {
  const sources = index.sources.get(metric) ?? [];
  if (sources.length === 0) return undefined;
  const every = Math.max(...sources.map((source) => source.every));
  const running = sources.map((source) => spanOfLoad(source, index, loads));
  const fromLoads = running.every((span) => span !== undefined);
  const due = fromLoads ? union(running.flatMap((span) => clip(span, window))) : [window];
  const blinds = blindsOf(sources, index);
  const within = blinds.flat().filter((blind) => clip(blind, window).length > 0);
  const explained = [...new Set(within.filter((blind) => blind.explained).map(({ reason }) => reason))];

  const longest = Math.max(3 * every, 2_000);
  const atEdge = fromLoads ? Math.max(longest, LOAD_STARTS) : longest;
  const unseen = due.flatMap((span) => unseenIn(span, times, blinds, { longest, atEdge }));
  const share = lengthOf(due) > 0 ? lengthOf(unseen) / lengthOf(due) : 0;
  const lost = kind === 'gauge' ? undefined : within.find((blind) => blind.lost);
  if (share <= LARGEST_UNSEEN && lost) return { due, every, explained, gap: lost.reason };
  if (share <= LARGEST_UNSEEN) return { due, every, explained };
  return { due, every, explained, gap: describe(unseen, within) };
}

function describe(unseen: readonly Span[], blinds: readonly Blind[]): string {
  const spans = unseen.map(({ start, end }) => `${seconds(start)}–${seconds(end)} s`);
  const shown = spans.slice(0, 3).join(', ') + (spans.length > 3 ? ` and ${spans.length - 3} more` : '');
  const reason = blinds.find((blind) => !blind.explained)?.reason;
  return `nothing seen at ${shown}${reason ? ` (${reason})` : ''}`;
}

function seconds(time: Millis): string {
  return (time / 1000).toFixed(1);
}

/** When a load runs; undefined for any other source. */
function spanOfLoad(source: Source, index: JournalIndex, loads: readonly LoadSpec[]): Span | undefined {
  const load = loads.find(({ name }) => source.name === `load:${name}`);
  return load && (index.phases.get(load.during) ?? { start: 0, end: 0 });
}

/** By source: what explains the silence of one says nothing of the others. */
type Blinds = readonly (readonly Blind[])[];

function blindsOf(sources: readonly Source[], { blinds }: JournalIndex): Blinds {
  return sources.map(({ name }) => blinds.get(name) ?? []);
}

const explainedOf = (blinds: readonly Blind[]) => blinds.filter(({ explained }) => explained);

/** When any source was blind and nothing explains it. */
function unexplainedOf(blinds: Blinds): readonly Span[] {
  return union(
    blinds.flatMap((own) =>
      without(
        own.filter(({ explained }) => !explained),
        explainedOf(own),
      ),
    ),
  );
}

function unseenIn(
  span: Span,
  times: readonly Millis[],
  blinds: Blinds,
  { longest, atEdge }: { longest: Millis; atEdge: Millis },
): readonly Span[] {
  const from = firstFrom(times, span.start);
  const to = firstFrom(times, span.end);
  const silent: Span[] = [];
  for (let next = from; next <= to; next++) {
    // Before the first and after the last sample of all, the window's own edges count.
    const before = times[next - 1];
    const start = before ?? span.start;
    const end = times[next] ?? span.end;
    const edge = before === undefined || before < span.start || next === to;
    if (end - start > (edge ? atEdge : longest)) silent.push({ start, end });
  }
  const gaps = [...without(silent, explainedOf(blinds.flat())), ...unexplainedOf(blinds)];
  return union(gaps.flatMap((gap) => clip(gap, span)));
}

/** How much of a span no explained blindness accounts for, or an unexplained one covers. */
export function unexplained(index: JournalIndex, metric: string, span: Span): Millis {
  const blinds = blindsOf(index.sources.get(metric) ?? [], index);
  const told = unexplainedOf(blinds).flatMap((gap) => clip(gap, span));
  return lengthOf(union([...without([span], explainedOf(blinds.flat())), ...told]));
}

/** Moments in the window at which a metric was looked at; samples of one look may lie a little apart. */
export function looksIn(times: readonly Millis[], window: Span, every: Millis): number {
  let looks = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (let index = firstFrom(times, window.start); index < times.length; index++) {
    const time = times[index] ?? 0;
    if (time >= window.end) break;
    if (time - last < every / 2) continue;
    looks++;
    last = time;
  }
  return looks;
}

function clip(span: Span, { start, end }: Span): Span[] {
  const clipped = { start: Math.max(span.start, start), end: Math.min(span.end, end) };
  return clipped.end > clipped.start ? [clipped] : [];
}

function union(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.toSorted((one, other) => one.start - other.start)) {
    const last = merged.at(-1);
    if (last && span.start <= last.end)
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
    else merged.push(span);
  }
  return merged;
}

function without(spans: readonly Span[], holes: readonly Span[]): Span[] {
  let left = [...spans];
  for (const hole of holes) {
    left = left.flatMap((span) => [
      ...clip(span, { start: span.start, end: hole.start }),
      ...clip(span, { start: hole.end, end: span.end }),
    ]);
  }
  return left;
}
