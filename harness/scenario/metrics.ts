import type { FaultKind, Json, MetricKind, MetricSpec, Unit } from '../model.ts';
import type { Complaints } from './complaints.ts';
import { nearest } from './suggest.ts';
import { entriesOf, find, itemsOf, type Tree, textOf } from './tree.ts';

/** What the world outside the scenario offers, for checking names. */
export interface Known {
  /** By probe: what it promises to produce. */
  readonly metrics: ReadonlyMap<string, readonly MetricSpec[]>;
  /** What any load produces that declares these requests. */
  promised(requests: readonly string[]): readonly MetricSpec[];
  /** By kind: what each may be told. */
  readonly faults: ReadonlyMap<string, Pick<FaultKind, 'parameters' | 'metrics'>>;
  /** What any install produces. */
  readonly installed: readonly MetricSpec[];
  /** What the judge derives from the journal where any probe of nodes watched. */
  readonly derived: readonly MetricSpec[];
  /** Names of images that can be loaded into nodes. */
  readonly images: readonly string[];
  /** Cluster shapes of kind. */
  readonly shapes: readonly string[];
  /** What a provider may announce of its cluster: the words that `when` may hold. */
  readonly capabilities: readonly string[];
  /** Throws a ScenarioError with lines `line:column: …` where the objects cannot be made of the text. */
  manifest(text: string, values: Readonly<Record<string, Json>>): void;
}

const NODE_PROBES: ReadonlySet<string> = new Set(['nodes', 'kubelet', 'node', 'node-logs', 'pods']);

export interface Producible {
  readonly spec: MetricSpec;
  /** The phases in which it is produced; undefined: all of them. */
  readonly phases?: ReadonlySet<string>;
}

const KINDS: Readonly<Record<Unit, MetricKind>> = {
  count: 'increment',
  bytes: 'increment',
  seconds: 'distribution',
  ratio: 'gauge',
};

/** A k6 metric as the scenario declares it: `lag: seconds` is a distribution, `lookups: count` an increment. */
export function loadMetric(
  load: string,
  name: string,
  { unit, kind = KINDS[unit], labels }: { unit: Unit; kind?: MetricKind | undefined; labels?: string[] | undefined },
): MetricSpec {
  return { name, unit, kind, help: `k6 metric ${name} of the load ${load}`, ...(labels && { labels }) };
}

/** Every metric that the scenario's probes and loads produce, by name; a name that means two things is a complaint. */
export function producible(tree: Tree, known: Known, complaints: Complaints): ReadonlyMap<string, Producible> {
  const all = new Map<string, Producible>();
  function add(at: number, spec: MetricSpec, phase?: string): void {
    const former = all.get(spec.name);
    if (former && (former.spec.unit !== spec.unit || former.spec.kind !== spec.kind)) {
      const what = `metric "${spec.name}" is ${spec.unit} (${spec.kind}) here and ${former.spec.unit} (${former.spec.kind}) elsewhere`;
      complaints.add(at, { what, expected: 'a name of its own' });
      return;
    }
    const always = phase === undefined || phase === 'run' || (former && !former.phases);
    const phases = always ? undefined : new Set([...(former?.phases ?? []), phase]);
    all.set(spec.name, { spec, ...(phases ? { phases } : {}) });
  }
  for (const probe of itemsOf(tree, 'probes')) {
    const name = textOf(probe) ?? '';
    // A misspelt probe is one complaint, not one more for each of its metrics.
    const meant = known.metrics.has(name) ? name : (nearest(name, known.metrics.keys()) ?? '');
    for (const spec of known.metrics.get(meant) ?? []) add(probe.at, spec);
    if (NODE_PROBES.has(meant)) for (const spec of known.derived) add(probe.at, spec);
  }
  const phases = entriesOf(tree, 'phases').map(([name]) => name);
  for (const load of itemsOf(tree, 'load')) {
    const during = textOf(find(load, ['during'])) ?? '';
    const phase = during === 'run' || phases.includes(during) ? during : nearest(during, phases);
    const requests = itemsOf(load, 'requests').flatMap((item) => textOf(item) ?? []);
    for (const spec of known.promised(requests)) add(load.at, spec, phase);
    for (const [name, { keyAt, value }] of entriesOf(load, 'metrics')) {
      const unit = textOf(value) ?? textOf(find(value, ['unit']));
      const kind = textOf(find(value, ['kind'])) as MetricKind | undefined;
      if (unit && Object.hasOwn(KINDS, unit)) {
        const labels = find(value, ['labels']) && itemsOf(value, 'labels').flatMap((label) => textOf(label) ?? []);
        add(keyAt, loadMetric(textOf(find(load, ['name'])) ?? '', name, { unit: unit as Unit, kind, labels }), phase);
      }
    }
  }
  for (const install of itemsOf(tree, 'installs')) {
    const during = textOf(find(install, ['during'])) ?? '';
    for (const spec of known.installed)
      add(install.at, spec, phases.includes(during) ? during : nearest(during, phases));
  }
  for (const fault of itemsOf(tree, 'faults')) {
    const kind = textOf(fault) ?? textOf(find(fault, ['fault'])) ?? '';
    const during = textOf(find(fault, ['during'])) ?? 'fault';
    for (const spec of known.faults.get(kind)?.metrics ?? []) add(fault.at, spec, during);
  }
  return all;
}
