import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { isFile } from './files.ts';

export interface Discovered {
  readonly id: string;
  /** Absolute. */
  readonly folder: string;
  readonly question: string;
  readonly runsOn: readonly string[];
}

/**
 * The scenarios in these folders, each of which is a scenario or holds some; of two with one id the first counts.
 * Reads two keys of each file and checks nothing, so that it is quick. A folder that is absent holds none.
 */
export async function discover(folders: readonly string[]): Promise<Discovered[]> {
  const perFolder = await Promise.all(folders.map((folder) => within(resolve(folder))));
  const found = new Map<string, Discovered>();
  for (const scenario of perFolder.flat()) if (!found.has(scenario.id)) found.set(scenario.id, scenario);
  return [...found.values()];
}

async function within(folder: string): Promise<Discovered[]> {
  const itself = await read(folder);
  if (itself) return [itself];
  const entries = (await orAbsent(readdir(folder, { withFileTypes: true }))) ?? [];
  const names = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name);
  const scenarios = await Promise.all(names.sort().map((name) => read(join(folder, name))));
  return scenarios.filter((scenario) => scenario !== undefined);
}

async function read(folder: string): Promise<Discovered | undefined> {
  const file = join(folder, 'scenario.yaml');
  const text = (await isFile(file)) ? await orAbsent(readFile(file, 'utf8')) : undefined;
  if (text === undefined) return undefined;
  const [question, runsOn] = await Promise.all([topLevel('question', text), topLevel('runs-on', text)]);
  return {
    id: basename(folder),
    folder,
    question: typeof question === 'string' ? question : '(no question: the file is broken)',
    runsOn: Array.isArray(runsOn) ? runsOn.map(String) : [],
  };
}

/** The value of one top-level key. Only what is more than a plain line is worth loading the YAML parser (40 ms). */
async function topLevel(key: string, text: string): Promise<unknown> {
  const block = new RegExp(`^${key}:(.*(?:\\n(?:[ \\t-].*)?)*)`, 'm').exec(text)?.[1];
  if (block === undefined) return undefined;
  const line = block.trim();
  if (/^[\p{L}\d][^\n#:{}[\],&*!|>'"%@`]*$/u.test(line)) return line;
  const list = /^\[([\w\s,-]*)\]$/.exec(line)?.[1];
  if (list !== undefined) return list.split(',').map((item) => item.trim());
  const { parseDocument } = await import('yaml');
  const value: unknown = parseDocument(`${key}:${block}`).toJS();
  return (value as Record<string, unknown> | null)?.[key];
}

/** Undefined where there is no such file or folder. */
async function orAbsent<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  return promise.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}
