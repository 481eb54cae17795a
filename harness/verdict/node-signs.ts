import type { FaultSpec, JournalEvent, Labels, Millis } from '../model.ts';

/** A fault that was put into a node. */
export interface Put {
  readonly name: string;
  /** The fault's kind and what it was told: by this it is seen what it may do to a node. */
  readonly kind: string;
  readonly at: Millis;
  ended?: Millis;
  real?: boolean;
}

export interface Sign {
  readonly at: Millis;
  readonly text: string;
}

export interface Line {
  readonly at: Millis;
  readonly signature: string;
  readonly line: string;
  /** Of a kill for want of memory: whose limit was met, where the probe knows. */
  readonly limit?: string;
}

/** Of a condition: to `True`, `False` or `Unknown`; `was` where that is known. */
export interface Change extends Sign {
  readonly status: string;
  readonly was: string | undefined;
}

/** What the journal says of one node, each kind in order of time. */
export interface NodeSigns {
  readonly faults: Put[];
  readonly conditions: Map<string, Change[]>;
  /** Who looks at whether a part of the node works: `kubelet` asks it, `unit kubelet` and `unit containerd` ask systemd. */
  readonly looks: Map<string, { readonly at: Millis; readonly up: boolean }[]>;
  /** How often systemd has started a unit again, and when that grew. */
  readonly counts: Map<string, number>;
  readonly restarts: { readonly at: Millis; readonly unit: string }[];
  /** Kills that somebody counted; whose limit was met, where that is known. */
  readonly kills: { readonly at: Millis; readonly source: string; readonly count: number; readonly limit?: string }[];
  readonly pods: (Sign & { readonly reason: string })[];
  readonly events: (Sign & { readonly reason: string })[];
  readonly taints: Sign[];
  readonly lines: Line[];
}

export interface Signs {
  readonly nodes: ReadonlyMap<string, NodeSigns>;
  /** What happens to nodes before is how a cluster starts, what begins later is how it ends. */
  readonly from: Millis;
  readonly to: Millis;
}

/** Sorts what a journal says by the node that it says it of. */
export function nodeSigns(events: readonly JournalEvent[]): Signs {
  const nodes = new Map<string, NodeSigns>();
  const specs = new Map<string, FaultSpec>();
  const phases: Millis[] = [];
  let end = 0;
  const of = (name: string): NodeSigns => {
    let found = nodes.get(name);
    if (!found) {
      found = {
        faults: [],
        conditions: new Map(),
        looks: new Map(),
        counts: new Map(),
        restarts: [],
        kills: [],
        pods: [],
        events: [],
        taints: [],
        lines: [],
      };
      nodes.set(name, found);
    }
    return found;
  };
  const put = (node: string, fault: string, at: Millis) => {
    const { faults } = of(node);
    if (faults.some(({ name, ended }) => name === fault && ended === undefined)) return;
    const spec = specs.get(fault);
    const kind = spec ? [spec.fault, ...Object.values(spec.parameters)].join(' ') : fault;
    faults.push({ name: fault, kind, at });
  };
  /** A node's sign tells the fault's kind, and its name in words. */
  const named = (kind: string, detail: string): string => {
    const same = [...specs.values()].filter(({ fault }) => fault === kind);
    return (same.find(({ name }) => detail.startsWith(`fault ${name}:`)) ?? same[0])?.name ?? kind;
  };

  for (const event of inOrder(events)) {
    const { t } = event;
    if (t > end) end = t;
    switch (event.kind) {
      case 'planned':
        for (const spec of event.scenario.faults) if (typeof spec === 'object') specs.set(spec.name, spec);
        break;
      case 'phase':
        phases.push(t);
        break;
      case 'injected':
        // Targets that are no nodes become nodes to which nothing happens.
        for (const target of event.targets) put(target, event.fault, t);
        break;
      case 'evidenced':
        for (const { faults } of nodes.values())
          for (const one of faults) if (one.name === event.fault) one.real = event.real;
        break;
      case 'recovered':
        for (const { faults } of nodes.values())
          for (const one of faults) if (one.name === event.fault) one.ended ??= t;
        break;
      case 'sample':
        if (event.labels?.['node'] !== undefined) sample(of, event);
        break;
      case 'seen':
        if (event.what === 'node' && event.labels?.['fault'] !== undefined && event.labels['sign'] === 'injected')
          put(event.labels['node'] ?? event.subject, named(event.labels['fault'], event.detail), t);
        else seen(of, event);
        break;
    }
  }
  // Where nodes share a kernel, what it does to none of them is that of their host.
  const host = nodes.get('host');
  if (host && host.conditions.size + host.looks.size === 0) nodes.delete('host');
  return { nodes, from: phases[0] ?? 0, to: phases.at(-1) ?? end };
}

type Of = (node: string) => NodeSigns;

function sample(of: Of, { t, metric, value, labels = {} }: Extract<JournalEvent, { kind: 'sample' }>): void {
  const node = labels['node'] ?? '';
  if (metric === 'node.ready') {
    const signs = of(node);
    const was = signs.conditions.get('Ready')?.at(-1)?.status;
    // A sample does not tell False from Unknown.
    if (value > 0 ? was !== 'True' : was === 'True')
      condition(signs, 'Ready', { at: t, status: value > 0 ? 'True' : 'False', was, text: 'not Ready' });
  } else if (metric === 'kubelet.up') look(of(node), 'kubelet', t, value);
  else if (metric === 'node.unit.active') look(of(node), `unit ${unitOf(labels)}`, t, value);
  else if (metric === 'node.unit.restarts') {
    const { counts, restarts } = of(node);
    const unit = unitOf(labels);
    if (value > (counts.get(unit) ?? value)) restarts.push({ at: t, unit });
    counts.set(unit, value);
  } else if ((metric === 'node.oom-kills' || metric === 'node.oom-victims') && value > 0) {
    const { limit } = labels;
    of(node).kills.push({ at: t, source: metric, count: value, ...(limit !== undefined && { limit }) });
  }
}

function unitOf(labels: Labels): string {
  return labels['unit']?.replace(/\.service$/, '') ?? '';
}

function look(signs: NodeSigns, part: string, at: Millis, value: number): void {
  const known = signs.looks.get(part) ?? [];
  if (known.length === 0) signs.looks.set(part, known);
  known.push({ at, up: value > 0 });
}

function condition(signs: NodeSigns, type: string, change: Change): void {
  const known = signs.conditions.get(type) ?? [];
  if (known.length === 0) signs.conditions.set(type, known);
  if (known.at(-1)?.status !== change.status) known.push(change);
}

function seen(of: Of, { t: at, what, subject, detail, labels = {} }: Extract<JournalEvent, { kind: 'seen' }>): void {
  const text = detail;
  const node =
    labels['node'] ?? (what === 'node' ? subject : what === 'event' ? /^Node (.+)/.exec(subject)?.[1] : undefined);
  if (node === undefined) return;
  const { condition: type, status, taint, reason = '', signature, limit } = labels;
  if (what === 'node') {
    if (type !== undefined && status !== undefined) {
      condition(of(node), type, { at, status, text, was: /: (\w+) →/.exec(detail)?.[1] });
    } else if (taint !== undefined) of(node).taints.push({ at, text });
  } else if (what === 'pod') of(node).pods.push({ at, text, reason });
  else if (what === 'event') of(node).events.push({ at, text, reason });
  else if (what === 'log')
    of(node).lines.push({ at, signature: signature ?? '', line: detail, ...(limit !== undefined && { limit }) });
}

/** Samples may be journaled after their time. */
function inOrder(events: readonly JournalEvent[]): readonly JournalEvent[] {
  return events.every(({ t }, index) => index === 0 || (events[index - 1]?.t ?? 0) <= t)
    ? events
    : events.toSorted((one, other) => one.t - other.t);
}
