import { randomBytes } from 'node:crypto';
import type { Clock, Millis, Node } from '../model.ts';
import type { Log } from './listener.ts';
import type { LogSource } from './signatures.ts';

const units = ['kubelet', 'containerd'];
const lifetime = 900;
const beat: Millis = 2_000;
/** journald's own entry of having dropped some of a unit that said too much (SD_MESSAGE_JOURNAL_DROPPED). */
const dropped = 'a596d6fe7bfa4994828e72309e95d61e';

interface Entry {
  readonly MESSAGE?: string | readonly number[] | null;
  readonly _SYSTEMD_UNIT?: string;
  readonly UNIT?: string;
  readonly SYSLOG_IDENTIFIER?: string;
  readonly MESSAGE_ID?: string;
  readonly __CURSOR?: string;
  readonly __REALTIME_TIMESTAMP?: string;
}

export interface UnitEntry {
  readonly unit: string;
  readonly source: LogSource;
  readonly message: string;
  readonly wall: string;
}

/** What journald of a node has of the kubelet and containerd, and what systemd says of them, from now on; `lost`: what it dropped. */
export function unitLog(
  node: Node,
  clock: Clock,
  tell: (entry: UnitEntry, at: Millis) => void,
  lost: (reason: string) => void,
): Log {
  const tag = `ordeal-listening-${randomBytes(8).toString('hex')}`;
  let cursor: string | undefined;
  let skew = Number.POSITIVE_INFINITY;
  /** When it was logged, by our clock: the entry that came fastest is taken for one that came at once. */
  const ours = (wall: Millis): Millis => {
    const there = clock.fromWall(wall);
    skew = Math.min(skew, clock.now() - there);
    return Math.min(clock.now(), there + skew);
  };
  const matches = units.flatMap((unit) => [`_SYSTEMD_UNIT=${unit}.service`, '+', `UNIT=${unit}.service _PID=1`, '+']);
  const fields = 'MESSAGE,MESSAGE_ID,_SYSTEMD_UNIT,UNIT,SYSLOG_IDENTIFIER';
  return {
    node: () => node,
    beat,
    hurried: 5,
    say: () => `echo listening | systemd-cat -t ${tag}`,
    follow() {
      const from = cursor ? `--no-tail --after-cursor='${cursor}'` : '-n 0';
      return (
        `timeout -s KILL ${lifetime} journalctl -f -q --no-hostname -o json --output-fields=${fields} ${from} ` +
        `${matches.join(' ')} MESSAGE_ID=${dropped} + SYSLOG_IDENTIFIER=${tag}`
      );
    },
    take(line) {
      const parsed = entryOf(line);
      if (!parsed) return undefined;
      const { MESSAGE, MESSAGE_ID, SYSLOG_IDENTIFIER, _SYSTEMD_UNIT, UNIT, __CURSOR, __REALTIME_TIMESTAMP } = parsed;
      if (__CURSOR && /^[\w;=-]+$/.test(__CURSOR)) cursor = __CURSOR;
      const wall = Number(__REALTIME_TIMESTAMP) / 1000;
      if (!Number.isFinite(wall)) return undefined;
      const at = ours(wall);
      if (SYSLOG_IDENTIFIER === tag) return at;
      const message = typeof MESSAGE === 'string' ? MESSAGE : MESSAGE ? Buffer.from(MESSAGE).toString() : '';
      if (MESSAGE_ID === dropped) {
        if (/(?:kubelet|containerd)\.service|init\.scope/.test(message)) lost(`journald: ${message}`);
        return at;
      }
      const unit = (UNIT ?? _SYSTEMD_UNIT ?? '').replace(/\.service$/, '');
      const source = UNIT ? 'systemd' : unit === 'kubelet' ? 'kubelet' : 'containerd';
      tell({ unit, source, message, wall: new Date(wall).toISOString() }, at);
      return at;
    },
  };
}

/** A line may be cut short where the follower was killed; it is read again from the cursor. */
function entryOf(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
