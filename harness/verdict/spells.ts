import type { Millis } from '../model.ts';
import type { NodeSigns, Sign, Signs } from './node-signs.ts';

/** A time in which something was wrong with a node, as its symptoms say; causes and earlier signs are looked for afterwards. */
export interface Spell {
  readonly what: string;
  readonly from: Millis;
  /** Undefined: it went on when nobody looked any more. */
  readonly to: Millis | undefined;
  readonly sign: string;
  /** Kubernetes noticed: the earliest of these that is not before its first sign. */
  readonly noticed: readonly Sign[];
}

export type Stretch = readonly [from: Millis, to: Millis | undefined, text: string];

/** Twice down with less than this in between is one spell. */
export const breath = { down: 15_000, kills: 30_000, evictions: 60_000 } satisfies Record<string, Millis>;
/** Kills and evictions are over when there was none for so long. */
const quiet: Millis = 10_000;
const pressures = { MemoryPressure: 'memory-pressure', DiskPressure: 'disk-pressure', PIDPressure: 'pid-pressure' };
/** Kubernetes' own events of a node that tell of the spell. */
export const told = {
  down: /NotReady|^Rebooted$|Unhealthy/,
  oom: /^(SystemOOM|OOMKilling)$/,
  'memory-pressure': /^(NodeHasInsufficientMemory|EvictionThresholdMet)$/,
  'disk-pressure': /^(NodeHasDiskPressure|EvictionThresholdMet|FreeDiskSpaceFailed|ImageGCFailed)$/,
  'pid-pressure': /^NodeHasInsufficientPID$/,
};

/** The kernel killed for want of memory. A container that hits its own limit is a thing apart. */
export function kills(signs: NodeSigns, { from: start, to: end }: Signs): Spell[] {
  const lines = signs.lines.flatMap(({ at, signature, line, limit }) => {
    if (!outOfMemory.test(`${signature} ${line}`)) return [];
    const by = /oom_memcg=([^,\s]+)/.exec(line)?.[1];
    const scope = limit !== undefined ? scopeOf(limit) : by && (/\/pod[^/]+/.test(by) ? 'container' : 'node');
    return [{ at, source: 'line', scope, count: /Killed process/.test(line) ? 1 : 0, text: line }];
  });
  const pods = signs.pods.flatMap(({ at, reason, text }) =>
    reason === 'OOMKilled' ? [{ at, source: 'pod', scope: undefined, count: 1, text }] : [],
  );
  const counted = signs.kills.map(({ at, source, count, limit }) => {
    return { at, source, scope: limit === undefined ? undefined : scopeOf(limit), count, text: '' };
  });
  const all = [...lines, ...pods, ...counted]
    .filter(({ at }) => at >= start && at <= end)
    .sort((one, other) => one.at - other.at);
  return groups(
    all.map((one) => ({ ...one, from: one.at, to: one.at })),
    breath.kills,
  ).map((group) => {
    const from = group[0]?.at ?? 0;
    const last = group.at(-1)?.at ?? from;
    const sum = (source: string) => group.reduce((total, one) => total + (one.source === source ? one.count : 0), 0);
    const count = Math.max(1, ...new Set(group.map(({ source }) => sum(source))));
    const scopes = new Set(group.map(({ scope }) => scope));
    const own = scopes.has('container') && !scopes.has('node');
    return {
      what: own ? 'container-oom' : 'oom-kill',
      from,
      to: last + quiet <= end ? last : undefined,
      sign: `${count} OOM ${count === 1 ? 'kill' : 'kills'}`,
      noticed: [...pods, ...signs.events.filter(({ reason }) => told.oom.test(reason))],
    };
  });
}

/** A pod's own limit, or one above it. */
function scopeOf(limit: string): 'container' | 'node' {
  return limit === 'pod' ? 'container' : 'node';
}

export const outOfMemory = /oom-kill|invoked oom|out of memory|oom_reaper|killed process/i;

/** The node says of itself that it lacks memory, disk or processes. */
export function shortages(signs: NodeSigns, { from: start, to: end }: Signs): Spell[] {
  return Object.entries(pressures).flatMap(([type, what]) =>
    bad(signs, type, start)
      .filter(([from]) => from <= end)
      .map(([from, to, text]) => {
        const recorded = signs.events.filter(({ reason }) => told[what as keyof typeof told].test(reason));
        return { what, from, to, sign: text, noticed: [{ at: from, text }, ...recorded] };
      }),
  );
}

/** Pods that the kubelet evicted. */
export function evictions(signs: NodeSigns, { from: start, to: end }: Signs): Spell[] {
  const all = signs.pods.filter(({ reason, at }) => reason === 'Evicted' && at >= start && at <= end);
  return groups(
    all.map((one) => ({ ...one, from: one.at, to: one.at })),
    breath.evictions,
  ).map((group) => {
    const from = group[0]?.at ?? 0;
    const last = group.at(-1)?.at ?? from;
    const sign = `${group.length} ${group.length === 1 ? 'pod' : 'pods'} evicted`;
    const to = last + quiet <= end ? last : undefined;
    return { what: 'eviction', from, to, sign, noticed: group };
  });
}

/** Ready that was True and is not, a pressure that was not and is. */
export function bad({ conditions }: NodeSigns, type: string, start: Millis): Stretch[] {
  const found: Stretch[] = [];
  let open: Sign | undefined;
  let known: string | undefined;
  for (const change of conditions.get(type) ?? []) {
    const was = change.was ?? known;
    const wrong = type === 'Ready' ? change.status !== 'True' : change.status === 'True';
    // A pressure of which nothing is known any more has not passed.
    const over = type === 'Ready' ? !wrong : change.status === 'False';
    // A node that was never good has not failed: it has not started.
    const fell = type !== 'Ready' || was === 'True';
    if (wrong && fell && !open && change.at >= start) open = change;
    else if (over && open) {
      found.push([open.at, change.at, open.text]);
      open = undefined;
    }
    known = change.status;
  }
  return open ? [...found, [open.at, undefined, open.text]] : found;
}

/** Ascending times put together where less than `gap` lies between them. */
export function groups<T extends { readonly from: Millis; readonly to: Millis | undefined }>(
  all: readonly T[],
  gap: Millis,
): T[][] {
  const found: { readonly members: T[]; until: Millis }[] = [];
  for (const one of all) {
    const to = one.to ?? Number.POSITIVE_INFINITY;
    const last = found.at(-1);
    if (last && one.from <= last.until + gap) {
      last.members.push(one);
      last.until = Math.max(last.until, to);
    } else found.push({ members: [one], until: to });
  }
  return found.map(({ members }) => members);
}
