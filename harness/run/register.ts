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
import { join } from 'node:path';
import type { Places } from './folder.ts';
import { type Owner, whereabouts } from './owner.ts';

/** A run that may owe something. Kept outside its folder, so that who removes the folder does not lose the debts. */
export interface Entry {
  readonly id: string;
  readonly folder: string;
  readonly mark: string;
  readonly owner: Owner;
}

/** What clean finds: a run that lives is not among it. */
export type Left =
  | (Entry & { readonly harness: 'dead' | 'elsewhere' })
  | { readonly id: string; readonly harness: 'unreadable'; readonly why: string };

/** On disk when it returns: in the index, and in the run's folder for who has only that. */
export function enter(places: Places, entry: Entry): void {
  mkdirSync(places.state, { recursive: true });
  for (const path of [join(places.state, entry.id), join(entry.folder, 'owner.json')]) {
    const file = openSync(`${path}.new`, 'w', 0o600);
    writeSync(file, JSON.stringify(entry));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${path}.new`, path);
  }
}

/** Nothing is owed any more. */
export function strike(places: Places, id: string): void {
  rmSync(join(places.state, id), { force: true });
}

/**
 * Runs, of the index and of the runs' folder, whose harness is not here any more: `dead`, or `elsewhere` (on another machine or in
 * another container, whose processes cannot be seen from here). Those that owe nothing may be among them.
 */
export function leftRuns(places: Places): Left[] {
  const found = new Map<string, Left>();
  const look = (id: string, path: string) => {
    if (found.has(id) || id.endsWith('.new') || !existsSync(path)) return;
    try {
      const { folder, mark, owner } = JSON.parse(readFileSync(path, 'utf8')) as Entry;
      if (typeof folder !== 'string' || typeof mark !== 'string') throw new Error('it names no folder and mark');
      const harness = whereabouts(owner);
      if (harness !== 'here') found.set(id, { id, folder, mark, owner, harness });
    } catch (error) {
      found.set(id, { id, harness: 'unreadable', why: `${path}: ${error instanceof Error ? error.message : error}` });
    }
  };
  for (const id of namesIn(places.state)) look(id, join(places.state, id));
  for (const id of namesIn(places.runs)) look(id, join(places.runs, id, 'owner.json'));
  return [...found.values()];
}

/** The names in a folder; none when there is no such folder. */
function namesIn(folder: string): string[] {
  return existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder) : [];
}
