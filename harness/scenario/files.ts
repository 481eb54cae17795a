import { isUtf8 } from 'node:buffer';
import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize, sep } from 'node:path';
import { ScenarioError } from '../model.ts';
import { type Complaints, phrase } from './complaints.ts';
import type { Known } from './metrics.ts';
import { type Parameters, plainValues } from './parameters.ts';
import { find, itemsOf, type Tree, textOf } from './tree.ts';

/** Definitions of resources may be long; nothing is longer than memory. */
const MOST_BYTES = 10_000_000;

/** The text of a regular file. Throws a ScenarioError, located where it is no UTF-8 or holds a NUL. */
export async function readText(file: string, expected: string): Promise<string> {
  const refuse = (complaint: string, cause?: unknown) => new ScenarioError([`${file}${complaint}`], { cause });
  // Reading a pipe or a device could wait forever.
  if (!(await isFile(file))) throw refuse(`: no file; expected ${expected}`);
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size > MOST_BYTES) throw refuse(`:1:1: ${phrase({ what: `${size} bytes`, expected: `≤ ${MOST_BYTES}` })}`);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw refuse(`: cannot be read; expected ${expected}`, cause);
  });
  if (isUtf8(bytes) && !bytes.includes(0)) return bytes.toString('utf8');
  let start = 0;
  for (let line = 1; ; line += 1) {
    const newline = bytes.indexOf(10, start);
    const here = bytes.subarray(start, newline < 0 ? bytes.length : newline);
    const nul = here.includes(0);
    if (nul || !isUtf8(here)) {
      const column = here.toString('utf8').search(nul ? /\0/ : /\ufffd/) + 1;
      throw refuse(`:${line}:${column}: ${phrase({ what: nul ? 'a NUL' : 'no UTF-8', expected: 'text in UTF-8' })}`);
    }
    start = newline + 1;
  }
}

/** False for whatever is no regular file, and for a name that none can have. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** The absolute path of a file that the scenario names; undefined, with a complaint, where there is none in its folder. */
export async function ownFile(
  node: Tree | undefined,
  folder: string,
  complaints: Complaints,
): Promise<string | undefined> {
  const path = textOf(node);
  if (!node || path === undefined || path.trim() === '') return undefined;
  const normal = normalize(path);
  if (isAbsolute(path) || normal === '..' || normal.startsWith(`..${sep}`)) {
    complaints.add(node.at, { what: `"${path}" is outside of the scenario`, expected: 'a file in its folder' });
  } else if (!(await isFile(join(folder, path)))) {
    complaints.add(node.at, { what: `no file ${JSON.stringify(path)}`, expected: "a file in the scenario's folder" });
  } else if (!(await isWithin(folder, path))) {
    complaints.add(node.at, {
      what: `"${path}" is a link that leads out of the scenario`,
      expected: 'a file in its folder',
    });
  } else return join(folder, path);
  return undefined;
}

async function isWithin(folder: string, path: string): Promise<boolean> {
  const [real, file] = await Promise.all([realpath(folder), realpath(join(folder, path))]);
  return file.startsWith(`${real}${sep}`);
}

/** Manifests and scripts must be files within the scenario's folder, and objects must come of the manifests. */
export async function checkFiles(
  tree: Tree,
  {
    folder,
    values,
    known,
    complaints,
  }: {
    folder: string;
    values: Parameters;
    known: Known | undefined;
    complaints: Complaints;
  },
): Promise<void> {
  const fileOf = (node: Tree | undefined) => ownFile(node, folder, complaints);
  for (const item of itemsOf(tree, 'load')) await fileOf(find(item, ['script']));
  const read = new Set<string>();
  for (const item of itemsOf(tree, 'objects')) {
    const node = find(item, ['manifest']);
    const file = await fileOf(node);
    if (!node || file === undefined || !known) continue;
    // Each count of the same manifest is looked at, the manifest itself once.
    const count = find(item, ['count']);
    const many = count?.kind === 'scalar' && Number(count.value) > 1;
    if (read.has(`${file} ${many}`)) continue;
    read.add(`${file} ${many}`);
    const text = await readText(file, 'a manifest').catch((error: unknown) => tell(error, ''));
    if (text === undefined) continue;
    try {
      known.manifest(text, plainValues(values));
      if (many && !/\{\{\s*index\b/.test(text)) {
        const expected = 'a manifest that names them by {{index}}';
        complaints.add(node.at, { what: 'several objects would have the same name', expected });
      }
    } catch (error) {
      tell(error, `${file}:`);
    }

    function tell(error: unknown, prefix: string): undefined {
      if (!(error instanceof ScenarioError)) throw error;
      for (const line of error.complaints) complaints.addForeign(node?.at ?? 0, `${prefix}${line}`);
    }
  }
}
