import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Debt, type Owed, RefusedError } from '../model.ts';
import { confine, controlGroups, type Memory, pathOf } from './memory.ts';

export interface Asked {
  readonly name: string;
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
}

export interface Limits extends Memory {
  /** The folder of its group for CPU time; with cgroup v2 the one that it has for memory. */
  readonly cpuGroup?: string;
  /** As the kernel took it. */
  readonly cpus?: number;
}

/** Why the CPU time of what asks for it cannot be limited on this host; undefined when it can, or nothing asks. */
export async function cpuRefusal(all: readonly Asked[]): Promise<string | undefined> {
  const names = all.flatMap(({ name, cpus }) => (cpus === undefined ? [] : [name]));
  const groups = names.length === 0 ? undefined : await controlGroups('cpu');
  return typeof groups === 'string' ? `the CPU time of ${names.join(', ')} cannot be limited: ${groups}` : undefined;
}

type Owe = (debt: Debt) => Promise<Owed>;

const PERIOD = 100_000;

/**
 * Makes control groups, owed before they are there, and limits them. Where memory cannot be limited the limits say why;
 * throws `RefusedError` where CPU time cannot be: what was to be overloaded would not be.
 */
export async function limitAll(all: readonly Asked[], mark: string, owe: Owe): Promise<Map<string, Limits>> {
  const groups = await controlGroups('memory');
  const limits = new Map<string, Limits>();
  for (const { name, memoryBytes, cpus } of all) {
    const memory = await confine(groups, name, memoryBytes, mark, owe);
    limits.set(name, cpus === undefined ? memory : { ...memory, ...(await limitCpu(name, cpus, mark, owe)) });
  }
  return limits;
}

async function limitCpu(component: string, cpus: number, mark: string, owe: Owe): Promise<Partial<Limits>> {
  const groups = await controlGroups('cpu');
  if (typeof groups === 'string') throw new RefusedError(`the CPU time of ${component} cannot be limited: ${groups}`);
  const folder = pathOf(groups, component, mark);
  const quota = Math.round(cpus * PERIOD);
  try {
    const owed = await owe({ undo: 'remove-cgroup', path: folder, mark });
    await mkdir(folder, { recursive: true });
    owed.done();
    const write = (file: string, text: string) => writeFile(join(folder, file), text, { flag: 'r+' });
    if (groups.version === 2) await write('cpu.max', `${quota} ${PERIOD}`);
    else {
      await write('cpu.cfs_period_us', String(PERIOD));
      await write('cpu.cfs_quota_us', String(quota));
    }
    const took = await readFile(join(folder, groups.version === 2 ? 'cpu.max' : 'cpu.cfs_quota_us'), 'utf8');
    return { cpuGroup: folder, cpus: Number.parseInt(took, 10) / PERIOD };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RefusedError(`the CPU time of ${component} cannot be limited: ${why}`, { cause: error });
  }
}
