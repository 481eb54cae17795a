import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ToolSource } from '../model.ts';
import { alive, thisProcess } from '../process.ts';

/** What is known of a cached program; lies beside it as `tool.json`. */
export interface CacheEntry {
  readonly name: string;
  readonly version: string;
  readonly source: ToolSource;
  /** The release's address, or the Go package. */
  readonly from: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly path: string;
}

/** Each program has a folder of its own, so that it keeps its name and appears in one rename, whole. */
function entryFolder(cache: string, key: string): string {
  return join(cache, 'bin', key);
}

/** The cached program, or undefined when there is none or it is not as it was put there (by its size). */
export async function cached(cache: string, key: string): Promise<CacheEntry | undefined> {
  const folder = entryFolder(cache, key);
  try {
    const entry = JSON.parse(await readFile(join(folder, 'tool.json'), 'utf8')) as Omit<CacheEntry, 'path'>;
    const path = join(folder, entry.name);
    return (await stat(path)).size === entry.size ? { ...entry, path } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Moves a finished program from a scratch folder into the cache. The caller holds the lock for `key`. */
export async function keep(
  cache: string,
  key: string,
  file: string,
  what: Pick<CacheEntry, 'name' | 'version' | 'source' | 'from'>,
): Promise<CacheEntry> {
  const whole = `${file}.entry`;
  await mkdir(whole);
  await chmod(file, 0o755);
  await rename(file, join(whole, what.name));
  const { size } = await stat(join(whole, what.name));
  const sha256 = await sha256Of(join(whole, what.name));
  await writeFile(join(whole, 'tool.json'), `${JSON.stringify({ ...what, sha256, size }, undefined, 2)}\n`);
  const folder = entryFolder(cache, key);
  await mkdir(join(cache, 'bin'), { recursive: true });
  await rm(folder, { recursive: true, force: true });
  await rename(whole, folder);
  return { ...what, sha256, size, path: join(folder, what.name) };
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

let scratches = 0;

/** A folder for half-done work on the cache's file system; gone when disposed, or swept when its process has died. */
export async function scratch(cache: string, label: string): Promise<Scratch> {
  const { pid, start } = thisProcess();
  const path = join(cache, 'tmp', `${label}-${++scratches}.partial-${pid}-${start}`);
  await mkdir(path, { recursive: true });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}

/** Removes what dead processes left half-done. */
export async function sweep(cache: string): Promise<void> {
  const folder = join(cache, 'tmp');
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const [, pid, start = ''] = /\.partial-(\d+)-(\w*)$/.exec(name) ?? [];
    if (pid !== undefined && !alive({ pid: Number(pid), start: start ?? '' })) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}
