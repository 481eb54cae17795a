import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { load } from '../../harness/commands/find.ts';
import { type HostState, thisHost } from '../e2e/left-behind.ts';
import { Ordeal } from '../e2e/ordeal.ts';
import type { Theirs } from './theirs.ts';

const preload = new URL('kill-at.mjs', import.meta.url).href;

/** What is played: a scenario's folder from the root of the tree, and a variant of it, with phases of two seconds. */
export interface Play {
  readonly scenario: string;
  readonly variant: string;
  readonly cluster: 'embedded' | 'kind' | 'kubeconfig';
}

/** When the harness is killed, and who else. */
export type Kill =
  /** The line of that number, or the first that owes such an undo. */
  (
    | { readonly line: number | string; readonly when: 'before' | 'after' }
    /** Seconds after its start. */
    | { readonly at: number }
  ) & { readonly whom: 'harness' | 'both' };

export interface Outcome {
  /** What was left after the watchdog, or after `ordeal clean` where that was killed too. Empty is what it should be. */
  readonly residue: readonly string[];
  /** Whether it was killed in the middle of its run; false where it had ended, or not begun. */
  readonly killed: boolean;
  /** From its death until nothing was left. */
  readonly seconds: number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The phases of a play, in two seconds each. */
async function shortPhases({ scenario, variant, cluster }: Play): Promise<Record<string, string>> {
  const { phases, faults } = await load(join(root, scenario), { variant, on: cluster, set: {} });
  // A fault that begins later has its two seconds too.
  const late = (phase: string) =>
    Math.max(0, ...faults.filter(({ during }) => during === phase).map(({ after }) => after));
  return Object.fromEntries(phases.map(({ name }) => [name, `${2000 + late(name)}ms`]));
}

/** A suite of one run: only there may phases be changed from outside. */
export async function suiteOf(play: Play): Promise<string> {
  const { scenario, variant, cluster } = play;
  const where = cluster === 'kubeconfig' ? {} : { cluster };
  const change = { phases: await shortPhases(play) };
  return JSON.stringify([{ scenario: join(root, scenario), variants: [variant], ...where, mode: 'run', change }]);
}

/** How an ordeal in that folder plays it. */
async function argsOf(play: Play, cwd: string, theirs: Theirs | undefined): Promise<string[]> {
  writeFileSync(join(cwd, 'cell.yaml'), await suiteOf(play));
  const args = ['suite', 'cell.yaml', '--quiet'];
  if (play.cluster !== 'kubeconfig') return args;
  if (!theirs) throw new Error(`${play.scenario}: there is no cluster by kubeconfig`);
  writeFileSync(join(cwd, 'ordeal.yaml'), theirs.allowed);
  return [...args, ...theirs.args, '--yes'];
}

/** Plays it to its end: how many lines its ledger has, and how many seconds it takes. */
export async function playWhole(
  play: Play,
  theirs?: Theirs,
): Promise<{ readonly lines: number; readonly seconds: number }> {
  const ordeal = new Ordeal();
  const began = performance.now();
  const { code, out, err } = await ordeal.run(...(await argsOf(play, ordeal.cwd, theirs)));
  if (![0, 1, 3].includes(code)) throw new Error(`${play.scenario} cannot be played: exit ${code}\n${out}${err}`);
  const text = readFileSync(join(ordeal.folder, 'ledger.ndjson'), 'utf8');
  return { lines: text.trimEnd().split('\n').length, seconds: (performance.now() - began) / 1000 };
}

export async function playKilled(play: Play, kill: Kill, theirs?: Theirs): Promise<Outcome> {
  const before = thisHost();
  const both = kill.whom === 'both';
  const moment = 'line' in kill ? `${kill.when} ${kill.line}${both ? ' both' : ''}` : '';
  const ordeal = new Ordeal({ NODE_OPTIONS: `--import=${preload}`, ORDEAL_TEST_KILL: moment });
  const { process: harness, ran } = ordeal.start(...(await argsOf(play, ordeal.cwd, theirs)));
  if ('at' in kill) {
    await Promise.race([ran, sleep(kill.at * 1000)]);
    if (ordeal.begun) ordeal.kill(harness, ...(both ? ['watchdog' as const] : []));
    else harness.kill('SIGKILL');
  }
  const { code, err } = await ran;
  if (code === 2) throw new Error(`${play.scenario} was refused: ${err}`);
  const killed = code === -1;
  const died = performance.now();
  if (!ordeal.begun) return { residue: [], killed: false, seconds: 0 };
  // Whoever cleans is not to die.
  ordeal.env['ORDEAL_TEST_KILL'] = '';
  await ordeal.watched();
  if (both) await ordeal.run('clean');
  const residue = await leftAfter(ordeal, before, play, theirs);
  const seconds = (performance.now() - died) / 1000;
  if (residue.length === 0) rmSync(ordeal.cwd, { recursive: true, force: true });
  return { residue, killed, seconds };
}

/** What carries the run's mark, what it still owes, and what docker or somebody's cluster has otherwise than before. */
async function leftAfter(
  ordeal: Ordeal,
  before: HostState,
  { cluster }: Play,
  theirs: Theirs | undefined,
): Promise<readonly string[]> {
  const { out } = await ordeal.run('clean');
  const owed = out === 'nothing is owed\n' ? [] : [`clean: ${out.trim()}`];
  const marked = [...ordeal.residue(), ...owed];
  if (cluster === 'embedded') return marked;
  if (cluster === 'kubeconfig') return [...marked, ...((await theirs?.different()) ?? [])];
  for (let tries = 0; tries < 30 && JSON.stringify(thisHost()) !== JSON.stringify(before); tries++) await sleep(1_000);
  const now = thisHost();
  const more = Object.entries(now).flatMap(([what, all]) =>
    all.filter((one) => !before[what]?.includes(one)).map((one) => `${what}: ${one}`),
  );
  return [...marked, ...more];
}
