import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { platform } from './catalogue.ts';
import type { Wanted } from './wanted.ts';

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

/** The module that builds it: the catalogue's versions share one, so that they are compiled together. */
export function moduleId({ name, version, exact, entry }: Wanted): string {
  if (!exact) return 'kubernetes';
  if (name === 'etcd' && version === '3.5.12') return 'etcd-3.5';
  return `${entry.family}-${version}`;
}

export async function moduleOf(wanted: Wanted): Promise<GoModule> {
  const id = moduleId(wanted);
  const ldflags = ldflagsFor(wanted);
  const folder = join(modulesFolder(), id);
  if (!existsSync(folder)) {
    return { id, folder: undefined, hash: hashOf(id, ldflags), size: 0, ldflags };
  }
  const mod = await readFile(join(folder, 'go.mod'), 'utf8');
  const sum = await readFile(join(folder, 'go.sum'), 'utf8');
  return { id, folder, hash: hashOf(mod, sum, ldflags), size: mod.match(/^\t\S+ v/gm)?.length ?? 0, ldflags };
}

export function goKey({ name, version }: Wanted, { hash }: GoModule): string {
  return `${name}-${version}-${platform()}-go-${hash}`;
}

// Neither Kubernetes nor kwok knows its version unless the linker is told; the others hold it in their sources.
function ldflagsFor({ exact, version, entry }: Wanted): string {
  const kubernetes = exact && entry.family === 'kubernetes' ? version : '1.36.3';
  const kwok = exact && entry.family === 'kwok' ? version : '0.8.0';
  const [major, minor] = kubernetes.split('.');
  const set = 'k8s.io/component-base/version';
  return [
    '-s -w',
    `-X ${set}.gitVersion=v${kubernetes} -X ${set}.gitMajor=${major} -X ${set}.gitMinor=${minor}`,
    `-X ${set}.gitTreeState=clean -X sigs.k8s.io/kwok/pkg/consts.Version=v${kwok}`,
  ].join(' ');
}

/**
 * Writes a go.mod for versions that are not checked in. `kubernetesMod` is the go.mod of that Kubernetes: it names its
 * staging modules as folders of its own repository, which have to be replaced by their published versions (v0.x.y).
 */
export async function generate(folder: string, wanted: readonly Wanted[], kubernetesMod: string): Promise<void> {
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
