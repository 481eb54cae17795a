/** What a journal says, sorted by kind once, so that no renderer walks the events by itself. */
import type { EventBody, JournalEvent, MetricSpec, Millis, Report } from '../harness/model.ts';

type Of<K extends EventBody['kind']> = Extract<JournalEvent, { kind: K }>;

export interface Span {
  readonly name: string;
  readonly from: Millis;
  readonly to: Millis;
}

/** A fault while it lasted. */
export interface Injection extends Span {
  readonly targets: readonly string[];
  /** Undefined: nobody looked whether it was. */
  readonly real: boolean | undefined;
  readonly proof: string;
}

export interface Facts {
  readonly began: Of<'began'> | undefined;
  readonly cluster: Of<'cluster'> | undefined;
  /** Absent: the run was cut short. */
  readonly ended: Of<'ended'> | undefined;
  readonly tools: readonly Of<'tool'>[];
  readonly phases: readonly Span[];
  readonly faults: readonly Injection[];
  readonly seen: readonly Of<'seen'>[];
  /** Gaps that follow one another are one. */
  readonly blinds: readonly Of<'blind'>[];
  readonly voided: readonly Of<'voided'>[];
  /** What each metric is, and who promised it. */
  readonly specs: ReadonlyMap<string, MetricSpec & { readonly source: string; readonly every: Millis }>;
  /** Time of the last event. */
  readonly end: Millis;
}

export function factsOf(report: Report): Facts {
  const by = <K extends EventBody['kind']>(kind: K): Of<K>[] =>
    report.events.filter((event): event is Of<K> => event.kind === kind);
  // What was looked at afterwards is no part of the run's time.
  const until = report.events.findLastIndex(({ kind }) => kind === 'ended');
  const lasted = until < 0 ? report.events : report.events.slice(0, until + 1);
  const end = lasted.reduce((last, event) => Math.max(last, event.t), 0);
  const specs = by('observing').flatMap((event) =>
    event.metrics.map((spec) => [spec.name, { ...spec, source: event.source, every: event.every }] as const),
  );
  return {
    began: by('began')[0],
    cluster: by('cluster').at(-1),
    ended: by('ended').at(-1),
    tools: by('tool'),
    phases: phasesOf(by('phase'), end),
    faults: by('injected').map(({ fault, t, targets }) => {
      const later = (event: { readonly fault: string; readonly t: Millis }) => event.fault === fault && event.t >= t;
      const evidenced = by('evidenced').find(later);
      return {
        name: fault,
        from: t,
        to: by('recovered').find(later)?.t ?? end,
        targets,
        real: evidenced?.real,
        proof: evidenced?.detail ?? '',
      };
    }),
    seen: by('seen'),
    blinds: joined(by('blind')),
    voided: by('voided'),
    specs: new Map(specs),
    end,
  };
}

const touching: Millis = 250;

function joined(blinds: readonly Of<'blind'>[]): Of<'blind'>[] {
  const all: Of<'blind'>[] = [];
  for (const blind of blinds) {
    const before = all.findLastIndex(
      ({ source, explained }) => source === blind.source && explained === blind.explained,
    );
    const known = all[before];
    if (known && blind.from - known.t <= touching) all[before] = { ...blind, from: known.from, reason: known.reason };
    else all.push(blind);
  }
  return all;
}

function phasesOf(events: readonly Of<'phase'>[], end: Millis): Span[] {
  return events
    .filter((event) => event.edge === 'start')
    .map(({ name, t }) => ({
      name,
      from: t,
      to: events.find((event) => event.edge === 'end' && event.name === name && event.t >= t)?.t ?? end,
    }));
}

/** Which versions ran; what runs on each node (`kubelet (node-1)`) is told once. */
export function versionsOf({ cluster }: Pick<Facts, 'cluster'>): string[] {
  const all = Map.groupBy(
    cluster?.components ?? [],
    ({ name, version }) => `${name.replace(/ \(.*\)$/su, '')} ${version}`,
  );
  return [...all].map(([text, some]) => (some.length > 1 ? `${text} (${some.length})` : text));
}

/** The components that died, one line each: `etcd: killed by SIGKILL`, with the moment. */
export function deathsOf(report: Report): readonly { readonly at: Millis; readonly text: string }[] {
  return factsOf(report)
    .seen.filter(({ what }) => what === 'death')
    .map(({ t, subject, detail }) => ({ at: t, text: `${subject}: ${detail.split('\n')[0]}` }));
}
