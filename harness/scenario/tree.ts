import type { Json } from '../model.ts';

/** A value of the file that still knows where it stands (`at`: offset in the text). */
export type Tree = MapTree | ListTree | ScalarTree;

export interface Entry {
  readonly keyAt: number;
  readonly value: Tree;
}

export interface MapTree {
  readonly kind: 'map';
  readonly at: number;
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface ListTree {
  readonly kind: 'list';
  readonly at: number;
  readonly items: readonly Tree[];
}

export interface ScalarTree {
  readonly kind: 'scalar';
  readonly at: number;
  readonly value: string | number | boolean | null;
  /** As it stands in the file, without quotes: `1.10` where the value is the number 1.1. */
  readonly written: string;
}

export type Path = readonly PropertyKey[];

/** The node at a path, or undefined where the path leaves the tree. */
export function find(tree: Tree | undefined, path: Path): Tree | undefined {
  let node = tree;
  for (const step of path) {
    if (node?.kind === 'map') node = node.entries.get(String(step))?.value;
    else if (node?.kind === 'list') node = node.items[Number(step)];
    else return undefined;
  }
  return node;
}

/** The offset to point at for a path: the node itself or, where it is missing, its nearest parent. */
export function offsetOf(tree: Tree, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = find(tree, path.slice(0, length));
    if (node) return node.at;
  }
  return tree.at;
}

export function keyOffset(tree: Tree, path: Path, key: string): number {
  const node = find(tree, path);
  return (node?.kind === 'map' ? node.entries.get(key)?.keyAt : undefined) ?? offsetOf(tree, path);
}

/** The entries of a map at a path, none when it is absent or no map. */
export function entriesOf(tree: Tree | undefined, ...path: string[]): [name: string, entry: Entry][] {
  const node = find(tree, path);
  return node?.kind === 'map' ? [...node.entries] : [];
}

/** The items of a list at a path, none when it is absent or no list. */
export function itemsOf(tree: Tree | undefined, ...path: string[]): readonly Tree[] {
  const node = find(tree, path);
  return node?.kind === 'list' ? node.items : [];
}

/** The texts of a list at a path. */
export function textsOf(tree: Tree | undefined, ...path: string[]): string[] {
  return itemsOf(tree, ...path).flatMap((item) => textOf(item) ?? []);
}

export function textOf(tree: Tree | undefined): string | undefined {
  return tree?.kind === 'scalar' && typeof tree.value === 'string' ? tree.value : undefined;
}

/** Maps merge key by key, anything else is replaced; each value keeps the place that it came from. */
export function merge(base: Tree, change: Tree): Tree {
  if (base.kind !== 'map' || change.kind !== 'map') return change;
  const entries = new Map(base.entries);
  for (const [key, entry] of change.entries) {
    const former = entries.get(key);
    entries.set(key, former ? { keyAt: entry.keyAt, value: merge(former.value, entry.value) } : entry);
  }
  return { ...base, entries };
}

export function without(tree: MapTree, keys: readonly string[]): MapTree {
  return { ...tree, entries: new Map([...tree.entries].filter(([key]) => !keys.includes(key))) };
}

export function only(tree: MapTree, keys: readonly string[]): MapTree {
  return { ...tree, entries: new Map([...tree.entries].filter(([key]) => keys.includes(key))) };
}

/** The same tree with every place so much further on. */
export function moved<Some extends Tree>(tree: Some, by: number): Some {
  const at = tree.at + by;
  if (tree.kind === 'scalar') return { ...tree, at };
  if (tree.kind === 'list') return { ...tree, at, items: tree.items.map((item) => moved(item, by)) };
  const entries = new Map<string, Entry>();
  for (const [key, { keyAt, value }] of tree.entries) entries.set(key, { keyAt: keyAt + by, value: moved(value, by) });
  return { ...tree, at, entries };
}

export function mapScalars(tree: Tree, change: (scalar: ScalarTree) => ScalarTree): Tree {
  if (tree.kind === 'scalar') return change(tree);
  if (tree.kind === 'list') return { ...tree, items: tree.items.map((item) => mapScalars(item, change)) };
  const entries = new Map<string, Entry>();
  for (const [key, entry] of tree.entries) entries.set(key, { ...entry, value: mapScalars(entry.value, change) });
  return { ...tree, entries };
}

/** Makes text of what was written at a path (`*` is any key), so that `1.10` and `false` arrive as they stand. */
export function asWritten(tree: Tree, path: readonly string[]): Tree {
  const [step, ...rest] = path;
  if (step === undefined) {
    return tree.kind === 'scalar' && tree.value !== null ? { ...tree, value: tree.written } : tree;
  }
  if (tree.kind === 'list' && step === '*') return { ...tree, items: tree.items.map((item) => asWritten(item, rest)) };
  if (tree.kind !== 'map') return tree;
  const entries = new Map(tree.entries);
  for (const [key, entry] of tree.entries) {
    if (step === '*' || step === key) entries.set(key, { ...entry, value: asWritten(entry.value, rest) });
  }
  return { ...tree, entries };
}

/** The bare value, without places. */
export function plain(tree: Tree): Json {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plain);
  // defineProperty in disguise: a key `__proto__` must stay a key.
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, plain(value)]));
}
