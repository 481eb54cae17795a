import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openLedger, readLedger } from '../run/ledger.ts';
import { type Entry, type Left, leftRuns, strike } from '../run/register.ts';
import { undo } from '../run/undo.ts';
import { type Ambient, placesOf, plain } from './ambient.ts';

/** Pays the debts of runs whose harness is dead. Exit 0 when nothing is owed any more, 4 when something could not be put back. */
export async function clean(options: { runsDir: string }, ambient: Ambient): Promise<number> {
  const places = placesOf(ambient, options.runsDir);
  let owing = 0;
  let paid = 0;
  for (const run of leftRuns(places)) {
    const result = await settle(run, ambient);
    paid += result.paid;
    owing += result.owing.length;
    if (result.owing.length === 0) strike(places, run.id);
    for (const complaint of result.owing) ambient.err.write(plain(`${run.id}: still owed: ${complaint}`));
  }
  if (owing + paid === 0) ambient.out.write('nothing is owed\n');
  return owing > 0 ? 4 : 0;
}

interface Settled {
  readonly paid: number;
  /** What could not be put back, and why. */
  readonly owing: readonly string[];
}

async function settle(run: Left, ambient: Ambient): Promise<Settled> {
  if (run.harness === 'unreadable') return { paid: 0, owing: [`its entry cannot be read: ${run.why}`] };
  try {
    const lost = !existsSync(run.folder);
    const before = lost ? [] : readLedger(run.folder).filter(({ settled }) => !settled);
    if (!lost && before.length === 0) return { paid: 0, owing: [] };
    if (run.harness === 'elsewhere') return { paid: 0, owing: [elsewhere(run)] };
    if (lost) return await payWithoutLedger(run, ambient);
    const unpaid = await openLedger(run.folder).payAll();
    ambient.out.write(plain(`${run.id}: put back ${before.length - unpaid.length} of ${before.length}`));
    return { paid: before.length - unpaid.length, owing: unpaid.map(({ debt, error }) => `${debt.undo}: ${error}`) };
  } catch (error) {
    return { paid: 0, owing: [error instanceof Error ? error.message : String(error)] };
  }
}

/** Somebody removed the run's folder, and its ledger with it: what remains is found by the mark. */
async function payWithoutLedger({ id, mark }: Entry, ambient: Ambient): Promise<Settled> {
  await undo({ undo: 'end-processes', mark });
  const root = '/sys/fs/cgroup';
  const groups = existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : [];
  const ours = groups.filter((path) => path.split('/').at(-1)?.includes(mark));
  for (const path of ours) await undo({ undo: 'remove-cgroup', path: join(root, path), mark });
  ambient.out.write(`${id}: its folder is gone; ended its processes and removed ${ours.length} control groups\n`);
  return { paid: 1 + ours.length, owing: [] };
}

function elsewhere({ owner, folder }: Entry): string {
  return `it belongs to another machine or container (${owner.machine.split(' ')[0]}): run ordeal clean there (${folder})`;
}
