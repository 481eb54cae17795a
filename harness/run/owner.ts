import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { alive, type ProcessId, thisProcess } from '../process.ts';

/** A harness: its process, and the boot, machine and process namespace in which the process's number means something. */
export interface Owner extends ProcessId {
  readonly bootId: string;
  readonly machine: string;
  readonly namespace: string;
}

export function thisHarness(): Owner {
  return {
    ...thisProcess(),
    bootId: read('/proc/sys/kernel/random/boot_id'),
    machine: `${hostname()} ${read('/etc/machine-id')}`,
    namespace: existsSync('/proc/self/ns/pid') ? readlinkSync('/proc/self/ns/pid') : '',
  };
}

/** Whether that harness runs here, is dead, or belongs to another machine or container, of which nothing can be said from here. */
export function whereabouts(owner: Owner): 'here' | 'dead' | 'elsewhere' {
  const us = thisHarness();
  if (!sameBoot(owner)) return owner.machine === us.machine ? 'dead' : 'elsewhere';
  if (owner.namespace === us.namespace) return alive(owner) ? 'here' : 'dead';
  return seenFromOutside(owner, us) ?? 'elsewhere';
}

/** Whether the same kernel runs it that runs us, in whatever container. */
export function sameBoot(owner: Owner): boolean {
  const { bootId, machine } = thisHarness();
  return owner.bootId === bootId && (bootId !== '' || owner.machine === machine);
}

/** The kernel's own number of the namespace that holds all others. */
const outermost = 'pid:[4026531836]';

/** A process of a namespace below ours is among our processes. Undefined where not all of them can be seen. */
function seenFromOutside({ namespace, start }: Owner, us: Owner): 'here' | 'dead' | undefined {
  if (namespace === '' || us.namespace === '') return undefined;
  const processes = readdirSync('/proc')
    // The first one is of our own namespace, and may not let itself be looked at.
    .filter((name) => /^\d+$/.test(name) && name !== '1')
    .map((name) => ({ pid: Number(name), of: namespaceOf(name) }));
  const inside = processes.filter(({ of }) => of === namespace);
  if (inside.some(({ pid }) => alive({ pid, start }))) return 'here';
  if (processes.some(({ of }) => of === undefined)) return undefined;
  return inside.length > 0 || us.namespace === outermost ? 'dead' : undefined;
}

/** Empty for a process that is gone; undefined where we may not look. */
function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ESRCH'].includes(code)) return '';
    if (['EACCES', 'EPERM'].includes(code)) return undefined;
    throw error;
  }
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}
