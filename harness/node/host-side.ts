import { constants } from 'node:fs';
import { lstat, open, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Executed } from '../model.ts';
import { controllerOf, mostOfAFile, requireAbsolute } from './files.ts';

/**
 * A container's files as this host's kernel shows them: no process of the container has to run for it, so that a starved or
 * paused one can be read. Undefined: it cannot be looked from here (another machine's docker, no right to, a symbolic link).
 */
export interface HostSide {
  read(paths: readonly string[]): Promise<ReadonlyMap<string, string> | undefined>;
  readCgroup(names: readonly string[]): Promise<ReadonlyMap<string, string> | undefined>;
}

const within = 2000;

export function hostSide(container: string, docker: (args: readonly string[]) => Promise<Executed>): HostSide {
  let pid: string | undefined;
  /** The container's control groups by hierarchy, of a process that is the container's beyond doubt. */
  const groups = async (): Promise<ReadonlyMap<string, string> | undefined> => {
    const known = pid === undefined ? undefined : await groupsOf(pid, container);
    if (known) return known;
    const { exitCode, stdout } = await docker(['inspect', '--type', 'container', '-f', '{{.State.Pid}}', container]);
    pid = exitCode === 0 && /^[1-9]\d*\n$/.test(stdout) ? stdout.trim() : undefined;
    return pid === undefined ? undefined : groupsOf(pid, container);
  };
  return {
    async read(paths) {
      for (const path of paths) requireAbsolute(path);
      if (!(await groups())) return undefined;
      const root = `/proc/${pid}/root`;
      return bounded(async () => {
        if ((await quietly(readlink(root))) === undefined) return undefined;
        const straight = await Promise.all(paths.map((path) => hasNoLink(root, path)));
        return straight.includes(false) ? undefined : readAll(paths.map((path) => [path, [join(root, path)]]));
      });
    },
    async readCgroup(names) {
      const controllers = names.map(controllerOf);
      const found = await groups();
      if (!found) return undefined;
      const placed = names.map((name, index): [string, string[]] => {
        const folders = [found.get(controllers[index] ?? ''), found.get('')].filter((folder) => folder !== undefined);
        return [name, folders.map((folder) => join(folder, name))];
      });
      return bounded(() => readAll(placed));
    },
  };
}

/** Folders of the container's own control group by controller, '' for v2; undefined unless the process is in one named after the container. */
async function groupsOf(pid: string, container: string): Promise<ReadonlyMap<string, string> | undefined> {
  const [lines, mounts] = await Promise.all([quietly(readFile(`/proc/${pid}/cgroup`, 'utf8')), mountedHierarchies()]);
  const groups = new Map<string, string>();
  for (const line of lines?.split('\n') ?? []) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const parts = path.split('/');
    const own = parts.findIndex((part) => part.includes(container));
    if (own < 0 || parts.includes('..')) continue;
    for (const controller of controllers.split(',')) {
      const mount = mounts.get(controller);
      if (mount) groups.set(controller, join(mount, ...parts.slice(0, own + 1)));
    }
  }
  return groups.size === 0 ? undefined : groups;
}

/** Where each controller's hierarchy is mounted; '' is v2's. */
async function mountedHierarchies(): Promise<ReadonlyMap<string, string>> {
  const mounts = new Map<string, string>();
  for (const line of ((await quietly(readFile('/proc/self/mounts', 'utf8'))) ?? '').split('\n')) {
    const [, place, type, options] = line.split(' ');
    if (place === undefined || !place.startsWith('/sys/fs/cgroup')) continue;
    if (type === 'cgroup2') mounts.set('', place);
    if (type === 'cgroup') for (const option of options?.split(',') ?? []) mounts.set(option, place);
  }
  return mounts;
}

/** An absolute link in there would lead to a file of this host. */
async function hasNoLink(root: string, path: string): Promise<boolean> {
  const parts = path.split('/').filter((part) => part !== '');
  for (let depth = 1; depth <= parts.length; depth++) {
    const there = await quietly(lstat(join(root, ...parts.slice(0, depth))));
    if (there?.isSymbolicLink()) return false;
  }
  return true;
}

async function readAll(places: readonly (readonly [string, readonly string[]])[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const [name, candidates] of places) {
    for (const path of candidates) {
      const text = await quietly(readSmall(path));
      if (text === undefined) continue;
      found.set(name, text);
      break;
    }
  }
  return found;
}

async function readSmall(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    if (!(await file.stat()).isFile()) return undefined;
    const bytes = Buffer.alloc(mostOfAFile);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = (await file.read(bytes, length)).bytesRead;
    }
    return bytes.toString('utf8', 0, length);
  } finally {
    await file.close();
  }
}

/** Absent, gone meanwhile, forbidden, or not supported by this kernel (`/proc/pressure` says so only when read). */
async function quietly<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ENOTDIR', 'ESRCH', 'EACCES', 'EPERM', 'EOPNOTSUPP', 'EINVAL', 'ENODEV', 'ELOOP'].includes(code))
      return undefined;
    throw error;
  }
}

/** A file system that hangs must not hang the harness. */
function bounded<T>(work: () => Promise<T>): Promise<T | undefined> {
  return Promise.race([work(), sleep(within, undefined, { ref: false })]);
}
