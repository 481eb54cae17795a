import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Millis, RefusedError } from '../model.ts';
import { hurry } from '../run/arm.ts';
import type { Places } from '../run/folder.ts';
import { openLedger, readBooks } from '../run/ledger.ts';
import { sameBoot } from '../run/owner.ts';
import { type Left, leftRuns, strike } from '../run/register.ts';
import { relieve } from '../run/watched.ts';
import { type Ambient, placesOf, plain } from './ambient.ts';
import { contextOf, targetOf } from './target.ts';

export interface CleanOptions {
  readonly runsDir: string;
  /** Ids of runs for which the user vouches: their folder may be believed, their harness's container is gone. */
  readonly takeOver?: readonly string[];
  /** A cluster whose own books are looked into too. */
  readonly context?: string;
  readonly kubeconfig?: string;
}

/**
 * Pays the debts of runs whose harness is dead. Exit 0 when nothing is owed any more, 4 when something could not be put back. Throws
 * `RefusedError` when it is to take over what nobody left.
 */
export async function clean({ runsDir, takeOver = [], ...where }: CleanOptions, ambient: Ambient): Promise<number> {
  const places = placesOf(ambient, runsDir);
  const runs = leftRuns(places);
  const unknown = takeOver.filter((id) => !runs.some((run) => run.id === id));
  if (unknown.length > 0) throw new RefusedError(`no run was left behind that is called ${unknown.join(', ')}`);
  let owing = 0;
  let paid = 0;
  for (const run of runs) {
    const result = await settle(run, takeOver.includes(run.id), places, ambient);
    paid += result.paid;
    owing += result.owing.length;
    if (result.owing.length === 0) strike(places, run.id);
    for (const complaint of result.owing) ambient.err.write(plain(`${run.id}: still owed: ${complaint}`));
  }
  const target = targetOf(where);
  if (target !== undefined) {
    const { cleanCluster } = await import('./clean-cluster.ts');
    const there = await cleanCluster(contextOf(target), ambient).catch((error: unknown) => {
      if (owing === 0) throw error;
      ambient.err.write(plain(`${error instanceof Error ? error.message : error}`));
      return { paid: 0, owing: 0 };
    });
    paid += there.paid;
    owing += there.owing;
  }
  if (owing + paid === 0) ambient.out.write('nothing is owed\n');
  return owing > 0 ? 4 : 0;
}

/** That a process which waits to pay later has to look into the ledger. */
const lookWithin: Millis = 10_000;
/** That a watchdog has to finish what it is putting back. */
const finishWithin: Millis = 120_000;
/** A harness that lives writes its clock into the journal every second. */
const silence: Millis = 15_000;

interface Settled {
  readonly paid: number;
  /** What could not be put back, and why. */
  readonly owing: readonly string[];
}

async function settle(run: Left, takenOver: boolean, places: Places, ambient: Ambient): Promise<Settled> {
  if (run.harness === 'unreadable') return { paid: 0, owing: [`its entry cannot be read: ${run.why}`] };
  const { folder, whose } = run;
  try {
    const paying = run.harness === 'dead' ? await relieve(run.mark, finishWithin) : [];
    if (paying.length > 0)
      return { paid: 0, owing: [`its watchdog (process ${paying.join(', ')}) is still putting something back`] };
    const lost = !existsSync(folder);
    const index = join(places.state, run.id);
    // Its watchdog has paid meanwhile, and struck it out.
    if (lost && whose.kept !== undefined && !existsSync(index)) return { paid: 0, owing: [] };
    if (lost && !existsSync(whose.kept ?? folder)) {
      const what = `its folder and its ledger are lost; look for what carries the mark ${run.mark}, then remove ${index}`;
      return { paid: 0, owing: [what] };
    }
    const { accounts, unreadable } = readBooks(folder, whose);
    const before = accounts.filter(({ settled }) => !settled);
    if (before.length + unreadable.length === 0) return { paid: 0, owing: [] };
    const bar = barTo(run, takenOver);
    if (bar !== undefined) return { paid: 0, owing: [bar] };
    const unpaid = await openLedger(folder, { env: ambient.env }, whose).payAll();
    // They see that it is settled, or try once more.
    await hurry(run.mark, lookWithin);
    const paid = before.length - unpaid.filter(({ debt }) => debt).length;
    ambient.out.write(plain(`${run.id}: ${lost ? 'its folder is gone; ' : ''}put back ${paid} of ${before.length}`));
    return { paid, owing: unpaid.map(({ debt, error }) => (debt ? `${debt.undo}: ${error}` : `${error}`)) };
  } catch (error) {
    return { paid: 0, owing: [error instanceof Error ? error.message : String(error)] };
  }
}

/** Why its debts are not ours to pay. */
function barTo(run: Exclude<Left, { harness: 'unreadable' }>, takenOver: boolean): string | undefined {
  const { id, owner, folder, whose } = run;
  const vouch = `ordeal clean --take-over ${id}`;
  if (run.harness === 'elsewhere') {
    const host = owner.machine.split(' ')[0];
    if (!sameBoot(owner))
      return `it belongs to another machine or container (${host}): run ordeal clean there (${folder})`;
    if (!takenOver) {
      return `it belongs to another container of this machine (${host}): run ordeal clean there, or, when that is gone, ${vouch}`;
    }
    const journal = join(folder, 'journal.ndjson');
    if (existsSync(journal) && Date.now() - statSync(journal).mtimeMs < silence) {
      return `its harness lives in another container (${host}): its journal grows`;
    }
  }
  if (whose.foreign && !takenOver) {
    return `only ${folder} says so, and the index of this user does not know that run: if you trust that folder, ${vouch}`;
  }
  return undefined;
}
