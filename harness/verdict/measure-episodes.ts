import { rankOf } from '../histogram.ts';
import type { Labels, MetricSpec, Millis } from '../model.ts';
import { type Coverage, coverage, looksIn } from './coverage.ts';
import { watchers } from './failure-metrics.ts';
import { quantileOf } from './gauge.ts';
import { type Episode, firstFrom, type JournalIndex, type MetricData, type Span } from './journal.ts';
import { LEAST, type Measurement, matching, noteOf, perSecond, type Query, tooFew } from './seen.ts';

interface Around {
  readonly spec: MetricSpec;
  readonly data: MetricData;
  readonly window: Span;
  readonly index: JournalIndex;
}

interface Found extends Episode {
  readonly at: Millis;
  readonly labels: Labels;
}

/**
 * What was made of the journal: each is an event by itself, so one suffices to measure its time. That there was none
 * is known only where somebody watched all the time.
 */
export function measureEpisodes({ labels, take, during }: Query, { spec, data, window, index }: Around): Measurement {
  const watch = watchFor(labels['what'], window, index);
  if (typeof watch === 'string') return { samples: 0, why: watch };
  const { covered, looks } = watch;
  const found = matching(data.episodes, labels).flatMap(({ labels, times, values }) =>
    values
      .map((value, index): Found => ({ ...value, labels, at: times[index] ?? 0 }))
      .slice(firstFrom(times, window.start), firstFrom(times, window.end)),
  );
  const note = noteOf(covered);
  const { gap } = covered;
  if (spec.kind === 'increment' || take === 'count' || take === 'rate') {
    if (looks < LEAST && found.length === 0) return tooFew(looks, LEAST, covered);
    const value = spec.kind === 'increment' ? found.reduce((sum, one) => sum + one.value, 0) : found.length;
    const known = { samples: Math.max(looks, found.length), at: found[0]?.at ?? window.end, ...note };
    if (take === 'rate') return gap ? { ...known, why: gap } : { ...known, value: perSecond(value, covered) };
    return gap ? { ...known, value, bound: 'lower', why: gap } : { ...known, value };
  }
  const which = Object.values(labels).join(' of ');
  if (found.length === 0)
    return { samples: 0, why: gap ?? `no node failure${which && ` (${which})`} began in ${during}` };
  return time(found, { take, gap, spec, note, end: window.end });
}

function time(
  found: readonly Found[],
  {
    take,
    gap,
    spec,
    note,
    end,
  }: { take: string; gap: string | undefined; spec: MetricSpec; note: { note?: string }; end: Millis },
): Measurement {
  const sorted = found.toSorted((one, other) => one.value - other.value);
  const longest = sorted.at(-1);
  const q = quantileOf(take);
  const known = { samples: found.length, at: end, ...note };
  const open = found.filter((one) => one.open);
  const why = gap ?? unfinished(open, spec);
  // A time that was still running can only be longer.
  const bound = why === undefined ? {} : ({ bound: 'lower', why } as const);
  if (take === 'max') return { ...known, value: longest?.value ?? 0, at: longest?.at ?? end, ...bound };
  if (gap) return { ...known, why: gap };
  if (take === 'mean')
    return { ...known, value: sorted.reduce((sum, one) => sum + one.value, 0) / found.length, ...bound };
  if (q === undefined) return { ...known, why: `${take} of a distribution means nothing` };
  return { ...known, value: sorted[rankOf(q, found.length) - 1]?.value ?? 0, ...bound };
}

function unfinished(open: readonly Found[], { name }: MetricSpec): string | undefined {
  if (open.length === 0) return undefined;
  const some = open.slice(0, 3).map(({ labels }) => `${labels['what']} of ${labels['node']}`);
  const more = open.length > some.length ? ` and ${open.length - some.length} more` : '';
  return `${name.endsWith('detected-after') ? 'never noticed' : 'not over when the run ended'}: ${some.join(', ')}${more}`;
}

interface Watch {
  readonly covered: Coverage;
  readonly looks: number;
}

/** How well a kind of failure was watched for, or all kinds that anybody watched for; a sentence when nobody did. */
function watchFor(what: string | undefined, window: Span, index: JournalIndex): Watch | string {
  const watching = watchers.flatMap(([metric, kinds]) => {
    const covered = coverage(index, metric, index.timesOf(metric), window, []);
    return covered ? [{ metric, kinds, covered, looks: looksIn(index.timesOf(metric), window, covered.every) }] : [];
  });
  const kinds = what === undefined ? new Set(watching.flatMap((one) => one.kinds)) : [what];
  const best = [...kinds].map((kind) => {
    const able = watching.filter((one) => one.kinds.includes(kind));
    return able.find(({ covered }) => covered.gap === undefined) ?? able[0];
  });
  const used = [...new Set(best)].filter((one) => one !== undefined);
  if (used.length === 0 || best.includes(undefined)) {
    const probes = watchers.filter(([, kinds]) => what !== undefined && kinds.includes(what)).map(([metric]) => metric);
    return `nobody watched for ${what ?? 'node failures'}${probes.length > 0 ? `: that takes ${probes.join(' or ')}` : ''}`;
  }
  const blind = used.find(({ covered }) => covered.gap !== undefined);
  return {
    looks: Math.min(...used.map(({ looks }) => looks)),
    covered: {
      due: [window],
      every: Math.max(...used.map(({ covered }) => covered.every)),
      explained: [...new Set(used.flatMap(({ covered }) => covered.explained))],
      ...(blind && { gap: `${blind.metric}: ${blind.covered.gap}` }),
    },
  };
}
