import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { load } from '../../harness/commands/find.ts';
import { type HostState, thisHost } from '../e2e/left-behind.ts';
import { Ordeal } from '../e2e/ordeal.ts';

const preload = new URL('kill-at.mjs', import.meta.url).href;

/** What is played: a scenario's folder from the root of the tree, and a variant of it, with phases of two seconds. */
export interface Play {
  readonly scenario: string;
  readonly variant: string;
  readonly cluster: 'embedded' | 'kind';
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

/** A suite of one run: only there may phases be changed from outside. */
export async function suiteOf({ scenario, variant, cluster }: Play): Promise<string> {
  const folder = join(root, scenario);
  const { phases, faults } = await load(folder, { variant, on: cluster, set: {} });
  // A fault that begins later has its two seconds too.
  const late = (phase: string) =>
    Math.max(0, ...faults.filter(({ during }) => during === phase).map(({ after }) => after));
  const short = phases.map(({ name }) => `${name}: ${2000 + late(name)}ms`).join(', ');
  return `- scenario: ${folder}\n  variants: [${variant}]\n  cluster: ${cluster}\n  mode: run\n  change: { phases: { ${short} } }\n`;
}

/** Plays it to its end: how many lines its ledger has, and how many seconds it takes. */
export async function playWhole(play: Play): Promise<{ readonly lines: number; readonly seconds: number }> {
  const ordeal = new Ordeal();
  const began = performance.now();
  writeFileSync(join(ordeal.cwd, 'cell.yaml'), await suiteOf(play));
  const { code, out, err } = await ordeal.run('suite', 'cell.yaml', '--quiet');
  if (![0, 1, 3].includes(code)) throw new Error(`${play.scenario} cannot be played: exit ${code}\n${out}${err}`);
  const text = readFileSync(join(ordeal.folder, 'ledger.ndjson'), 'utf8');
  return { lines: text.trimEnd().split('\n').length, seconds: (performance.now() - began) / 1000 };
}

export async function playKilled(play: Play, kill: Kill): Promise<Outcome> {
  const before = thisHost();
  const both = kill.whom === 'both';
  const moment = 'line' in kill ? `${kill.when} ${kill.line}${both ? ' both' : ''}` : '';
  const ordeal = new Ordeal({ NODE_OPTIONS: `--import=${preload}`, ORDEAL_TEST_KILL: moment });
  writeFileSync(join(ordeal.cwd, 'cell.yaml'), await suiteOf(play));
  const { process: harness, ran } = ordeal.start('suite', 'cell.yaml', '--quiet');
  if ('at' in kill) {
    await Promise.race([ran, sleep(kill.at * 1000)]);
    if (ordeal.begun) ordeal.kill(harness, ...(both ? ['watchdog' as const] : []));
    else harness.kill('SIGKILL');
  }
  const { code } = await ran;
  const killed = code === -1;
  const died = performance.now();
  if (!ordeal.begun) return { residue: [], killed: false, seconds: 0 };
  // Whoever cleans is not to die.
  ordeal.env['ORDEAL_TEST_KILL'] = '';
  await ordeal.watched();
  if (both) await ordeal.run('clean');
  const residue = await leftAfter(ordeal, before, play);
  const seconds = (performance.now() - died) / 1000;
  if (residue.length === 0) rmSync(ordeal.cwd, { recursive: true, force: true });
  return { residue, killed, seconds };
}

/** What carries the run's mark, what it still owes, and what docker has more than before. */
async function leftAfter(ordeal: Ordeal, before: HostState, { cluster }: Play): Promise<readonly string[]> {
  const { out } = await ordeal.run('clean');
  const owed = out === 'nothing is owed\n' ? [] : [`clean: ${out.trim()}`];
  const marked = [...ordeal.residue(), ...owed];
  if (cluster === 'embedded') return marked;
  for (let tries = 0; tries < 30 && JSON.stringify(thisHost()) !== JSON.stringify(before); tries++) await sleep(1_000);
  const now = thisHost();
  const more = Object.entries(now).flatMap(([what, all]) =>
    all.filter((one) => !before[what]?.includes(one)).map((one) => `${what}: ${one}`),
  );
  return [...marked, ...more];
}
