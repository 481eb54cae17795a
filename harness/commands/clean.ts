import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { docker, dockerUnavailable, noClient } from '../docker.ts';
import { hurry } from '../run/arm.ts';
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

/** Milliseconds that a process which waits to pay later has to look into the ledger, and to pay. */
const lookWithin = 10_000;
const payWithin = 120_000;

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
    const unpaid = await openLedger(run.folder, { env: ambient.env }).payAll();
    // They see that it is settled, or try once more.
    await hurry(run.mark, lookWithin);
    ambient.out.write(plain(`${run.id}: put back ${before.length - unpaid.length} of ${before.length}`));
    return { paid: before.length - unpaid.length, owing: unpaid.map(({ debt, error }) => `${debt.undo}: ${error}`) };
  } catch (error) {
    return { paid: 0, owing: [error instanceof Error ? error.message : String(error)] };
  }
}

/**
 * Somebody removed the run's folder, and its ledger with it: what remains is found by the mark. What was done to nodes that are not
 * ours is known only to those that wait to put it back.
 */
async function payWithoutLedger({ id, mark }: Entry, ambient: Ambient): Promise<Settled> {
  const clients = { env: ambient.env };
  await undo({ undo: 'end-processes', mark });
  const left = await hurry(mark, payWithin);
  const owing = left.map((pid) => `process ${pid} still tries to pay what its command line says`);
  const unavailable = await dockerUnavailable(clients);
  const networks = unavailable === undefined ? await removeFromDocker(mark, clients) : 0;
  if (unavailable !== undefined && unavailable !== noClient) {
    owing.push(`its containers and networks, if there are any with mark ${mark}: ${unavailable}`);
  }
  const groups = groupsNamed(mark);
  const ours = groups.filter((path) => !ofAContainer.test(path));
  for (const path of ours) await undo({ undo: 'remove-cgroup', path, mark });
  for (const path of groups.filter((group) => ofAContainer.test(group))) {
    owing.push(`a unit of a node that is not ours still runs, until its own timer ends it: ${path}`);
  }
  const docked = unavailable === undefined ? ', its containers' : '';
  ambient.out.write(
    `${id}: its folder is gone; ended its processes${docked} and removed ${ours.length + networks} control groups and networks\n`,
  );
  return { paid: 1 + ours.length + networks, owing };
}

/** Below a container's control group is what its own systemd made. */
const ofAContainer = /[0-9a-f]{64}.*\//;

/** Control groups whose name holds the mark. Others come and go meanwhile. */
function groupsNamed(mark: string, folder = '/sys/fs/cgroup'): string[] {
  return foldersIn(folder).flatMap((name) => {
    const path = join(folder, name);
    return [...groupsNamed(mark, path), ...(name.includes(mark) ? [path] : [])];
  });
}

function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

async function removeFromDocker(mark: string, clients: Pick<Ambient, 'env'>): Promise<number> {
  await undo({ undo: 'remove-containers', mark }, clients);
  const listed = await docker(['network', 'ls', '--format', '{{.Name}}', '--filter', `name=${mark}`], clients);
  const names = listed.split('\n').filter((name) => name.includes(mark));
  for (const name of names) await undo({ undo: 'remove-network', name, mark }, clients);
  return names.length;
}

function elsewhere({ owner, folder }: Entry): string {
  return `it belongs to another machine or container (${owner.machine.split(' ')[0]}): run ordeal clean there (${folder})`;
}
