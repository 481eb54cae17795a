import type { Millis } from '../model.ts';
import type { NodeSigns, Put, Signs } from './node-signs.ts';
import { bad, breath, groups, type Spell, type Stretch, told } from './spells.ts';

/** The node does not answer, or Kubernetes holds it for not Ready: whatever of it overlaps is one. */
export function downs(signs: NodeSigns, { from: start, to: end }: Signs): Spell[] {
  const ready = bad(signs, 'Ready', start);
  const parts = [...signs.looks].flatMap(([who, looks]) => {
    const systemd = who.startsWith('unit ');
    const part = systemd ? who.slice(5) : who;
    const text = systemd ? `${part} is not active` : `${part} does not answer`;
    // One unanswered question may be ours: it takes two to tell. Systemd knows.
    return outages(looks, start, ready).map((one) => ({ ...one, part, text, weight: systemd ? 2 : one.weight }));
  });
  const restarts = signs.restarts.map(({ at, unit }) => {
    return { part: unit, from: at, to: at, text: `${unit} was started again`, weight: 2 };
  });
  const conditions = ready.map(([from, to, text]) => ({ part: 'Ready', from, to, text, weight: 2 }));
  const stopped = signs.faults.flatMap((fault) => {
    const part = stops(fault);
    if (part === undefined || !fault.real || !unseen(signs, fault)) return [];
    return [{ part, from: fault.at, to: fault.ended, text: `${fault.name} stopped the ${part}`, weight: 2 }];
  });
  const all = [...conditions, ...parts, ...restarts, ...stopped]
    .filter(({ from }) => from >= start && from <= end)
    .sort((one, other) => one.from - other.from);
  return groups(all, breath.down).flatMap((group): Spell[] => {
    const [first] = group;
    if (!first || group.reduce((sum, { weight }) => sum + weight, 0) < 2) return [];
    const has = (part: string) => group.filter((one) => one.part === part);
    const to = group.some((one) => one.to === undefined) ? undefined : Math.max(...group.map((one) => one.to ?? 0));
    const frozen = signs.faults.some((fault) => stops(fault) === 'node' && overlaps(fault, first.from, to));
    const kind = has('Ready').length > 0 ? 'not-ready' : frozen || has('node').length > 0 ? 'node-down' : undefined;
    const part = kind ?? (has('kubelet').length > 0 ? 'kubelet-down' : 'runtime-down');
    const times = Math.max(...[...Map.groupBy(group, ({ text }) => text).values()].map(({ length }) => length));
    const noticed = [...has('Ready').map((one) => ({ at: one.from, text: one.text })), ...signs.taints];
    const recorded = signs.events.filter(({ reason }) => told.down.test(reason));
    const sign = times > 1 ? `${first.text}, ${times} times` : first.text;
    return [{ what: part, from: first.from, to, sign, noticed: [...noticed, ...recorded] }];
  });
}

/** What of a node a fault takes away for as long as it lasts. */
function stops({ kind }: Put): 'node' | 'kubelet' | 'containerd' | undefined {
  if (/freeze|power|shut/.test(kind)) return 'node';
  if (!/stop|pause/.test(kind)) return undefined;
  return /kubelet/.test(kind) ? 'kubelet' : /runtime|containerd/.test(kind) ? 'containerd' : undefined;
}

/** Nothing that looked at the node could have shown the fault: then the proof of the fault stands for the sight of it. */
function unseen({ looks, conditions }: NodeSigns, fault: Put): boolean {
  const until = fault.ended ?? Number.POSITIVE_INFINITY;
  return conditions.size > 0 && ![...looks.values()].flat().some(({ at }) => at > fault.at && at < until);
}

function overlaps({ at, ended }: Put, from: Millis, to: Millis | undefined): boolean {
  return at <= (to ?? Number.POSITIVE_INFINITY) && (ended ?? Number.POSITIVE_INFINITY) >= from;
}

interface Outage {
  readonly from: Millis;
  readonly to: Millis | undefined;
  /** Looks in vain. */
  readonly weight: number;
}

/** From the first look in vain to the next good one; one that nobody looked at to its end is over when the node is Ready again. */
function outages(
  looks: readonly { readonly at: Millis; readonly up: boolean }[],
  start: Millis,
  ready: readonly Stretch[],
): Outage[] {
  const found: Outage[] = [];
  let open: { from: Millis; last: Millis; weight: number } | undefined;
  let was = false;
  for (const { at, up } of looks) {
    if (!up && open) open = { ...open, last: at, weight: open.weight + 1 };
    else if (!up && was && at >= start) open = { from: at, last: at, weight: 1 };
    else if (up && open) {
      found.push({ from: open.from, to: at, weight: open.weight });
      open = undefined;
    }
    was = up;
  }
  if (!open) return found;
  const { from, last, weight } = open;
  return [...found, { from, to: ready.find(([, to]) => to !== undefined && to > last)?.[1], weight }];
}
