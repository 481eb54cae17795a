import { readFileSync } from 'node:fs';
import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Debt, Owed } from '../model.ts';

/** Where control groups of our own can be made: below the one that this process is in, never beside or above it. */
export interface Groups {
  readonly version: 1 | 2;
  readonly parent: string;
}

type Controller = 'memory' | 'cpu';

/** The place for groups of a controller on this host, or the reason why there is none, with what helps. */
export async function controlGroups(controller: Controller): Promise<Groups | string> {
  const own = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return groupsBelow(own, mounts.split('\n'), controller);
}

/** `own` and `mounts` as /proc/self/cgroup and /proc/self/mountinfo tell them. */
export async function groupsBelow(
  own: string,
  mounts: readonly string[],
  controller: Controller,
): Promise<Groups | string> {
  const v1 = new RegExp(`^\\d+:(?:[^:\\n]*,)?${controller}(?:,[^:\\n]*)?:(.*)$`, 'm').exec(own)?.[1];
  const path = v1 ?? /^0::(.*)$/m.exec(own)?.[1];
  if (path === undefined) return 'this host has no control groups';
  const parent = folderOf(mounts, path, v1 === undefined ? undefined : controller);
  if (parent === undefined) return 'the control group file system is not mounted here';
  try {
    await access(parent, constants.W_OK);
    if (v1 !== undefined) return { version: 1, parent };
    const root = !(await isThere(join(parent, 'cgroup.type')));
    const controllers = await readFile(join(parent, 'cgroup.subtree_control'), 'utf8');
    if (root && controllers.split(/\s/).includes(controller)) return { version: 2, parent };
    const helps = root
      ? `as root, echo +${controller} > ${join(parent, 'cgroup.subtree_control')}`
      : 'be in the root group: as root of the host, echo $$ > /sys/fs/cgroup/cgroup.procs in the shell before';
    return `cgroup v2 gives no ${controller} to groups below ${parent}, where this process is (${helps})`;
  } catch (error) {
    return `${parent} cannot be written: ${(error as NodeJS.ErrnoException).code}`;
  }
}

/** The root group alone has no type: any other divides what it has among groups below it, or holds processes. */
const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

/** `v1`: the controller, where it has a hierarchy of its own. */
function folderOf(mounts: readonly string[], path: string, v1: string | undefined): string | undefined {
  for (const line of mounts) {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root = '', mountPoint = ''] = left.split(' ');
    const [type, , options = ''] = right.split(' ');
    if (v1 ? type !== 'cgroup' || !options.split(',').includes(v1) : type !== 'cgroup2') continue;
    if (root === '/') return join(mountPoint, path);
    if (path === root || path.startsWith(`${root}/`)) return join(mountPoint, path.slice(root.length));
  }
  return undefined;
}

/** The folder of one component's group. */
export const pathOf = ({ parent }: Groups, component: string, mark: string) =>
  join(parent, `ordeal-${mark}-${component}`);

export interface Memory {
  /** The folder of the component's own group. */
  readonly group?: string;
  readonly memoryLimitBytes?: number;
  /** Why there is no limit although one was asked for. */
  readonly unlimited?: string;
}

/** Makes a group for one component, owed before it is there, and limits it. Where that cannot be, says why. */
export async function confine(
  groups: Groups | string,
  component: string,
  bytes: number | undefined,
  mark: string,
  owe: (debt: Debt) => Promise<Owed>,
): Promise<Memory> {
  if (typeof groups === 'string') return bytes === undefined ? {} : { unlimited: groups };
  const path = pathOf(groups, component, mark);
  let group: string | undefined;
  try {
    const owed = await owe({ undo: 'remove-cgroup', path, mark });
    await mkdir(path);
    owed.done();
    group = path;
    return bytes === undefined ? { group } : { group, memoryLimitBytes: await limit(groups, group, bytes) };
  } catch (error) {
    return { ...(group && { group }), ...(bytes && { unlimited: String(error) }) };
  }
}

/** Limits a group; returns the limit in bytes as the kernel took it. Throws the kernel's error when it does not. */
async function limit(groups: Groups, folder: string, bytes: number): Promise<number> {
  const file = join(folder, groups.version === 1 ? 'memory.limit_in_bytes' : 'memory.max');
  await writeFile(file, String(bytes), { flag: 'r+' });
  // Else the kernel swaps instead of refusing, and the limit bites at no certain point.
  const swap =
    groups.version === 1 ? (['memory.memsw.limit_in_bytes', bytes] as const) : (['memory.swap.max', 0] as const);
  await writeFile(join(folder, swap[0]), String(swap[1]), { flag: 'r+' }).catch((error: NodeJS.ErrnoException) => {
    // Not every kernel accounts for swap.
    if (error.code !== 'ENOENT' && error.code !== 'EOPNOTSUPP') throw error;
  });
  return Number(await readFile(file, 'utf8'));
}

/** How many processes of the group the kernel's out-of-memory killer has killed. */
export function oomKills(folder: string): number {
  for (const file of ['memory.oom_control', 'memory.events']) {
    try {
      const count = /^oom_kill (\d+)$/m.exec(readFileSync(join(folder, file), 'utf8'))?.[1];
      if (count !== undefined) return Number(count);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return 0;
}
