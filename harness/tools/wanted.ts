import { RefusedError } from '../model.ts';
import { type CatalogueEntry, catalogue, type GoEntry, platform, type Release } from './catalogue.ts';
import type { ToolName, ToolOptions, ToolWish } from './tools.ts';

/** What Go can build: a tool, or a program that only a node image holds. */
export interface Program {
  /** `etcd@3.6.8`, whether the version was named or not. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Another version than the catalogue's: a program of a third version would not be what was asked for. */
  readonly exact: boolean;
  readonly entry: GoEntry;
}

/** A wish with everything the catalogue knows of it. */
export interface Wanted extends Program {
  readonly wish: ToolWish;
  readonly name: ToolName;
  readonly entry: CatalogueEntry;
  readonly release: PinnedRelease | undefined;
  /** The release's address, pinned or not; absent for what is ours. */
  readonly url?: string;
}

export interface PinnedRelease extends Release {
  readonly url: string;
  readonly sha256: string;
}

/** The key under which `provide` hands over what was wished: `etcd`, or `etcd@3.5.12` for a wish with a version. */
export function keyOf({ name, version }: ToolWish): string {
  return version === undefined ? name : `${name}@${version}`;
}

/** What was wished with its version, named or not. */
export function idOf({ name, version = catalogue[name].version }: ToolWish): string {
  return `${name}@${version}`;
}

/** Each different wish once. Throws RefusedError, naming every one, for wishes that no build could fulfil. */
export function want(wishes: readonly ToolWish[], { releaseBase }: Pick<ToolOptions, 'releaseBase'>): Wanted[] {
  const unknown = wishes.filter(({ name }) => !Object.hasOwn(catalogue, name));
  const odd = wishes.filter(({ version }) => version !== undefined && !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
  if (unknown.length + odd.length > 0) {
    throw new RefusedError(
      [
        ...unknown.map(({ name }) => `no tool is called ${name}; there are ${Object.keys(catalogue).join(', ')}`),
        ...odd.map(
          ({ name, version }) => `${name} ${version}: a version is written like ${catalogue[name]?.version ?? '1.2.3'}`,
        ),
      ].join('\n'),
    );
  }
  const all = wishes.map((wish): Wanted => {
    const entry = catalogue[wish.name];
    const version = wish.version ?? entry.version;
    const release = entry.release?.(version, platform());
    const checksums = releaseBase?.checksums ?? entry.checksums;
    const sha256 = checksums[releaseBase ? `${wish.name} ${version}` : `${version} ${platform()}`];
    const official = release && { ...release, url: `${releaseBase?.url ?? release.host}${release.path}` };
    return {
      id: idOf(wish),
      wish,
      name: wish.name,
      version,
      exact: version !== entry.version,
      entry,
      ...(official && { url: official.url }),
      release: official && sha256 !== undefined ? { ...official, sha256 } : undefined,
    };
  });
  return [...new Map(all.map((wanted) => [wanted.id, wanted])).values()];
}
