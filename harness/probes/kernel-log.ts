import type { Clock, Node } from '../model.ts';
import type { Log } from './listener.ts';

const lifetime = 900;
/** The last record that there is; reading ends there instead of waiting. */
const last =
  "dd if=/dev/kmsg iflag=nonblock bs=16384 2>/dev/null | sed -n 's/^[0-9]*,\\([0-9]*\\),.*/\\1/p' | tail -n 1";
const sign = 'ordeal listens';

/**
 * The kernel's log from now on, by any of the nodes that share the kernel: /dev/kmsg gives all it still has and numbers its
 * records, so that after a break nothing is told twice, and what was overwritten meanwhile is known to be missing (`lost`).
 */
export function kernelLog(nodes: readonly Node[], clock: Clock, entry: (line: string) => void, lost: () => void): Log {
  let seen: number | undefined;
  let starts = 0;
  let caughtUp = false;
  return {
    node: () => nodes[Math.max(0, starts - 1) % nodes.length] as Node,
    say: `echo '${sign}'`,
    follow() {
      starts += 1;
      caughtUp = false;
      return `echo "ordeal last $(${last})"\ntimeout -s KILL ${lifetime} cat /dev/kmsg`;
    },
    take(line) {
      if (line === sign) return caughtUp ? clock.now() : undefined;
      const [, end] = /^ordeal last (\d*)$/.exec(line) ?? [];
      if (end !== undefined) {
        seen ??= Number(end || -1);
        caughtUp = seen === Number(end || -1);
        return undefined;
      }
      const [, number, text] = /^\d+,(\d+),[^;]*;(.*)$/.exec(line) ?? [];
      if (number === undefined || text === undefined) return undefined;
      const at = Number(number);
      if (seen !== undefined && at > seen) {
        if (!caughtUp && at > seen + 1) lost();
        seen = at;
        entry(text);
      }
      caughtUp = true;
      return clock.now();
    },
  };
}
