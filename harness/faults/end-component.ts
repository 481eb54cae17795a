import type { FaultKind } from '../model.ts';
import { alive } from '../process.ts';
import { componentFault, componentParameter, soon, tell, toldOf } from './component.ts';

/** After SIGTERM: done, or given up its lease (client-go ends with 1), or as a shell has it. Not 2, a panic of Go. */
const told: readonly (number | undefined)[] = [0, 1, 143];

/**
 * A process of the embedded cluster is ended for good: nobody starts it again. There is nothing to put back: it was the run's own, and
 * what is left of it goes with the cluster, which is owed since before it was made.
 */
export function endComponent(name: string, signal: 'SIGTERM' | 'SIGKILL'): FaultKind {
  const how = signal === 'SIGKILL' ? 'is killed (SIGKILL)' : 'is told to end (SIGTERM), and may finish what it does';
  return {
    name,
    help: `a process of the embedded cluster ${how}; it is not started again`,
    endangers: 'control-plane',
    parameters: { component: componentParameter },
    elsewhere: true,
    make: (spec) =>
      componentFault(spec, {
        async break(subject, cluster, run) {
          run.signal.throwIfAborted();
          tell(subject, signal);
          toldOf(run, spec, subject, `${subject.name} ${how}`);
          await soon(() => !alive(subject));
          return {
            async evidence() {
              if (alive(subject)) return { real: false, detail: `${subject.name} still runs` };
              // Its launcher says how it ended: who died of something else before proves nothing of this.
              const death = await cluster.death?.(subject.name);
              const { exitCode, oom = false } = death ?? {};
              const how = death?.signal ?? (exitCode === undefined ? 'in a way that nobody saw' : `exit ${exitCode}`);
              const ours = death?.signal === signal || (signal === 'SIGTERM' && told.includes(exitCode));
              return { real: ours && !oom, detail: `${subject.name} ended: ${how}${oom ? ', out of memory' : ''}` };
            },
            async end() {},
          };
        },
      }),
  };
}
