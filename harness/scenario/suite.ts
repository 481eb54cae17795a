import { z } from 'zod';
import { ScenarioError } from '../model.ts';
import type { Asked } from './asked.ts';
import { check, show } from './checks.ts';
import type { Complaints } from './complaints.ts';
import { readText } from './files.ts';
import { parse } from './parse.ts';
import { changeable } from './schema.ts';
import { entriesOf, find, itemsOf, type MapTree, type Tree, textOf } from './tree.ts';
import { line, parameterName, scalar, text } from './words.ts';

const schema = z.strictObject({
  scenario: line,
  variants: z.array(line).min(1).optional(),
  mode: z.enum(['prove', 'run']).optional(),
  cluster: text(
    /^(embedded|kind(:[a-z0-9][a-z0-9.-]*)?)$/,
    'embedded, kind, or kind:NAME for a kind cluster that you have',
  ).optional(),
  set: z.record(parameterName, scalar).optional(),
  change: z.strictObject(Object.fromEntries(changeable.map((key) => [key, z.unknown().optional()]))).optional(),
});

/** Each is decoded by itself, before anything starts. */
const MOST_ENTRIES = 100;

/** One entry of a suite: a scenario, and what is asked of it. */
export interface SuiteEntry {
  /** An id or a path, as written. */
  readonly scenario: string;
  readonly mode: 'prove' | 'run';
  /** As `--cluster` has it. */
  readonly cluster?: string;
  readonly asked: Asked;
}

/**
 * Reads a suite: a list of entries. What is wrong is added to `complaints` (file:line:column), and what can be understood of an
 * entry is there all the same, so that its scenario can complain too. `shown`: the file as complaints call it. Throws ScenarioError
 * where the file cannot be read.
 */
export async function readSuite(
  file: string,
  shown: string,
): Promise<{ entries: readonly SuiteEntry[]; complaints: Complaints }> {
  const { tree, complaints } = parse(await readText(file, 'a suite: a list of scenarios'), shown);
  if (tree?.kind === 'list') {
    if (tree.items.length === 0)
      complaints.add(tree.at, { what: 'the suite is empty', expected: 'at least one entry' });
    const beyond = tree.items[MOST_ENTRIES];
    if (beyond) {
      complaints.add(beyond.at, { what: `${tree.items.length} entries`, expected: `≤ ${MOST_ENTRIES}` });
      complaints.throwIfAny();
    }
    return { entries: tree.items.flatMap((item) => entryOf(item, complaints) ?? []), complaints };
  }
  const expected = 'a list of entries, such as: - scenario: list-flood';
  if (tree && !(tree.kind === 'scalar' && tree.value === null))
    complaints.add(tree.at, { what: `the file is ${show(tree)}`, expected });
  complaints.throwIfAny();
  throw new ScenarioError([`${shown}:1:1: the file is empty; expected ${expected}`]);
}

function entryOf(tree: Tree, complaints: Complaints): SuiteEntry | undefined {
  if (tree.kind !== 'map') {
    const word = textOf(tree);
    const expected = `a map${word === undefined ? '' : `, such as: - scenario: ${word}`}`;
    complaints.add(tree.at, { what: `an entry is ${show(tree)}`, expected });
    return undefined;
  }
  check(schema, tree, complaints);
  const scenario = textOf(find(tree, ['scenario']));
  if (scenario === undefined || scenario.trim() === '') return undefined;
  const cluster = textOf(find(tree, ['cluster']));
  return {
    scenario,
    mode: textOf(find(tree, ['mode'])) === 'run' ? 'run' : 'prove',
    ...(cluster !== undefined && schema.shape.cluster.safeParse(cluster).success && { cluster }),
    asked: askedOf(tree, complaints),
  };
}

function askedOf(tree: MapTree, complaints: Complaints): Asked {
  const variants = itemsOf(tree, 'variants').flatMap((item) => {
    const name = textOf(item);
    return name === undefined ? [] : [{ name, at: item.at }];
  });
  for (const [index, { name, at }] of variants.entries()) {
    if (variants.findIndex((other) => other.name === name) < index)
      complaints.add(at, { what: `variant "${name}" is there twice`, expected: 'it once' });
  }
  const set = entriesOf(tree, 'set');
  const changed = entriesOf(tree, 'change', 'parameters').map(([name]) => name);
  for (const [name, { keyAt }] of set.filter(([name]) => changed.includes(name)))
    complaints.add(keyAt, { what: `parameter "${name}" is set and changed`, expected: 'it once' });
  return {
    complaints,
    at: find(tree, ['scenario'])?.at ?? tree.at,
    ...(variants.length > 0 && { variants }),
    change: changeOf(tree),
    set: Object.fromEntries(set.map(([name, { value }]) => [name, value.kind === 'scalar' ? value.written : ''])),
  };
}

/** What `set` says is a change of parameters: so its mistakes are told where they stand. */
function changeOf(tree: MapTree): MapTree {
  const change = find(tree, ['change']);
  const entries = new Map(change?.kind === 'map' ? change.entries : []);
  const set = tree.entries.get('set');
  const former = entries.get('parameters');
  if (set?.value.kind === 'map') {
    const both = new Map([...(former?.value.kind === 'map' ? former.value.entries : []), ...set.value.entries]);
    entries.set('parameters', { keyAt: set.keyAt, value: { ...set.value, entries: both } });
  }
  return { kind: 'map', at: change?.at ?? tree.at, entries };
}
