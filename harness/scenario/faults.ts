import type { FaultKind, FaultParameter, FaultSpec, Millis } from '../model.ts';
import { show } from './checks.ts';
import type { Complaints } from './complaints.ts';
import { entriesOf, find, itemsOf, type Tree, textOf } from './tree.ts';
import { expectedDuration, expectedSize, parseDuration, parseSize } from './units.ts';

const OWN = ['fault', 'name', 'during', 'after', 'workers'];
/** A phase waits this long for its load to drain; a fault must not revert by itself before its phase ends. */
const MARGIN: Millis = 75_000;

/** Decodes `faults`; what is wrong becomes complaints and is left out. Without `kinds` parameters are not checked. */
export function faultSpecs(
  tree: Tree,
  kinds: ReadonlyMap<string, Pick<FaultKind, 'parameters' | 'elsewhere'>> | undefined,
  complaints: Complaints,
): FaultSpec[] {
  const names = new Set<string>();
  return itemsOf(tree, 'faults').flatMap((item) => {
    const before = complaints.size;
    const spec = faultSpec(item, tree, kinds, complaints);
    if (names.has(spec.name)) {
      complaints.add(item.at, { what: `fault "${spec.name}" is there twice`, expected: 'a "name" of its own' });
    }
    names.add(spec.name);
    return complaints.size > before ? [] : [spec];
  });
}

function faultSpec(
  item: Tree,
  tree: Tree,
  kinds: ReadonlyMap<string, Pick<FaultKind, 'parameters' | 'elsewhere'>> | undefined,
  complaints: Complaints,
): FaultSpec {
  const short = textOf(item);
  const fault = short ?? textOf(find(item, ['fault'])) ?? '';
  const kindNode = short === undefined ? find(item, ['fault']) : item;
  const phases = entriesOf(tree, 'phases').map(([name]) => name);
  if (fault === '') {
    complaints.add(kindNode?.at ?? item.at, { what: 'a fault without "fault"', known: kinds?.keys() ?? [] });
  } else if (kinds && !kinds.has(fault)) {
    complaints.add(kindNode?.at ?? item.at, { what: `unknown fault "${fault}"`, word: fault, known: kinds.keys() });
  }
  const duringNode = find(item, ['during']);
  const during = textOf(duringNode) ?? 'fault';
  if (!phases.includes(during)) {
    const what = duringNode ? `unknown phase "${during}"` : 'a fault without "during", and no phase "fault"';
    complaints.add(duringNode?.at ?? item.at, { what, word: during, known: phases });
  }
  const length = parseDuration(textOf(find(tree, ['phases', during])) ?? '') ?? 0;
  const after = afterOf(find(item, ['after']), length, complaints);
  const kind = kinds?.get(fault);
  return {
    name: textOf(find(item, ['name'])) ?? fault,
    fault,
    during,
    after,
    workers: workersOf(find(item, ['workers']), kind?.elsewhere === true, complaints),
    parameters: kind ? parametersOf(item, kind.parameters, complaints) : {},
    deadline: length - after + MARGIN,
  };
}

function afterOf(node: Tree | undefined, length: Millis, complaints: Complaints): Millis {
  if (!node) return 0;
  const after = parseDuration(textOf(node) ?? '');
  if (after === undefined) complaints.add(node.at, { what: `"after" is ${show(node)}`, expected: expectedDuration });
  else if (after >= length) {
    complaints.add(node.at, { what: `"after" is ${show(node)}`, expected: 'less than the phase lasts' });
  }
  return after ?? 0;
}

function workersOf(node: Tree | undefined, elsewhere: boolean, complaints: Complaints): number {
  if (node && elsewhere)
    complaints.add(node.at, { what: 'the fault has no nodes as targets', expected: 'no "workers"' });
  if (elsewhere) return 0;
  if (!node) return 1;
  const count = node.kind === 'scalar' ? node.value : undefined;
  if (typeof count === 'number' && Number.isInteger(count) && count >= 1) return count;
  complaints.add(node.at, { what: `"workers" is ${show(node)}`, expected: 'a whole number ≥ 1' });
  return 1;
}

function parametersOf(
  item: Tree,
  parameters: FaultKind['parameters'],
  complaints: Complaints,
): Record<string, number | string> {
  const values: Record<string, number | string> = {};
  for (const [key, { keyAt }] of entriesOf(item)) {
    if (OWN.includes(key) || Object.hasOwn(parameters, key)) continue;
    const known = [...OWN, ...Object.keys(parameters)];
    complaints.add(keyAt, { what: `unknown key "${key}"`, word: key, known });
  }
  for (const [name, parameter] of Object.entries(parameters)) {
    const node = find(item, [name]);
    const value = node ? decodeValue(name, node, parameter, complaints) : parameter.default;
    if (value !== undefined) values[name] = value;
    else if (!node && !parameter.optional) {
      complaints.add(item.at, {
        what: `the fault lacks "${name}"`,
        expected: `${parameter.help}: ${wanted(parameter)}`,
      });
    }
  }
  return values;
}

function decodeValue(name: string, node: Tree, parameter: FaultParameter, complaints: Complaints) {
  const written = node.kind === 'scalar' ? node.value : undefined;
  const value =
    parameter.type === 'number' || typeof written !== 'string'
      ? written
      : { bytes: parseSize, duration: parseDuration, text: String }[parameter.type](written);
  const right = typeof value === (parameter.type === 'text' ? 'string' : 'number');
  const within =
    right &&
    (typeof value === 'number'
      ? value >= (parameter.least ?? 0) && value <= (parameter.most ?? Number.MAX_SAFE_INTEGER)
      : parameter.oneOf === undefined || parameter.oneOf.includes(String(value)));
  if (within && (typeof value === 'number' || typeof value === 'string')) return value;
  complaints.add(node.at, { what: `"${name}" is ${show(node)}`, expected: wanted(parameter) });
  return undefined;
}

function wanted({ type, oneOf, least, most }: FaultParameter): string {
  if (oneOf) return `one of ${oneOf.join(', ')}`;
  const bounds = [least === undefined ? '' : `≥ ${least}`, most === undefined ? '' : `≤ ${most}`].filter(Boolean);
  const unit = { bytes: ' B', duration: ' ms', number: '', text: '' }[type];
  const kind = { bytes: expectedSize, duration: expectedDuration, number: 'a number', text: 'text' }[type];
  return [kind, ...bounds.map((bound) => `${bound}${unit}`)].join(', ');
}
