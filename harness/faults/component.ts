import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Cluster,
  type ComponentName,
  type Fault,
  type FaultParameter,
  type FaultSpec,
  type Injected,
  type Millis,
  RefusedError,
  type Run,
} from '../model.ts';
import { alive, type ProcessId } from '../process.ts';
import { givenText } from './parameter.ts';
import { type Broken, unread } from './targets.ts';

/** The kernel does at once what it is told; a busy host may be late to show it. */
const within: Millis = 5_000;
const look: Millis = 10;

const names: readonly ComponentName[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok-controller',
];

/** The only thing that every fault of a component must be told. */
export const componentParameter: FaultParameter = { type: 'text', help: 'a process of the cluster', oneOf: names };

/** A process of the cluster, which is of this run: it carries its mark. */
export interface Subject extends ProcessId {
  readonly name: string;
}

/** A fault whose target is one process of an embedded cluster. `break` owes the undo, then does the deed. */
export function componentFault(
  spec: FaultSpec,
  fault: { break(subject: Subject, cluster: Cluster, run: Run): Promise<Broken> },
): Fault {
  const name = givenText(spec, 'component');
  return {
    name: spec.name,
    async unavailable(cluster) {
      const found = subjectOf(cluster, name);
      return typeof found === 'string' ? found : undefined;
    },
    async inject(cluster, run): Promise<Injected> {
      const found = subjectOf(cluster, name);
      if (typeof found === 'string') throw new RefusedError(`fault ${spec.name}: ${found}`);
      if (!alive(found)) throw new RefusedError(`fault ${spec.name}: ${name} (process ${found.pid}) is gone already`);
      const { evidence, end } = await fault.break(found, cluster, run);
      return {
        targets: [name],
        evidence: () => evidence().catch(unread),
        end,
      };
    },
  };
}

function subjectOf(cluster: Cluster, name: string): Subject | string {
  if (!cluster.components) return 'the processes of this cluster are none of ours';
  const found = cluster.components.find((one) => one.name === name);
  if (found?.start === undefined) return `this cluster has no ${name}`;
  return { name, pid: found.pid, start: found.start };
}

/** Tells a process something, if it is still the one that was meant. */
export function tell({ name, ...process_ }: Subject, signal: NodeJS.Signals): void {
  if (!alive(process_)) throw new RefusedError(`${name} (process ${process_.pid}) is gone`);
  process.kill(process_.pid, signal);
}

/** Whether it became so in time. */
export async function soon(is: () => boolean): Promise<boolean> {
  for (const until = performance.now() + within; !is(); await sleep(look)) if (performance.now() > until) return is();
  return true;
}

/** What was done, for the run's timeline. */
export function toldOf(run: Run, spec: FaultSpec, subject: Subject, what: string): void {
  const detail = `fault ${spec.name}: ${what}`;
  run.journal.append({ kind: 'seen', what: 'other', subject: subject.name, detail, labels: { fault: spec.fault } });
}
