import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

/** Whether there is a path below the run's folder. Throws where it is not below it, or a symbolic link is on the way. */
export async function isThereBelow(path: string, below: string | undefined): Promise<boolean> {
  if (below === undefined || resolve(path) !== path || !path.startsWith(`${resolve(below)}/`)) {
    throw new Error(`not ours, left alone: ${path} is not below the run's folder`);
  }
  if (!existsSync(path)) return false;
  if ((await realpath(path)) !== join(await realpath(below), relative(below, path))) {
    throw new Error(`not ours, left alone: a symbolic link leads to ${path}`);
  }
  return true;
}
