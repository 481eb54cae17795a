import { type FaultKind, type FaultSpec, type NodeUnit, RefusedError } from '../model.ts';
import { nodeFault, sign } from './targets.ts';
import { armTimer, ask, revival, unitState } from './unit.ts';

/** Stops a systemd unit of the workers; a timer on each starts it again at the deadline. */
export const stopUnit = (name: string, unit: NodeUnit): FaultKind => ({
  name,
  help: `${unit} is stopped (systemctl stop) until the phase ends`,
  endangers: 'machine',
  parameters: {},
  make: (spec) => make(spec, unit),
});

const make = (spec: FaultSpec, unit: NodeUnit) =>
  nodeFault(spec, {
    async break(node, _cluster, run) {
      const before = await unitState(node, unit, run.signal);
      if (before.active !== 'active')
        throw new RefusedError(`fault ${spec.name}: ${unit} of ${node.name} is ${before.active} before it is stopped`);
      const owed = await run.ledger.owe({ undo: 'start-unit', node: node.ref, unit, mark: run.mark });
      const timer = { name: `ordeal-${run.mark}-${unit}`, within: spec.deadline, script: revival(unit) };
      await armTimer(node, timer, run.signal);
      run.signal.throwIfAborted();
      // No signal aborts it: cut off between client and node, nobody would know whether it was done.
      await ask(node, ['systemctl', 'stop', `${unit}.service`], AbortSignal.any([]));
      owed.done();
      sign(run, spec, node, `${unit} stopped`);
      return {
        async evidence() {
          const now = await unitState(node, unit, run.signal);
          const real = now.active !== 'active' && now.pid === 0 && now.enteredActive === before.enteredActive;
          const again = now.enteredActive === before.enteredActive ? '' : ', and it was started in the meantime';
          return { real, detail: `${unit} is ${now.active} (process ${before.pid} before)${again}` };
        },
        end: () => owed.settle(),
      };
    },
  });
