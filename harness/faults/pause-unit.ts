import { type FaultKind, type FaultSpec, type Node, type NodeUnit, RefusedError } from '../model.ts';
import { nodeFault, sign } from './targets.ts';
import { armTimer, ask, revival, unitState } from './unit.ts';

/** Pauses the main process of a unit (SIGSTOP): it lives, holds its connections and does nothing. */
export const pauseUnit = (name: string, unit: NodeUnit): FaultKind => ({
  name,
  help: `${unit} gets SIGSTOP: it lives and does nothing until the phase ends`,
  endangers: 'machine',
  parameters: {},
  make: (spec) => make(spec, unit),
});

const make = (spec: FaultSpec, unit: NodeUnit) =>
  nodeFault(spec, {
    async break(node, _cluster, run) {
      const before = await unitState(node, unit, run.signal);
      if (before.pid === 0) throw new RefusedError(`fault ${spec.name}: ${unit} of ${node.name} does not run`);
      const owed = await run.ledger.owe({ undo: 'start-unit', node: node.ref, unit, mark: run.mark });
      const timer = { name: `ordeal-${run.mark}-${unit}`, within: spec.deadline, script: revival(unit) };
      await armTimer(node, timer, run.signal);
      run.signal.throwIfAborted();
      const stop = ['systemctl', 'kill', '--kill-whom=main', '--signal=STOP', `${unit}.service`];
      // No signal aborts it: cut off between client and node, nobody would know whether it was done.
      await ask(node, stop, AbortSignal.any([]));
      owed.done();
      sign(run, spec, node, `${unit} paused`);
      return {
        async evidence() {
          const { pid } = await unitState(node, unit, run.signal);
          const state = await stateOf(node, pid, run.signal);
          const real = pid === before.pid && state === 'T';
          return { real, detail: `${unit} is process ${pid} (${before.pid} before) in state ${state}` };
        },
        end: () => owed.settle(),
      };
    },
  });

/** The letter of /proc/PID/stat: `T` is stopped by a signal. */
async function stateOf(node: Node, pid: number, signal: AbortSignal): Promise<string> {
  const text = await ask(node, ['cat', `/proc/${pid}/stat`], signal);
  return text.slice(text.lastIndexOf(')') + 2).charAt(0);
}
