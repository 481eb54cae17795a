import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Places } from './folder.ts';
import { type Owner, whereabouts } from './owner.ts';

/** A run that may owe something. Kept outside its folder, so that who removes the folder does not lose the debts. */
export interface Entry {
  readonly id: string;
  readonly folder: string;
  readonly mark: string;
  readonly owner: Owner;
  /** Path of the index's own copy of it. */
  readonly index?: string;
}

/** What clean finds: a run that lives is not among it. */
export type Left =
  | (Entry & { readonly harness: 'dead' | 'elsewhere'; readonly whose: Whose })
  | { readonly id: string; readonly harness: 'unreadable'; readonly why: string };

/** What bounds the debts of a run that may be paid. */
export interface Whose {
  /** That every debt must have; any when absent. */
  readonly mark?: string;
  /** The ledger that the index keeps; absent for a run that the index does not know: its folder may be anybody's. */
  readonly kept?: string;
  /** The word of the run's folder alone: nothing is reached by a kubeconfig that it names. */
  readonly foreign?: boolean;
}

/** On disk when it returns: in the index, and in the run's folder for who has only that. */
export function enter(places: Places, entry: Entry): void {
  mkdirSync(places.state, { recursive: true, mode: 0o700 });
  const index = join(places.state, entry.id);
  closeSync(openSync(keptBy(index), 'a', 0o600));
  for (const path of [index, join(entry.folder, 'owner.json')]) {
    const file = openSync(`${path}.new`, 'w', 0o600);
    writeSync(file, JSON.stringify({ ...entry, index }));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${path}.new`, path);
  }
}

const keptBy = (index: string): string => `${index}.ledger`;

/** Nothing is owed any more. */
export function strike(places: Places, id: string): void {
  strikeEntry(join(places.state, id));
}

export function strikeEntry(index: string): void {
  for (const path of [keptBy(index), index]) rmSync(path, { force: true });
}

/** As the run's folder has it. */
export function entryOf(folder: string): Entry {
  return entryIn(join(folder, 'owner.json'));
}

/** Of the run that lies in a folder of ours. What its `owner.json` says of the index counts where the index says the same. */
export function whoseIs(folder: string): Whose {
  const path = join(folder, 'owner.json');
  if (!existsSync(path)) return {};
  const { index, mark } = entryIn(path);
  if (index === undefined || !existsSync(index)) return { mark };
  const known = entryIn(index);
  return known.folder === folder && known.mark === mark ? { mark, kept: keptBy(index) } : { mark };
}

function entryIn(path: string): Entry {
  const entry = JSON.parse(readFileSync(path, 'utf8')) as Entry;
  if (typeof entry?.folder === 'string' && typeof entry.mark === 'string') return entry;
  throw new Error('it names no folder and mark');
}

/**
 * Runs, of the index and of the runs' folder, whose harness is not here any more: `dead`, or `elsewhere` (on another machine or in
 * another container, whose processes cannot be seen from here). Those that owe nothing may be among them.
 */
export function leftRuns(places: Places): Left[] {
  const found = new Map<string, Left>();
  const living = new Set<string>();
  const look = (id: string, path: string, bounds: (entry: Entry) => { folder: string; whose: Whose }) => {
    if (found.has(id) || living.has(id) || !isFile(path)) return;
    try {
      const { mark, owner, ...entry } = entryIn(path);
      const harness = whereabouts(owner);
      if (harness === 'here') living.add(id);
      else found.set(id, { id, mark, owner, harness, ...bounds({ mark, owner, ...entry }) });
    } catch (error) {
      found.set(id, { id, harness: 'unreadable', why: `${path}: ${error instanceof Error ? error.message : error}` });
    }
  };
  for (const id of namesIn(places.state).filter((name) => !/\.(new|ledger)$/.test(name))) {
    const index = join(places.state, id);
    look(id, index, ({ folder, mark }) => ({ folder, whose: { mark, kept: keptBy(index) } }));
  }
  for (const id of namesIn(places.runs)) {
    const path = join(places.runs, id, 'owner.json');
    look(id, path, ({ mark }) => ({ folder: dirname(path), whose: { mark, foreign: true } }));
  }
  return [...found.values()];
}

/** The names in a folder; none when there is no such folder. */
function namesIn(folder: string): string[] {
  return existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder) : [];
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();
