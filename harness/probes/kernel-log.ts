import { randomBytes } from 'node:crypto';
import type { Clock, Node } from '../model.ts';
import type { Log } from './listener.ts';

const lifetime = 900;
/** Of a record's priority: its facility. That of the kernel cannot be had by programs that write to /dev/kmsg. */
const facilityOf = (priority: string) => Number(priority) >> 3;
const kernel = 0;

/**
 * The kernel's log from our first sign on, by any of the nodes that share the kernel: /dev/kmsg gives all it still has and numbers
 * its records, so that after a break nothing is told twice, and what was overwritten meanwhile is known to be missing (`lost`).
 * A sign is a record of our own, so that only one who reads the log finds it; as others read it too, there are few.
 */
export function kernelLog(nodes: readonly Node[], clock: Clock, entry: (line: string) => void, lost: () => void): Log {
  const tag = `ordeal listens ${randomBytes(8).toString('hex')}`;
  let seen: number | undefined;
  let starts = 0;
  const sign = () => `${tag} ${starts}`;
  return {
    node: () => nodes[Math.max(0, starts - 1) % nodes.length] as Node,
    beat: 10_000,
    hurried: 1,
    // Of a program (1), for those who debug (7).
    say: () => `echo '<15>${sign()}' > /dev/kmsg`,
    follow() {
      starts += 1;
      return `timeout -s KILL ${lifetime} cat /dev/kmsg`;
    },
    take(line) {
      const [, priority = '', number, text] = /^(\d+),(\d+),[^;]*;(.*)$/.exec(line) ?? [];
      if (number === undefined || text === undefined) return undefined;
      const at = Number(number);
      const ours = text === sign();
      if (seen === undefined) {
        if (!ours) return undefined;
      } else if (at <= seen) {
        // What is read again; but this sign is new: another kernel has begun to count.
        if (!ours) return undefined;
        lost();
      } else if (at > seen + 1) lost();
      seen = at;
      if (ours) return clock.now();
      if (facilityOf(priority) === kernel) entry(text);
      return undefined;
    },
  };
}
