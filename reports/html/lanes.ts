/** What the timeline shows as bands and marks: faults, node conditions, deaths, events, log lines, gaps. */
import type { Millis, Report } from '../../harness/model.ts';
import type { Facts, Span } from '../facts.ts';
import { visible } from '../text.ts';
import type { Streams } from './streams.ts';

export interface Lane {
  readonly name: string;
  readonly kind: 'fault' | 'failure' | 'gap' | 'node';
  readonly spans: readonly {
    readonly from: number;
    readonly to: number;
    readonly state: State;
    readonly text: string;
  }[];
}
type State = 'ok' | 'bad' | 'unknown' | 'active' | 'explained';

/** Equal happenings are one row with several moments. */
export interface Happening {
  readonly what: string;
  readonly subject: string;
  readonly detail: string;
  readonly times: readonly number[];
  readonly count: number;
}

const mostLanes = 40;
const mostFailing = 8;
const mostRows = 400;
const mostTimes = 100;

export function lanesOf(report: Report, facts: Facts, streams: Streams): { lanes: Lane[]; quiet: string } {
  const faults: Lane[] = facts.faults.map(({ name, from, to, targets, proof }) => ({
    name: visible(name),
    kind: 'fault',
    spans: [
      span({ name, from, to }, 'active', [`${name} into ${targets.join(', ')}`, proof].filter(Boolean).join(': ')),
    ],
  }));
  const gaps = [...Map.groupBy(facts.blinds, ({ source }) => source)].map(
    ([source, blinds]): Lane => ({
      name: `blind: ${visible(source)}`,
      kind: 'gap',
      spans: blinds
        .slice(0, mostRows)
        .map(({ from, t, reason, explained }) =>
          span({ name: source, from, to: t }, explained ? 'explained' : 'unknown', reason),
        ),
    }),
  );
  const nodes = nodesOf(facts, streams);
  const troubled = nodes.filter(({ spans }) => spans.some(({ state }) => state !== 'ok'));
  const shown = troubled.slice(0, mostLanes);
  const names = new Set(nodes.map(({ name }) => name.split(' · ')[0]));
  const rest = names.size - new Set(shown.map(({ name }) => name.split(' · ')[0])).size;
  const more = troubled.length - shown.length;
  const quiet =
    names.size === 0
      ? ''
      : `${rest} ${shown.length > 0 ? 'other ' : ''}${rest === 1 ? 'node' : 'nodes'}: ${more > 0 ? `${more} with transitions not shown here, the others ` : ''}Ready throughout`;
  return { lanes: [...faults, ...failing(report, facts.end), ...gaps, ...shown], quiet: rest > 0 ? quiet : '' };
}

/** A lane for each failing node and what failed: hatched until Kubernetes noticed. */
function failing({ verdict }: Report, end: Millis): Lane[] {
  const all = Map.groupBy(verdict.nodeFailures, ({ node, what }) => `${what} · ${node}`);
  return [...all].slice(0, mostFailing).map(([name, failures]) => ({
    name: visible(name),
    kind: 'failure',
    spans: failures.slice(0, mostRows).flatMap(({ first, detected, back }) => {
      const to = back ?? end;
      const noticed = Math.min(to, detected?.at ?? to);
      const unseen = span({ name, from: first.at, to: noticed }, 'unknown', `unnoticed; ${first.sign}`);
      return detected ? [unseen, span({ name, from: noticed, to }, 'bad', detected.sign)] : [unseen];
    }),
  }));
}

function nodesOf({ seen, end, phases }: Facts, streams: Streams): Lane[] {
  const start = phases[0]?.from ?? 0;
  const points = new Map<string, [t: number, state: State, text: string][]>();
  const add = (name: string, t: number, state: State, text: string) => {
    const known = points.get(name) ?? [];
    if (known.length === 0) points.set(name, known);
    if (known.at(-1)?.[1] !== state) known.push([t, state, text]);
  };
  const reported = new Set<string>();
  for (const { what, subject, detail, labels, t } of seen) {
    if (what !== 'node') continue;
    const condition = labels?.['condition'] ?? /\b(Ready|[A-Z]\w+Pressure|NetworkUnavailable)\b/.exec(detail)?.[1];
    const status = labels?.['status'] ?? [...detail.matchAll(/\b(True|False|Unknown)\b/g)].at(-1)?.[1];
    if (condition === undefined || status === undefined) continue;
    const good = condition === 'Ready' ? 'True' : 'False';
    const state = status === good ? 'ok' : status === 'Unknown' ? 'unknown' : 'bad';
    if (condition === 'Ready') reported.add(subject);
    // What a node was on its way to its first Ready is how a cluster starts, not what befell it.
    if (t >= start || state === 'ok')
      add(condition === 'Ready' ? subject : `${subject} · ${condition}`, t, state, detail);
  }
  for (const { labels, t, v } of streams.samples.get('node.ready') ?? []) {
    const node = labels['node'] ?? '';
    if (reported.has(node)) continue;
    for (const [index, at] of t.entries())
      if (at >= start) add(node, at, (v[index] ?? 0) >= 1 ? 'ok' : 'bad', v[index] ? 'Ready' : 'not Ready');
  }
  return [...points].map(([name, known]) => ({
    name: visible(name),
    kind: 'node',
    spans: known.map(([t, state, text], index) =>
      span({ name, from: t, to: known[index + 1]?.[0] ?? end }, state, text),
    ),
  }));
}

function span({ from, to }: Span, state: State, text: string): Lane['spans'][number] {
  return { from: from / 1000, to: to / 1000, state, text: visible(text) };
}

/** Deaths first where there is not room for all; then by time. */
export function happeningsOf({ seen }: Facts): { rows: Happening[]; left: number } {
  const rows = [...Map.groupBy(seen, ({ what, detail }) => JSON.stringify([what, detail])).values()].map(happening);
  const weight = ({ what }: Happening) => (what === 'death' ? 0 : 1);
  const first = ({ times }: Happening) => times[0] ?? 0;
  const kept = rows.sort((a, b) => weight(a) - weight(b) || first(a) - first(b)).slice(0, mostRows);
  return { rows: kept.sort((a, b) => first(a) - first(b)), left: rows.length - kept.length };
}

function happening(events: Facts['seen']): Happening {
  const subjects = [...new Set(events.map(({ subject }) => subject))];
  const more = subjects.length > 3 ? ` and ${subjects.length - 2} more` : '';
  return {
    what: events[0]?.what ?? 'other',
    subject: visible(`${subjects.slice(0, more ? 2 : 3).join(', ')}${more}`),
    detail: visible(events[0]?.detail ?? ''),
    times: events.slice(0, mostTimes).map(({ t }) => t / 1000),
    count: events.length,
  };
}
