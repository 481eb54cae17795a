import type { VariantSpec } from '../model.ts';
import { check, show } from './checks.ts';
import type { Complaints } from './complaints.ts';
import { variantsSchema } from './schema.ts';
import { type Entry, entriesOf, find, type MapTree, textOf } from './tree.ts';

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
