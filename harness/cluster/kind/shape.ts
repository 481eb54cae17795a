import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { RefusedError } from '../../model.ts';

/** A file of `kind-config/`, as the kind CLI would read it. */
export interface Shape {
  readonly nodes: readonly { readonly role: 'control-plane' | 'worker'; readonly [field: string]: unknown }[];
  readonly [field: string]: unknown;
}

/** `kind-config/`: at the root of the sources, some folders up from what is published. */
export function kindConfigFolder(): string {
  let folder = import.meta.dirname;
  for (;;) {
    const found = join(folder, 'kind-config');
    if (existsSync(join(found, 'docker-front', 'docker'))) return found;
    if (dirname(folder) === folder) throw new Error(`kind-config is missing above ${import.meta.dirname}`);
    folder = dirname(folder);
  }
}

/** Throws `RefusedError` for a shape that is not there, and names those that are. */
export async function readShape(name: string): Promise<Shape> {
  const folder = kindConfigFolder();
  const names = (await readdir(folder)).flatMap((file) => /^(.+)\.yaml$/.exec(file)?.[1] ?? []).sort();
  if (!names.includes(name)) throw new RefusedError(`no cluster shape "${name}"; there are: ${names.join(', ')}`);
  return parse(await readFile(join(folder, `${name}.yaml`), 'utf8')) as Shape;
}

export const workersOf = (shape: Shape): number => shape.nodes.filter(({ role }) => role === 'worker').length;
