import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { type Host, RefusedError } from '../model.ts';
import { thisHarness } from './owner.ts';
import { enter } from './register.ts';

/** Where runs are kept: `runs` holds their folders, `state` an index of those that may still owe something. */
export interface Places {
  readonly runs: string;
  readonly state: string;
}

export interface RunFolder {
  readonly id: string;
  readonly folder: string;
  readonly mark: string;
}

/** Makes `<runs>/<id>/` and enters it in the index, owned by this process, before anything can be owed. */
export function makeRunFolder(places: Places, name: string): RunFolder {
  const mark = randomBytes(8).toString('hex');
  const id = `${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')}-${name}-${mark.slice(0, 4)}`;
  const folder = resolve(places.runs, id);
  try {
    mkdirSync(folder, { recursive: true });
    mkdirSync(join(folder, 'logs'), { mode: 0o700 });
  } catch (error) {
    throw new RefusedError(`runs cannot be kept in ${places.runs}: ${(error as Error).message}`, { cause: error });
  }
  enter(places, { id, folder, mark, owner: thisHarness() });
  return { id, folder, mark };
}

/** A run's folder by its path, by its id, or `last`. Undefined where there is none. */
export function findRun(places: Places, name: string): string | undefined {
  if (existsSync(join(name, 'journal.ndjson'))) return resolve(name);
  if (name.includes('/') || !existsSync(places.runs) || !statSync(places.runs).isDirectory()) return undefined;
  const ids = readdirSync(places.runs).filter((id) => existsSync(join(places.runs, id, 'journal.ndjson')));
  const id = name === 'last' ? ids.sort().at(-1) : ids.find((candidate) => candidate === name);
  return id === undefined ? undefined : resolve(places.runs, id);
}

export function thisHost(): Host {
  return {
    os: `${platform()} ${arch()}`,
    kernel: release(),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    node: process.version,
  };
}
