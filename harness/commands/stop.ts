import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Millis, RefusedError } from '../model.ts';
import { readBooks } from '../run/ledger.ts';
import { whereabouts } from '../run/owner.ts';
import { type Entry, livingRuns, stopOf, whoseIs } from '../run/register.ts';
import { liftSwitch, setSwitch, switchOf } from '../run/stop.ts';
import { watchdogs } from '../run/watched.ts';
import { type Ambient, placesOf, plain } from './ambient.ts';
import type { TargetOptions } from './target.ts';
import { who } from './who.ts';

/** A run whose cluster does not answer any more tries for so long to put back what is in it. */
const within: Millis = 120_000;
const lookEvery: Millis = 20;

/**
 * Halts every run of this user on this machine and lets none begin until the switch is lifted; with `id` that run alone, with
 * nothing to lift; with a context every run in that cluster (`stopCluster`). Waits until they have put everything back. Exit 0, or 4
 * when one does not halt in time or still owes something. Throws RefusedError where there is no such run.
 */
export async function stop(
  id: string | undefined,
  { lift = false, ...where }: TargetOptions & { readonly lift?: boolean },
  ambient: Ambient,
): Promise<number> {
  if (where.context !== undefined || where.kubeconfig !== undefined) {
    if (id !== undefined) throw new RefusedError(`${id} or --context: the switch of a cluster is for all runs there`);
    const { stopCluster } = await import('./stop-cluster.ts');
    return stopCluster(where, lift, ambient);
  }
  const places = placesOf(ambient);
  if (lift) {
    if (id !== undefined) throw new RefusedError(`${id} is stopped for good: --lift is for the switch of all runs`);
    ambient.out.write(liftSwitch(switchOf(places)) ? 'lifted: runs may begin again\n' : 'the switch was not set\n');
    return 0;
  }
  if (id === undefined) {
    setSwitch(switchOf(places), who());
    ambient.out.write('the switch is set: no run begins here until ordeal stop --lift\n');
  }
  const runs = livingRuns(places).filter((run) => id === undefined || run.id === id);
  if (id !== undefined && runs.length === 0) {
    const there = livingRuns(places).map((run) => run.id);
    throw new RefusedError(
      `no run ${id} is under way here; ${there.length > 0 ? `there is ${there.join(', ')}` : 'there is none'}`,
    );
  }
  if (runs.length === 0) ambient.out.write('no run was under way\n');
  const began = performance.now();
  for (const run of runs) setSwitch(stopOf(places, run.id), who());
  const codes = await Promise.all(
    runs.map(async (run) => {
      const switched = stopOf(places, run.id);
      const struck = () => run.index !== undefined && !existsSync(run.index);
      // Its watchdog pays for a harness that died meanwhile.
      const dead = () => whereabouts(run.owner) !== 'here' && watchdogs(run.mark).length === 0;
      const halted = await until(() => !existsSync(switched) || struck() || dead(), ambient);
      // It had ended by itself, or has died, and nobody took it away.
      if (halted) liftSwitch(switched);
      const took = ((performance.now() - began) / 1000).toFixed(2);
      const wrong = halted
        ? stillOwed(run)
        : `it has not halted after ${took} s; kill -9 ${run.owner.pid} ends it, and its watchdog puts everything back`;
      if (wrong === undefined) ambient.out.write(plain(`${run.id}: halted, and everything put back, in ${took} s`));
      else ambient.err.write(plain(`${run.id}: ${wrong}`));
      return wrong === undefined ? 0 : 4;
    }),
  );
  return Math.max(0, ...codes);
}

async function until(done: () => boolean, { signal }: Ambient): Promise<boolean> {
  for (const began = performance.now(); performance.now() - began < within; ) {
    if (done()) return true;
    await sleep(lookEvery, undefined, { signal });
  }
  return false;
}

function stillOwed({ folder }: Entry): string | undefined {
  const owed = readBooks(folder, whoseIs(folder)).accounts.filter(({ settled }) => !settled);
  if (owed.length === 0) return undefined;
  return `halted, and still owes: ${owed.map(({ debt }) => debt.undo).join(', ')}; when its harness is gone, ordeal clean pays`;
}
