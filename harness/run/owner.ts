import { existsSync, readFileSync, readlinkSync } from 'node:fs';
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
  if (owner.machine !== us.machine) return 'elsewhere';
  if (owner.bootId !== us.bootId) return 'dead';
  if (owner.namespace !== us.namespace) return 'elsewhere';
  return alive(owner) ? 'here' : 'dead';
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}
