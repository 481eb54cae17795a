import { type FaultKind, type FaultSpec, type Millis, type Node, type NodeUnit, RefusedError } from '../model.ts';
import { givenAmount, givenText } from './parameter.ts';
import { nodeFault, sign } from './targets.ts';
import { armTimer, ask, revival, startService, unitState } from './unit.ts';

/** Kills the main process of a unit (SIGKILL), again and again: systemd starts it anew each time. */
export const killUnit = (name: string, unit: NodeUnit): FaultKind => ({
  name,
  help: `${unit} is killed (SIGKILL); systemd starts it again, so it is killed again`,
  endangers: 'machine',
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
      const pause = await restartPause(node, unit, run.signal);
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
          const killing = once ? '' : await activeState(node, `${name}-kill`, run.signal);
          const least = once ? 1 : leastRestarts(seconds * 1000, givenAmount(spec, 'every') + pause);
          const real = restarts >= least && now.pid !== before.pid && (once || killing === 'active');
          return {
            real,
            detail:
              `${unit} restarted ${restarts} times in ${seconds} s (${least} or more expected, ` +
              `process ${before.pid} → ${now.pid})${once ? '' : `, killing is ${killing}`}`,
          };
        },
        end: () => owed.settle(),
      };
    },
  });

/** How long a unit may take to be up again, besides the pause that systemd makes. */
const slow: Millis = 2_000;

/** Half as often as it should have been started again, at least once; `each`: from one start to the next, but for its own slowness. */
export function leastRestarts(time: Millis, each: Millis): number {
  return Math.max(1, Math.floor(time / (each + slow) / 2));
}

/** The pause that systemd makes before it starts a unit again. */
async function restartPause(node: Node, unit: NodeUnit, signal: AbortSignal): Promise<Millis> {
  const text = await ask(node, ['systemctl', 'show', `${unit}.service`, '--property=RestartUSec'], signal);
  return timeSpan(/^RestartUSec=(.*)$/m.exec(text)?.[1] ?? '');
}

async function activeState(node: Node, service: string, signal: AbortSignal): Promise<string> {
  const text = await ask(node, ['systemctl', 'show', `${service}.service`, '--property=ActiveState'], signal);
  return /^ActiveState=(.*)$/m.exec(text)?.[1] ?? 'unknown';
}

const units: Readonly<Record<string, Millis>> = { us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** As systemd writes it: `100ms`, `1min 30s`. */
export function timeSpan(text: string): Millis {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|ms|min|s|h)\b/g)];
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 0), 0);
}
