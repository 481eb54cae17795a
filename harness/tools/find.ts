import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { ToolSource } from '../model.ts';
import { run } from './command.ts';
import type { Tool, ToolOptions } from './tools.ts';
import type { Program, Wanted } from './wanted.ts';

export interface Search {
  readonly tool?: Tool;
  /** What a person should know of the program that is used although it is not as expected. */
  readonly warning?: string;
  /** Programs of that name that cannot serve this wish, and why. */
  readonly passedOver: readonly string[];
}

const versionTimeoutMs = 10_000;

/** Looks for the program where the user put it: the named folder, then PATH. */
export async function search(wanted: Wanted, options: ToolOptions): Promise<Search> {
  const { name, version, exact } = wanted;
  const places: { file: string; source: ToolSource; where: string }[] = [];
  if (options.folder !== undefined) {
    const where = `in ${options.folder}`;
    const folder = resolve(options.folder);
    const files = exact ? [`${name}-${version}`, name] : [name, `${name}-${version}`];
    places.push(...files.map((file) => ({ file: join(folder, file), source: 'named' as const, where })));
  }
  for (const file of onPath(name, options.path)) places.push({ file, source: 'path', where: 'on PATH' });

  const passedOver: string[] = [];
  for (const { file, source, where } of places) {
    if (!(await isProgram(file))) continue;
    const told = await versionOf(wanted, file, options);
    if (exact && told.version !== version) {
      passedOver.push(`${name} ${where} is ${told.version}, not ${version}`);
      continue;
    }
    const tool: Tool = { name, version: told.version, path: file, source, expected: version };
    if (told.version === version) return { tool, passedOver };
    const what =
      told.version === 'unknown' ? `does not tell its version (${told.why})` : `is ${told.version}, not ${version}`;
    return { tool, passedOver, warning: `${name} ${where} ${what}; used as it is: ${file}` };
  }
  return { passedOver };
}

/** What the program says its version is; `unknown` with a reason when it says nothing that can be read. */
export async function versionOf(
  { entry }: { readonly entry: Pick<Program['entry'], 'versionArgs'> },
  file: string,
  { env, path, signal }: Pick<ToolOptions, 'env' | 'path' | 'signal'>,
): Promise<{ version: string; why: string }> {
  const patience = AbortSignal.timeout(versionTimeoutMs);
  try {
    const ended = await run({
      program: file,
      args: entry.versionArgs ?? [],
      env: { ...env, PATH: path },
      signal: AbortSignal.any([signal, patience]),
    });
    const [said] = [ended.stdout, ...ended.lastLines].flatMap(
      (text) => /\bv?(\d+\.\d+\.\d+(?:[-+][\w.+-]+)?)/.exec(text)?.[1] ?? [],
    );
    if (ended.exitCode === 0 && said !== undefined) return { version: said, why: '' };
    const last = ended.lastLines.at(-1) ?? '';
    return { version: 'unknown', why: `exit ${ended.exitCode ?? 'by signal'}${last === '' ? '' : `: ${last}`}` };
  } catch (error) {
    if (signal.aborted || !patience.aborted) throw error;
    return { version: 'unknown', why: `no answer within ${versionTimeoutMs / 1000} s` };
  }
}

/** Files of that name on PATH, in order. Relative entries are left out: they mean another file in each folder. */
export function onPath(name: string, path: string): string[] {
  return path
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, name));
}

export async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
