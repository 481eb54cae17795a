import type { VariantSpec } from '../model.ts';
import { check, show } from './checks.ts';
import type { Complaints } from './complaints.ts';
import type { Parameters } from './parameters.ts';
import { variantsSchema } from './schema.ts';
import { type Entry, entriesOf, find, itemsOf, type MapTree, type Tree, textOf } from './tree.ts';

export interface LocatedVariant extends VariantSpec {
  readonly entry: Entry | undefined;
}

/** Variants that are wrong themselves are still merged, so that all complaints come at once. */
export function readVariants(tree: MapTree, complaints: Complaints): ReadonlyMap<string, LocatedVariant> {
  const node = find(tree, ['variants']);
  const entries = entriesOf(tree, 'variants');
  if (!node) complaints.add(tree.at, { what: 'missing "variants"', expected: 'a map with at least one' });
  else if (node.kind !== 'map') {
    complaints.add(node.at, { what: `"variants" is ${show(node)}`, expected: 'a map with at least one' });
  } else if (entries.length === 0) complaints.add(node.at, { what: '"variants" is empty', expected: 'at least one' });
  else check(variantsSchema, node, complaints);
  const specs = new Map<string, LocatedVariant>();
  for (const [name, entry] of entries) {
    const expect = textOf(find(entry.value, ['expect'])) === 'signature' ? 'signature' : 'limits';
    specs.set(name, { name, what: textOf(find(entry.value, ['what'])) ?? '', expect, entry });
  }
  // Without any variant the rest of the file is still checked.
  if (specs.size === 0) specs.set('', { name: '', what: '', expect: 'limits', entry: undefined });
  return specs;
}

/** What the host decides no variant and no provider may decide: it would be replaced, or be no pressure. */
export function checkMeasured(tree: MapTree, complaints: Complaints): void {
  const measured = entriesOf(tree, 'measured').map(([name]) => name);
  const maps = ['variants', 'on'].flatMap((key) => entriesOf(tree, key).map(([, { value }]) => value));
  for (const [name, { keyAt }] of maps.flatMap((map) => entriesOf(map, 'parameters'))) {
    if (!measured.includes(name)) continue;
    complaints.add(keyAt, {
      what: `parameter "${name}" is measured`,
      expected: 'it under "parameters" of the scenario alone',
    });
  }
}

/** The parameters that whoever runs the variant must set. */
export function askedFor(change: Tree, values: Parameters, complaints: Complaints): string[] {
  const asked = itemsOf(change, 'asks-for').map((item) => ({ at: item.at, word: textOf(item) ?? '' }));
  for (const { at, word } of asked)
    if (!values.has(word)) complaints.add(at, { what: `unknown parameter "${word}"`, word, known: values.keys() });
  return asked.map(({ word }) => word);
}

/** What a variant asks for and did not get, and what was set that others alone ask for. `said`: how one sets a parameter there. */
export function wronglySet(
  { name, asksFor = [] }: VariantSpec,
  all: readonly VariantSpec[],
  set: Readonly<Record<string, string>>,
  said: (parameter: string) => string = (parameter) => `--set ${parameter}=…`,
): string[] {
  const missing = asksFor.filter((asked) => (set[asked] ?? '') === '');
  const others = all.flatMap((variant) => (variant.asksFor ?? []).map((asked) => ({ asked, by: variant.name })));
  const strange = others.filter(({ asked }) => !asksFor.includes(asked) && Object.hasOwn(set, asked));
  return [
    ...missing.map((asked) => `variant ${name} asks for ${said(asked)}, which has no default there`),
    ...strange.map(({ asked, by }) => `${said(asked)}: variant ${name} does not ask for it; ${by} does`),
  ];
}
