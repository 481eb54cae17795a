import { type FaultKind, RefusedError } from '../model.ts';
import { standing } from '../process.ts';
import { componentFault, componentParameter, soon, tell, toldOf } from './component.ts';

/** Clock ticks of 10 ms that its threads may still have between them, until the last one has heard of it. */
const slack = 5;

/** Its connections stay open and take what is sent until buffers are full; nobody answers, and no lease of it is renewed. */
export const pauseComponent: FaultKind = {
  name: 'pause-component',
  help: 'a process of the embedded cluster stands still (SIGSTOP) until the phase ends',
  endangers: 'control-plane',
  parameters: { component: componentParameter },
  elsewhere: true,
  make: (spec) =>
    componentFault(spec, {
      async break(subject, _cluster, run) {
        const { pid, start, name } = subject;
        const debt = { undo: 'resume-process', pid, start, mark: run.mark } as const;
        const owed = await run.ledger.owe(debt, { within: spec.deadline });
        run.signal.throwIfAborted();
        tell(subject, 'SIGSTOP');
        owed.done();
        if (!(await soon(() => standing(subject)?.stopped === true)))
          throw new RefusedError(`fault ${spec.name}: ${name} (process ${pid}) does not stop`);
        const before = standing(subject);
        toldOf(run, spec, subject, `${name} stands still`);
        return {
          async evidence() {
            const now = standing(subject);
            if (!now) return { real: false, detail: `${name} is gone` };
            if (!now.stopped) return { real: false, detail: `${name} is not stopped` };
            // Who was let go and stopped again has computed meanwhile.
            const used = now.ticks - (before?.ticks ?? Number.NaN);
            const detail = `${name} is stopped, and had ${used * 10} ms of CPU time since`;
            return { real: used <= slack, detail };
          },
          end: () => owed.settle(),
        };
      },
    }),
};
