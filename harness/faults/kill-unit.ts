import { type FaultKind, type FaultSpec, type NodeUnit, RefusedError } from '../model.ts';
import { givenAmount, givenText } from './parameter.ts';
import { nodeFault, sign } from './targets.ts';
import { armTimer, ask, revival, startService, unitState } from './unit.ts';

/** Kills the main process of a unit (SIGKILL), again and again: systemd starts it anew each time. */
export const killUnit = (name: string, unit: NodeUnit): FaultKind => ({
  name,
  help: `${unit} is killed (SIGKILL); systemd starts it again, so it is killed again`,
  parameters: {
    mode: { type: 'text', help: 'kill it once, or again and again', default: 'again', oneOf: ['once', 'again'] },
    every: { type: 'duration', help: 'pause between two kills', default: 5_000, least: 500, most: 600_000 },
  },
  make: (spec) => make(spec, unit),
});

const make = (spec: FaultSpec, unit: NodeUnit) =>
  nodeFault(spec, {
    async break(node, _cluster, run) {
      const once = givenText(spec, 'mode') === 'once';
      const before = await unitState(node, unit, run.signal);
      if (before.pid === 0) throw new RefusedError(`fault ${spec.name}: ${unit} of ${node.name} does not run`);
      const owed = await run.ledger.owe({ undo: 'start-unit', node: node.ref, unit, mark: run.mark });
      const name = `ordeal-${run.mark}-${unit}`;
      // After the killing has ended by itself.
      await armTimer(node, { name, within: spec.deadline + 1_000, script: revival(unit) }, run.signal);
      const kill = ['systemctl', 'kill', '--kill-whom=main', '--signal=KILL', `${unit}.service`];
      const started = run.clock.now();
      if (once) await ask(node, kill, run.signal);
      else {
        const script = `while :; do ${kill.join(' ')}; sleep ${givenAmount(spec, 'every') / 1000}; done`;
        const killing = { name: `${name}-kill`, within: spec.deadline, command: ['/bin/sh', '-c', script] };
        await startService(node, killing, run.signal);
      }
      owed.done();
      sign(run, spec, node, `${unit} killed`);
      return {
        async evidence() {
          const now = await unitState(node, unit, run.signal);
          const restarts = now.restarts - before.restarts;
          const seconds = Math.round((run.clock.now() - started) / 1000);
          // Two at least, unless there was no time for a second one.
          const least = once || seconds * 1000 < 2 * givenAmount(spec, 'every') + 2_000 ? 1 : 2;
          const real = restarts >= least && now.pid !== before.pid;
          return {
            real,
            detail: `${unit} restarted ${restarts} times in ${seconds} s (process ${before.pid} → ${now.pid})`,
          };
        },
        end: () => owed.settle(),
      };
    },
  });
