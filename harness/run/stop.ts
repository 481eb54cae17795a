import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Millis, RefusedError, type Stopped } from '../model.ts';
import type { Places } from './folder.ts';
import { stopOf } from './register.ts';

/**
 * The kill switch of one user on one machine: a file beside the index of runs, which halts every run and lets none begin; and one
 * beside a run's entry in the index, which halts that run and goes with it. Whatever lies there counts, even if it says nothing.
 */

const lookEvery: Millis = 100;
const longest = 200;

export const switchOf = ({ state }: Pick<Places, 'state'>): string => join(dirname(state), 'stop');

/** On disk when it returns. A switch that is set already keeps who set it, and when. */
export function setSwitch(path: string, by: string): void {
  if (read(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(`${path}.new`, 'w', 0o600);
  writeSync(file, JSON.stringify({ by, set: new Date().toISOString() }));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}

/** Whether it was set. */
export function liftSwitch(path: string): boolean {
  const set = read(path) !== undefined;
  rmSync(path, { force: true, recursive: true });
  return set;
}

export const isSet = (places: Pick<Places, 'state'>): boolean => read(switchOf(places)) !== undefined;

/** Throws RefusedError while the switch for all runs is set. */
export function requireUnset(places: Pick<Places, 'state'>): void {
  const set = read(switchOf(places));
  if (set) throw new RefusedError(`the switch is set (${told(set)}): no run begins here until ordeal stop --lift`);
}

/** Looks ten times a second whether the run is to halt. */
export function lookForSwitch(places: Places, id: string, halt: (why: Stopped) => void): NodeJS.Timeout {
  return setInterval(() => {
    // Who sets both sets that of all runs first.
    const alone = read(stopOf(places, id));
    const all = read(switchOf(places));
    const set = all ?? alone;
    if (set) halt({ how: all ? 'switch' : 'run', why: told(set), ...set });
  }, lookEvery);
}

/** The run has halted, and has put back what it could: whoever waits for that may go. */
export function answered(places: Places, id: string): void {
  rmSync(stopOf(places, id), { force: true });
}

interface Set {
  readonly by?: string;
  readonly set?: string;
}

const told = ({ by, set }: Set) => `ordeal stop by ${by ?? 'somebody'}${set === undefined ? '' : ` at ${set}`}`;

/** Undefined only where there is nothing. */
function read(path: string): Set | undefined {
  try {
    // A pipe would never be read to its end.
    if (!lstatSync(path).isFile()) return {};
    const { by, set } = JSON.parse(readFileSync(path, 'utf8')) as { by?: unknown; set?: unknown };
    return { ...text('by', by), ...text('set', set) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : {};
  }
}

const text = <Key extends string>(key: Key, value: unknown) =>
  (typeof value === 'string' ? { [key]: value.replaceAll(/\s+/g, ' ').slice(0, longest) } : {}) as Partial<
    Record<Key, string>
  >;
