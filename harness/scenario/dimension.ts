import { constants } from 'node:os';
import type { ComponentName, MetricKind, MetricSpec } from '../model.ts';
import type { Complaint } from './complaints.ts';
import type { Dimension } from './is.ts';
import type { Producible } from './metrics.ts';
import type { DecodedThreshold } from './schema.ts';
import type { Surroundings } from './thresholds.ts';
import { keyOffset, type MapTree, offsetOf } from './tree.ts';

const TAKES: Readonly<Record<MetricKind, readonly string[]>> = {
  gauge: ['max', 'min', 'mean', 'last', 'p50…p99.9'],
  counter: ['rate', 'count', 'share'],
  increment: ['rate', 'count', 'share'],
  distribution: ['max', 'mean', 'rate', 'count', 'p50…p99.9'],
};

const COMPONENTS: readonly string[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok-controller',
] satisfies ComponentName[];

/** Why a label never has this value, where that is known: it would count nothing, and `== 0` would always hold. */
function strange(
  label: string,
  word: string,
  { name: metric, values }: MetricSpec,
  { servers, links, dns }: Pick<Surroundings, 'servers' | 'links' | 'dns'>,
): Complaint | undefined {
  const what = `unknown ${label} "${word}"`;
  if (label === 'component') {
    const known = [...COMPONENTS, ...servers, ...links];
    return known.includes(word) ? undefined : { what, word, known };
  }
  if (label === 'link') return links.includes(word) ? undefined : { what, word, known: links };
  if (label === 'server' && metric.startsWith('coredns.')) {
    if (dns === undefined) return { what: `${what}: where this runs they are pods`, expected: '"per: server"' };
    return dns.includes(word) ? undefined : { what, word, known: dns };
  }
  const known = values?.[label];
  if (known) return known.includes(word) ? undefined : { what, word, known };
  if (label !== 'cause' || metric !== 'component.deaths') return undefined;
  if (/^(oom|unknown|SIG[A-Z0-9]+|exit \d+)$/.test(word)) return undefined;
  const expected = 'oom, a signal such as SIGKILL, or an exit status such as "exit 1"';
  return { what, expected, word, known: ['oom', 'unknown', ...Object.keys(constants.signals)] };
}

/** The most that a metric can be at any instant; several CPUs are more than 100 %. */
function mostOf({ name, unit, kind }: MetricSpec): number | undefined {
  if (kind !== 'gauge') return undefined;
  if (name === 'node.ready' || name === 'component.up') return 1;
  return unit === 'ratio' && !/\.cpu(-limit)?$/.test(name) && !name.startsWith('load.') ? 1 : undefined;
}

/** What a threshold measures, and the most that it can be. `wrong`: the names or their combination are, and a complaint says how. */
export function dimensionOf(
  given: DecodedThreshold,
  tree: MapTree,
  around: Surroundings & { readonly metrics: ReadonlyMap<string, Producible> },
): { readonly kind: Dimension; readonly most?: number } | { readonly kind: 'wrong' } {
  let wrong = false;
  const complain = (at: number, complaint: Complaint) => {
    wrong = true;
    around.complaints.add(at, complaint);
  };

  function metric(key: 'metric' | 'over', name: string): MetricSpec | undefined {
    const found = around.metrics.get(name)?.spec;
    if (found) return found;
    const what = `nobody produces the metric "${name}"`;
    const probe = [...(around.known?.metrics ?? [])].find(([, specs]) => specs.some((spec) => spec.name === name))?.[0];
    complain(
      offsetOf(tree, [key]),
      probe
        ? { what, expected: `its probe "${probe}" under "probes"` }
        : { what, word: name, known: around.metrics.keys() },
    );
    return undefined;
  }
  function label(at: number, name: string, spec: MetricSpec): void {
    const known = spec.labels ?? [];
    if (!known.includes(name)) complain(at, { what: `${spec.name} has no label "${name}"`, word: name, known });
  }
  function dimension(key: 'metric' | 'over', spec: MetricSpec): Dimension | undefined {
    const takes = TAKES[spec.kind];
    if (!takes.includes(/^p\d/.test(given.take) ? 'p50…p99.9' : given.take)) {
      const what = `take "${given.take}" does not fit ${spec.name}, which is a ${spec.kind}`;
      complain(offsetOf(tree, [key === 'over' ? 'over' : 'take']), { what, expected: takes.join(', ') });
      return undefined;
    }
    if (given.take === 'share') return 'ratio';
    const events = spec.kind === 'distribution' ? 'count' : spec.unit;
    if (given.take === 'count') return events;
    if (given.take !== 'rate') return spec.unit;
    if (events === 'count') return 'per-second';
    const what = `take "rate" of ${spec.name}, which is in ${spec.unit}`;
    complain(offsetOf(tree, ['take']), { what, expected: 'count or share' });
    return undefined;
  }

  const spec = metric('metric', given.metric);
  const over = given.over === undefined ? undefined : metric('over', given.over);
  if (spec) {
    for (const [name, word] of Object.entries(given.labels ?? {})) {
      label(keyOffset(tree, ['labels'], name), name, spec);
      const why = strange(name, word, spec, around);
      if (why) complain(offsetOf(tree, ['labels', name]), why);
    }
    if (given.per !== undefined) label(offsetOf(tree, ['per']), given.per, spec);
  }
  if (given.over !== undefined && given.take === 'share') {
    complain(offsetOf(tree, ['over']), { what: 'a share is already divided', expected: '"over" or "share", not both' });
  }
  const measured = spec && dimension('metric', spec);
  const divisor = over && dimension('over', over);
  if (measured === undefined || wrong) return { kind: 'wrong' };
  if (divisor === undefined) {
    const most = given.take === 'share' ? 1 : spec && mostOf(spec);
    return { kind: measured, ...(most === undefined ? {} : { most }) };
  }
  const kind = divide(measured, divisor);
  if (kind) return { kind };
  complain(offsetOf(tree, ['over']), {
    what: `${given.metric} (${measured}) over ${given.over} (${divisor}) has no unit`,
    expected: 'the same unit, or a count to divide by',
  });
  return { kind: 'wrong' };
}

function divide(measured: Dimension, divisor: Dimension): Dimension | undefined {
  if (measured === divisor) return 'count';
  if (divisor === 'count') return measured;
  return measured === 'count' && divisor === 'seconds' ? 'per-second' : undefined;
}
