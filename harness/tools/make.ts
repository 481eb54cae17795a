import { ToolError, type ToolSource } from '../model.ts';
import { buildTools, byModule, turns } from './build.ts';
import type { CacheEntry } from './cache.ts';
import { platform } from './catalogue.ts';
import { findGo } from './go.ts';
import type { Progress } from './progress.ts';
import { download, openWeb, Unreachable, unreachable } from './release.ts';
import { together } from './together.ts';
import type { Tool, ToolOptions } from './tools.ts';
import type { PinnedRelease, Wanted } from './wanted.ts';

/** A wish after the search on this machine. */
export interface Located {
  readonly wanted: Wanted;
  readonly tool?: Tool;
  readonly warning?: string;
  readonly passedOver: readonly string[];
}

export function toolOf({ name, version: expected }: Wanted, { version, path }: CacheEntry, source: ToolSource): Tool {
  return { name, version, path, source, expected };
}

/** Which of the missing have no usable release, and why; and Go. */
export async function sourcesOf(missing: readonly Located[], options: ToolOptions) {
  await using web = await openWeb(options.env);
  const hosts = new Set(missing.flatMap(({ wanted: { release } }) => (release ? [new URL(release.url).origin] : [])));
  const [go, ...answers] = await Promise.all([
    findGo(options),
    ...[...hosts].map(async (host) => [host, await unreachable(host, web, options.signal)] as const),
  ]);
  const silent = new Map(answers);
  const noRelease = new Map<string, string>();
  for (const { wanted } of missing) {
    const { id, name, version, release } = wanted;
    const why = release
      ? silent.get(new URL(release.url).origin)
      : `no pinned checksum for the release of ${name} ${version} on ${platform()}`;
    if (why !== undefined) noRelease.set(id, why);
  }
  return { go, noRelease };
}

/** Downloads and builds what is missing, side by side. Keyed by `Wanted.id`. Rejects with ToolError. */
export async function make(
  missing: readonly Located[],
  options: ToolOptions,
  progress: Progress,
): Promise<Map<string, Tool>> {
  await using web = await openWeb(options.env);
  const { go, noRelease } = await sourcesOf(missing, options);
  const toBuild = missing.filter(({ wanted }) => noRelease.has(wanted.id));
  if (go.go === undefined && toBuild.length > 0) throw notToBeHad(toBuild, noRelease, go.why);
  const released = missing.flatMap(({ wanted }) =>
    wanted.release && !noRelease.has(wanted.id) ? [{ ...wanted, release: wanted.release }] : [],
  );
  const compile = turns();
  const building = (wanted: readonly Wanted[]) =>
    byModule(wanted).map((group) => async (signal: AbortSignal) => {
      if (go.go === undefined) {
        const ids = group.map(({ id }) => id);
        throw notToBeHad(
          missing.filter(({ wanted }) => ids.includes(wanted.id)),
          noRelease,
          go.why,
        );
      }
      const entries = await buildTools(group, go.go, compile, { ...options, signal }, progress);
      return group.flatMap((one) => made(one, entries, 'go'));
    });
  const failed: Wanted[] = [];
  const downloading = [...Map.groupBy(released, ({ release }) => release.url).values()].map(
    (group) => async (signal: AbortSignal) => {
      const [first, ...others] = group as [Wanted & { release: PinnedRelease }, ...Wanted[]];
      try {
        const entries = await download([first, ...others], { ...options, signal }, web, progress);
        return group.flatMap((one) => made(one, entries, 'release'));
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        progress.news(`${error.message}; trying a Go build`);
        for (const one of group) noRelease.set(one.id, error.message);
        failed.push(...group);
        return [];
      }
    },
  );
  const tools = await together(options.signal, [...downloading, ...building(toBuild.map(({ wanted }) => wanted))]);
  tools.push(...(await together(options.signal, building(failed))));
  return new Map(tools.flat());
}

function made(wanted: Wanted, entries: Map<string, CacheEntry>, source: ToolSource): [string, Tool][] {
  const entry = entries.get(wanted.id);
  return entry === undefined ? [] : [[wanted.id, toolOf(wanted, entry, source)]];
}

function notToBeHad(missing: readonly Located[], noRelease: Map<string, string>, noGo: string): ToolError {
  const lines = missing.map(({ wanted: { id, name, version }, passedOver }) =>
    [`${name} ${version} is not to be had`, ...passedOver, noRelease.get(id)].filter(Boolean).join('; '),
  );
  const advice = 'install Go 1.26 or newer, or put the programs into a folder and name it with --tools-dir';
  return new ToolError([...lines, `and it cannot be built: ${noGo}; ${advice}`].join('\n'), { command: 'go version' });
}
