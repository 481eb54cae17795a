import { join } from 'node:path';
import { ToolError } from '../model.ts';
import { type CacheEntry, cached, keep, scratch } from './cache.ts';
import { pasteable } from './command.ts';
import { versionOf } from './find.ts';
import { build, fetchModules, type Go, names } from './go.ts';
import { type GoModule, goKey, moduleId, moduleOf } from './module.ts';
import { duration, type Progress } from './progress.ts';
import { holdTold } from './release.ts';
import type { ToolOptions } from './tools.ts';
import type { Program } from './wanted.ts';

/** Runs one piece of work at a time, in the order of asking. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

export function turns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** What is compiled together, by module. */
export function byModule<P extends Program>(wanted: readonly P[]): P[][] {
  return [...Map.groupBy(wanted, moduleId).values()];
}

/**
 * Takes the tools of one module into the cache, building those that are not there. Downloads of several modules may
 * overlap, compiles take turns. Rejects with ToolError; nothing half-done is left.
 */
export async function buildTools(
  wanted: readonly Program[],
  go: Go,
  compile: Turns,
  options: ToolOptions,
  progress: Progress,
): Promise<Map<string, CacheEntry>> {
  const [first] = wanted;
  if (first === undefined) return new Map();
  const module = await moduleOf(first);
  const lock = join(options.cache, 'locks', `go-${module.id}-${module.hash}`);
  await using _held = await holdTold(lock, names(wanted), options.signal, progress);
  const entries = new Map<string, CacheEntry>();
  for (const one of wanted) {
    const entry = await cached(options.cache, goKey(one, module));
    if (entry) entries.set(one.id, entry);
  }
  const missing = wanted.filter(({ id }) => !entries.has(id));
  if (missing.length === 0) return entries;

  const start = performance.now();
  await using work = await scratch(options.cache, `go-${module.id}`);
  const ready = await fetchModules(module, missing, go, work.path, options, progress);
  const files = await compile(() => build(module, missing, go, ready, work.path, options, progress));
  for (const [at, one] of missing.entries()) {
    entries.set(one.id, await take(one, files[at] ?? '', module, options));
  }
  progress.news(`built ${names(missing)} with ${go.version} in ${duration(performance.now() - start)}`);
  return entries;
}

async function take(wanted: Program, file: string, module: GoModule, options: ToolOptions): Promise<CacheEntry> {
  const { name, version, entry } = wanted;
  const { versionArgs } = entry;
  if (versionArgs !== undefined) {
    const told = await versionOf(wanted, file, options);
    if (told.version !== version) {
      const said = told.version === 'unknown' ? `does not tell its version: ${told.why}` : `is ${told.version}`;
      const command = pasteable({ program: file, args: versionArgs });
      throw new ToolError(`${name} was built to be ${version}, but it ${said}`, { command });
    }
  }
  const facts = { name, version, source: 'go' as const, from: `${entry.goPackage}@v${version}` };
  return await keep(options.cache, goKey(wanted, module), file, facts);
}
