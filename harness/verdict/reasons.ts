import type { JournalEvent, Scenario } from '../model.ts';

/** The wall clock may drift from ours by this much between two looks before other programs' times are not to be believed. */
const LARGEST_STEP = 250;
/** Share of simple reads that must be answered before the fault. */
const STEADY = 0.95;
/** A phase may end this much before its time. */
const SHORTEST = 0.9;

/** Why a run proves nothing, whatever was measured: what the journal itself says of the run. */
export function flaws(scenario: Scenario, events: readonly JournalEvent[]): string[] {
  return [
    ...voided(events),
    ...phases(scenario, events),
    ...steady(scenario, events),
    ...faults(scenario, events),
    ...clock(events),
  ];
}

/** Why a run did not play to its end; then nothing else need be said. Empty for one that did. */
export function brokenOff(events: readonly JournalEvent[]): string[] {
  const ended = events.findLast((event) => event.kind === 'ended');
  if (ended?.how === 'completed') return [];
  if (ended?.how === 'stopped') {
    const rule = events.some((event) => event.kind === 'stopped' && event.how === 'rule');
    return [...voided(events), `stopped${rule ? '' : ':'} ${ended.reason}`];
  }
  const how = !ended
    ? 'the run was cut short: no end in the journal'
    : ended.how === 'interrupted'
      ? 'the run was interrupted'
      : 'the run broke off';
  return [...voided(events), ended?.reason ? `${how}: ${ended.reason}` : how];
}

function voided(events: readonly JournalEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'voided' ? [event.reason] : []));
}

function phases(scenario: Scenario, events: readonly JournalEvent[]): string[] {
  const found: string[] = [];
  for (const { name, duration } of scenario.phases) {
    const start = events.find((event) => event.kind === 'phase' && event.name === name && event.edge === 'start');
    const end = events.findLast((event) => event.kind === 'phase' && event.name === name && event.edge === 'end');
    if (!start) found.push(`the phase ${name} never began`);
    else if (!end) found.push(`the phase ${name} did not end`);
    else if (end.t - start.t < duration * SHORTEST) {
      found.push(`the phase ${name} lasted ${seconds(end.t - start.t)} of ${seconds(duration)}`);
    }
  }
  return found;
}

/** A cluster that was broken before the fault proves nothing of the fault: before the first phase that has one, else the one called so. */
function steady(scenario: Scenario, events: readonly JournalEvent[]): string[] {
  const edge = (name: string) =>
    events.find((event) => event.kind === 'phase' && event.name === name && event.edge === 'start')?.t;
  const starts = scenario.faults.flatMap(({ during }) => edge(during) ?? []);
  const at = starts.length > 0 ? Math.min(...starts) : edge('fault');
  if (at === undefined) return [];
  const before = events.filter((event) => event.t < at);
  const last = (metric: string) => {
    const sample = before.findLast((event) => event.kind === 'sample' && event.metric === metric);
    return sample?.kind === 'sample' ? sample.value : undefined;
  };
  const deaths = before.flatMap((event) =>
    event.kind === 'seen' && event.what === 'death'
      ? [`${event.subject} died before the fault: ${event.detail.split('\n')[0]}`]
      : [],
  );
  const notReady = last('nodes.not-ready') ?? 0;
  const ready = last('nodes.ready') ?? scenario.cluster.nodes;
  const available = before.flatMap((event) =>
    event.kind === 'sample' && event.metric === 'api.get.available' && event.t >= (edge('steady') ?? at)
      ? [event.value]
      : [],
  );
  const share = available.reduce((sum, value) => sum + value, 0) / (available.length || 1);
  return [
    ...deaths,
    ...(notReady > 0 ? [`${notReady} ${notReady === 1 ? 'node was' : 'nodes were'} not Ready before the fault`] : []),
    ...(ready < scenario.cluster.nodes
      ? [`${ready} of ${scenario.cluster.nodes} nodes were Ready before the fault`]
      : []),
    ...(available.length > 0 && share < STEADY
      ? [`the API server answered ${Math.round(share * 100)} % of simple reads in steady`]
      : []),
  ];
}

function faults(scenario: Scenario, events: readonly JournalEvent[]): string[] {
  const found: string[] = [];
  const injected = events.filter((event) => event.kind === 'injected');
  const evidenced = events.filter((event) => event.kind === 'evidenced');
  for (const fault of new Set([...scenario.faults.map(({ name }) => name), ...injected.map((event) => event.fault)])) {
    const done = injected.filter((event) => event.fault === fault);
    const proofs = evidenced.filter((event) => event.fault === fault);
    if (done.length === 0) found.push(`the fault ${fault} was never injected`);
    else if (done.every(({ targets }) => targets.length === 0)) found.push(`the fault ${fault} had no targets`);
    else if (proofs.length === 0) found.push(`nothing shows that the fault ${fault} was real`);
  }
  for (const { fault, real, detail } of evidenced) {
    if (!real) found.push(`the fault ${fault} was not real: ${detail}`);
  }
  return found;
}

function clock(events: readonly JournalEvent[]): string[] {
  let first: { t: number; wall: number } | undefined;
  for (const event of events) {
    if (event.kind !== 'clock') continue;
    first ??= event;
    const off = event.wall - first.wall - (event.t - first.t);
    if (Math.abs(off) > LARGEST_STEP) {
      return [`the wall clock was off by ${Math.round(off)} ms at ${seconds(event.t)}: samples are stamped by it`];
    }
  }
  return [];
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(1)} s`;
}
