import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A Go module of ours, by its folder in the tree: beside the sources, or some folders up from what is published. */
export function ownModule(...path: readonly string[]): string {
  let folder = import.meta.dirname;
  for (;;) {
    const found = join(folder, ...path);
    if (existsSync(join(found, 'go.mod'))) return found;
    if (dirname(folder) === folder) throw new Error(`${path.join('/')} is missing above ${import.meta.dirname}`);
    folder = dirname(folder);
  }
}
