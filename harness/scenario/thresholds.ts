import type { Criterion, Is, Threshold } from '../model.ts';
import { check } from './checks.ts';
import type { Complaints } from './complaints.ts';
import { dimensionOf } from './dimension.ts';
import { type Dimension, decided, parseFloor, parseIs } from './is.ts';
import type { Known, Producible } from './metrics.ts';
import { type DecodedThreshold, thresholdSchema } from './schema.ts';
import { asWritten, find, itemsOf, keyOffset, type MapTree, offsetOf, type Tree } from './tree.ts';

export interface Surroundings {
  readonly phases: readonly string[];
  /** Undefined: names of metrics are not checked. */
  readonly metrics: ReadonlyMap<string, Producible> | undefined;
  readonly known: Known | undefined;
  /** Names of the cluster's servers. */
  readonly servers: readonly string[];
  /** Names of its links; each has a relay, which is a component. */
  readonly links: readonly string[];
  /** Those of them of which `coredns.*` tells; undefined where they are pods, whose names nobody knows beforehand. */
  readonly dns: readonly string[] | undefined;
  readonly complaints: Complaints;
}

type Role = 'evidence' | 'signature' | 'limits';

/** Decodes one list of criteria; what is wrong becomes complaints and is left out. */
export function criteria(tree: Tree, role: Role, around: Surroundings): Criterion[] {
  const decoded: Criterion[] = [];
  for (const item of itemsOf(tree, role)) {
    if (item.kind !== 'map' || !item.entries.has('any')) {
      const one = threshold(item, around);
      if (one) decoded.push(one);
      continue;
    }
    const rest = [...item.entries].filter(([key]) => key !== 'any');
    for (const [key, { keyAt }] of rest) {
      around.complaints.add(keyAt, { what: `unknown key "${key}" beside "any"`, expected: '"any" alone' });
    }
    const list = find(item, ['any']);
    if (list?.kind !== 'list' || list.items.length === 0) {
      around.complaints.add(list?.at ?? item.at, { what: '"any" holds nothing', expected: 'a list of thresholds' });
      continue;
    }
    decoded.push({ any: list.items.flatMap((one) => threshold(one, around) ?? []) });
  }
  const lists = decoded.map((one) => ('any' in one ? one.any : [one]));
  if (lists.length > 0 && lists.every((alternatives) => alternatives.every((one) => one.when !== undefined))) {
    const what = `every threshold under "${role}" has a "when": where the cluster lacks it, nothing is judged`;
    around.complaints.add(offsetOf(tree, [role]), { what, expected: 'at least one without' });
  }
  return decoded;
}

function threshold(item: Tree, around: Surroundings): Threshold | undefined {
  const tree = asWritten(item, ['labels', '*']);
  const given = check(thresholdSchema, tree, around.complaints);
  if (!given || tree.kind !== 'map') return undefined;
  const before = around.complaints.size;
  const complain = (key: string, complaint: Parameters<Complaints['add']>[1]) =>
    around.complaints.add(offsetOf(tree, [key]), complaint);

  const capabilities = around.known?.capabilities;
  if (given.when !== undefined && capabilities && !capabilities.includes(given.when)) {
    complain('when', { what: `unknown capability "${given.when}"`, word: given.when, known: capabilities });
  }
  phaseOf(given.during, 'during');
  const dimension = around.metrics ? dimensionOf(given, tree, { ...around, metrics: around.metrics }) : undefined;
  if (dimension?.kind === 'wrong') return undefined;
  const is = parseIs(given.is, dimension?.kind);
  if (typeof is === 'string') {
    complain('is', { what: is });
    return undefined;
  }
  let floor: number | undefined;
  if ('times' in is) {
    phaseOf(is.of, 'is');
    const least = dimension && parseFloor(given.floor, dimension.kind);
    if (typeof least === 'string') complain('floor', { what: least });
    else floor = least;
  } else if (given.floor !== undefined) {
    complain('floor', { what: 'a floor without a ratio', expected: 'it only where "is" compares with a phase' });
  }
  lint(given, is, tree, { ...around, most: given.take === 'share' ? 1 : dimension?.most, kind: dimension?.kind });
  if (around.complaints.size > before) return undefined;
  const { floor: _, labels, per, over, when, take, ...rest } = given;
  return {
    ...rest,
    take: take as Threshold['take'],
    text: textOf(given),
    is,
    ...(labels ? { labels } : {}),
    ...(per === undefined ? {} : { per }),
    ...(over === undefined ? {} : { over }),
    ...(when === undefined ? {} : { when }),
    ...(floor === undefined ? {} : { floor }),
    line: around.complaints.line(tree.at),
  };

  function phaseOf(phase: string, key: string): void {
    const known = [...around.phases, 'run'];
    if (known.includes(phase)) {
      const phases = around.metrics?.get(given?.metric ?? '')?.phases;
      if (phases && phase !== 'run' && !phases.has(phase)) {
        const what = `nobody produces "${given?.metric}" during ${phase}`;
        complain(key, { what, expected: `${[...phases].join(', ')} or run` });
      }
      return;
    }
    complain(key, { what: `unknown phase "${phase}"`, word: phase, known });
  }
}

interface Linted {
  readonly complaints: Complaints;
  readonly most: number | undefined;
  readonly kind: Dimension | undefined;
}

function lint(given: DecodedThreshold, is: Is, tree: MapTree, { complaints, most, kind }: Linted): void {
  const at = offsetOf(tree, ['is']);
  const share = given.take === 'share';
  const why = decided(is, most, kind);
  if (why) complaints.add(at, { what: `"${given.is}" ${why}`, expected: 'a comparison that can go both ways' });
  if ('times' in is) {
    if (is.of === given.during) {
      complaints.add(at, { what: `a ratio of ${is.of} to itself is always 1`, expected: 'another phase' });
    }
    if (is.op === '==' || is.op === '!=') {
      complaints.add(at, { what: `a ratio is never exactly ${is.times}`, expected: '<=, >=, < or >' });
    }
  }
  if (share && !given.per && Object.keys(given.labels ?? {}).length === 0) {
    complaints.add(offsetOf(tree, ['take']), {
      what: 'the share of everything is always 100%',
      expected: 'labels or per',
    });
  }
  if (given.per !== undefined && Object.hasOwn(given.labels ?? {}, given.per)) {
    const what = `"per: ${given.per}" contradicts labels, which fix ${given.per}`;
    complaints.add(keyOffset(tree, [], 'per'), { what, expected: 'one of the two' });
  }
}

/** One line for people: `p95 of list.duration during fault >= 5x steady`. */
function textOf({ metric, labels, per, take, over, during, is, when }: DecodedThreshold): string {
  const filter = Object.entries(labels ?? {}).map(([label, value]) => `${label}=${value}`);
  return [
    `${take} of ${metric}${filter.length ? `{${filter.join(', ')}}` : ''}`,
    over && `/ ${over}`,
    per && `per ${per}`,
    `during ${during}`,
    is.trim(),
    when && `(where ${when})`,
  ]
    .filter(Boolean)
    .join(' ');
}
