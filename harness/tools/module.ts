import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { platform } from './catalogue.ts';
import type { Program } from './wanted.ts';

/** A Go module whose build yields tools: checked in with its sums, or generated for versions that are not. */
export interface GoModule {
  readonly id: string;
  /** The checked-in folder; absent when it is to be generated. */
  readonly folder: string | undefined;
  /** Changes with anything that changes what is built, short of Go itself. */
  readonly hash: string;
  /** How many modules it names; 0 when that is not known before. */
  readonly size: number;
  readonly ldflags: string;
  /** Whether C is compiled in, which needs gcc. */
  readonly cgo: boolean;
  readonly tags: readonly string[];
}

/** The checked-in modules: beside this file in the sources, some folders up from what is published. */
export function modulesFolder(): string {
  let folder = import.meta.dirname;
  for (;;) {
    const modules = join(folder, 'harness', 'tools', 'modules');
    if (existsSync(modules)) return modules;
    if (dirname(folder) === folder) throw new Error(`harness/tools/modules is missing above ${import.meta.dirname}`);
    folder = dirname(folder);
  }
}

/** The module that builds it: the catalogue's versions share some, so that they are compiled together. */
export function moduleId({ version, exact, entry }: Program): string {
  if (!exact) return entry.module;
  return entry.others?.[version] ?? `${entry.family}-${version}`;
}

export async function moduleOf(program: Program): Promise<GoModule> {
  const { entry, version } = program;
  const id = moduleId(program);
  const tags = entry.cgo?.tags ?? [];
  const how = { id, ldflags: entry.ldflags(version), cgo: entry.cgo !== undefined, tags };
  const settings = how.cgo ? [how.ldflags, 'cgo', ...tags] : [how.ldflags];
  const folder = entry.folder ?? join(modulesFolder(), id);
  if (!existsSync(folder)) return { ...how, folder: undefined, hash: hashOf(id, ...settings), size: 0 };
  const mod = await readFile(join(folder, 'go.mod'), 'utf8');
  const sum = existsSync(join(folder, 'go.sum')) ? await readFile(join(folder, 'go.sum'), 'utf8') : '';
  const hash = hashOf(mod, sum, ...settings, ...(await ownSources(folder)));
  return { ...how, folder, hash, size: mod.match(/^\t\S+ v/gm)?.length ?? 0 };
}

/** Go files of the module itself, if its main package is not somebody else's. */
async function ownSources(folder: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true })).sort();
  const own = files.filter((name) => name.endsWith('.go') && !name.endsWith('_test.go') && name !== 'tools.go');
  return (await Promise.all(own.map(async (name) => [name, await readFile(join(folder, name), 'utf8')]))).flat();
}

export function goKey({ name, version }: Program, { hash }: GoModule): string {
  return `${name}-${version}-${platform()}-go-${hash}`;
}

/**
 * Writes a go.mod for versions that are not checked in. `kubernetesMod` is the go.mod of that Kubernetes: it names its
 * staging modules as folders of its own repository, which have to be replaced by their published versions (v0.x.y).
 */
export async function generate(folder: string, wanted: readonly Program[], kubernetesMod: string): Promise<void> {
  const requires = new Set(wanted.map(({ entry, version }) => `${entry.goModule} v${version}`));
  const staging = [...kubernetesMod.matchAll(/^\s*(?:replace )?(k8s\.io\/\S+) => \.\/staging\//gm)].map(
    ([, name]) => name,
  );
  const published = `v0.${wanted[0]?.version.split('.').slice(1).join('.')}`;
  const lines = [
    'module ordeal.invalid/tools/generated',
    'go 1.26.0',
    ...[...requires].map((require) => `require ${require}`),
    ...staging.map((name) => `replace ${name} => ${name} ${published}`),
  ];
  await writeFile(join(folder, 'go.mod'), `${lines.join('\n')}\n`);
}

function hashOf(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 12);
}
