import { randomBytes } from 'node:crypto';
import {
  type Cluster,
  type Fault,
  type FaultParameter,
  type FaultSpec,
  type Link,
  RefusedError,
  type Run,
} from '../model.ts';
import { askRelay } from '../relay/ask.ts';
import type { Order, Status } from '../relay/words.ts';
import { givenText } from './parameter.ts';
import { type Evidence, unread } from './targets.ts';

export const linkParameter: FaultParameter = { type: 'text', help: 'one of `cluster.links`' };

/** The relay's counters: when the fault had just begun, and while it is in force, so many seconds later. */
export interface Counted {
  readonly before: Status;
  readonly begun: Status;
  readonly now: Status;
  readonly seconds: number;
}

/** A fault of one link. The relay ends it by itself when its deadline has come, whoever lives. */
export function linkFault(spec: FaultSpec, order: Order, evidence: (counted: Counted) => Evidence): Fault {
  const name = givenText(spec, 'link');
  return {
    name: spec.name,
    async unavailable(cluster) {
      return linkOf(cluster, name) ? undefined : `this cluster has no link ${name}`;
    },
    async inject(cluster, run) {
      const link = linkOf(cluster, name);
      if (!link) throw new RefusedError(`fault ${spec.name}: this cluster has no link ${name}`);
      const asked = { folder: link.folder, mark: run.mark };
      const before = await askRelay(asked, { ask: 'status' });
      if (before.fault) throw new RefusedError(`fault ${spec.name}: ${before.fault.what} is in force on link ${name}`);
      run.signal.throwIfAborted();
      const owed = await run.ledger.owe({ undo: 'restore-link', path: link.folder, mark: run.mark });
      const id = `${spec.name}-${randomBytes(4).toString('hex')}`;
      const begun = await askRelay(asked, { ask: 'break', id, within: spec.deadline, order });
      owed.done();
      const at = run.clock.now();
      tell(run, spec, link, begun);
      return {
        targets: [name],
        async evidence() {
          try {
            const now = await askRelay(asked, { ask: 'status' });
            if (now.fault?.id !== id) return { real: false, detail: `link ${name}: it is no longer in force` };
            const { real, detail } = evidence({ before, begun, now, seconds: (run.clock.now() - at) / 1_000 });
            return { real, detail: `link ${name}: ${detail}` };
          } catch (error) {
            return unread(error);
          }
        },
        end: () => owed.settle(),
      };
    },
  };
}

const linkOf = (cluster: Cluster, name: string): Link | undefined => cluster.links?.find((link) => link.name === name);

function tell(run: Run, spec: FaultSpec, { name, from, to }: Link, { connections, resets }: Status): void {
  const { open, stuck } = connections;
  const detail = `fault ${spec.name}, from ${from} to ${to}: ${open} connections served, ${stuck} stuck, ${resets} reset`;
  run.journal.append({ kind: 'seen', what: 'other', subject: name, detail });
}
