import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { ToolError } from '../model.ts';
import { runProgram } from '../program.ts';
import { contentOf, type Member } from './tar.ts';

/** A program and all that it needs to run, by the path in an image where each is to be. Rejects with ToolError. */
export async function withLibraries(program: string, at: string, signal: AbortSignal): Promise<Map<string, string>> {
  const libraries = await librariesOf(program, signal);
  return new Map([[at, program], ...libraries.map((path) => [path, path] as const)]);
}

/** The loader and the libraries of a program, as `ldd` tells: absolute paths. */
async function librariesOf(program: string, signal: AbortSignal): Promise<string[]> {
  const { exitCode, stdout, stderr } = await runProgram('ldd', [program], { signal });
  if (exitCode !== 0 && !/not a dynamic executable/.test(stderr))
    throw new ToolError(`ldd ${program} failed: ${stderr.trim()}`, { command: `ldd ${program}` });
  const missing = /^\s*(\S+) => not found/m.exec(stdout)?.[1];
  if (missing !== undefined)
    throw new ToolError(`${program} needs ${missing}, which is not here`, { command: program });
  // `libz.so.1 => /lib/…/libz.so.1 (0x…)`, and the loader alone: `/lib64/ld-linux-x86-64.so.2 (0x…)`.
  return [...stdout.matchAll(/(?:^|\s)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
}

/** Copies of files, by the absolute path where each is to be, and their folders. */
export async function membersOf(files: ReadonlyMap<string, string>): Promise<Member[]> {
  const folders = new Set([...files.keys()].flatMap(parentsOf).sort());
  const copies = [...files].map(async ([path, file]): Promise<Member> => {
    return { kind: 'file', path: path.slice(1), content: await contentOf(file), mode: 0o755 };
  });
  return [...[...folders].map((path): Member => ({ kind: 'folder', path })), ...(await Promise.all(copies))];
}

function parentsOf(file: string): string[] {
  const folder = dirname(file);
  return folder === '/' ? [] : [...parentsOf(folder), folder.slice(1)];
}

/** What they hold, together. */
export async function digestOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}
