/**
 * How long a running experiment takes to halt, from the start of `ordeal stop RUN`: until its fault is reverted (a component of an
 * embedded cluster that stands still may go on, as the kernel says), and until everything is put back (the last line of its ledger).
 * `node bench/halt.ts FILE [TIMES]` plays that often (50), a run each, and adds to the file, a line a stop; then p50 and p99 of all in it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Debt } from '../harness/model.ts';
import { standing } from '../harness/process.ts';
import { readLedger } from '../harness/run/ledger.ts';

const [file = 'halt.ndjson', times = '50'] = process.argv.slice(2);
const cli = fileURLToPath(new URL('../ordeal.cjs', import.meta.url));
const scenario = fileURLToPath(new URL('../test/e2e/scenarios/stop', import.meta.url));
const givenUp = 120_000;

interface Halt {
  /** Seconds. */
  readonly reverted: number;
  readonly putBack: number;
  /** What the run itself was told and said: from the switch to the abort. */
  readonly heard: number;
}

function start(cwd: string, ...args: string[]): { process: ChildProcess; code: Promise<number | null> } {
  const env = { ...process.env, XDG_STATE_HOME: join(cwd, 'state') };
  const child = spawn(process.execPath, [cli, ...args], { cwd, env, stdio: 'ignore' });
  return { process: child, code: new Promise((resolve) => child.once('exit', resolve)) };
}

async function until<T>(look: () => T | undefined, every: number): Promise<T> {
  for (const began = performance.now(); performance.now() - began < givenUp; await sleep(every)) {
    const found = look();
    if (found !== undefined) return found;
  }
  throw new Error(`nothing of that within ${givenUp / 1000} s`);
}

const journalOf = (folder: string) => readFileSync(join(folder, 'journal.ndjson'), 'utf8');

function faultIn(runs: string): { folder: string; debt: Debt & { undo: 'resume-process' } } | undefined {
  const [id] = existsSync(runs) ? readdirSync(runs) : [];
  const folder = join(runs, id ?? '');
  if (id === undefined || !existsSync(join(folder, 'journal.ndjson'))) return undefined;
  if (!journalOf(folder).includes('"kind":"injected"')) return undefined;
  const debt = readLedger(folder).find((account) => account.debt.undo === 'resume-process')?.debt;
  return debt?.undo === 'resume-process' ? { folder, debt } : undefined;
}

async function halt(): Promise<Halt> {
  const cwd = mkdtempSync(join(tmpdir(), 'ordeal-halt-'));
  const run = start(cwd, 'run', scenario, '--variant', 'paused', '--quiet');
  running = run.process;
  try {
    const { folder, debt } = await until(() => {
      if (run.process.exitCode !== null) throw new Error(`the run ended by itself, with ${run.process.exitCode}`);
      return faultIn(join(cwd, 'runs'));
    }, 100);
    await sleep(500 + Math.random() * 1_000);
    if (!standing(debt)?.stopped) throw new Error('the fault is not in force');
    const told = Date.now();
    const stop = start(cwd, 'stop', basename(folder));
    await until(() => standing(debt)?.stopped !== true || undefined, 5);
    const reverted = (Date.now() - told) / 1000;
    const codes = await Promise.all([stop.code, run.code]);
    if (codes.join() !== '0,3') throw new Error(`ordeal stop exits ${codes[0]}, the run ${codes[1]}`);
    if (!readLedger(folder).every(({ settled }) => settled)) throw new Error('not everything was put back');
    const last = readFileSync(join(folder, 'ledger.ndjson'), 'utf8').trimEnd().split('\n').at(-1) ?? '';
    const stopped = /\{[^\n]*"kind":"stopped"[^\n]*\}/.exec(journalOf(folder))?.[0] ?? '{}';
    const { set, halted } = JSON.parse(stopped) as { set: string; halted: string };
    const { wall } = JSON.parse(last) as { wall: string };
    return {
      reverted,
      putBack: (Date.parse(wall) - told) / 1000,
      heard: (Date.parse(halted) - Date.parse(set)) / 1000,
    };
  } finally {
    // The run of a stop that failed puts itself back.
    run.process.kill('SIGINT');
    await run.code;
    rmSync(cwd, { recursive: true, force: true });
  }
}

let running: ChildProcess | undefined;
// It puts back what it did, and the rest of this fails then.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => running?.kill('SIGINT'));

for (let time = 1; time <= Number(times); time++) {
  const found = await halt();
  appendFileSync(file, `${JSON.stringify(found)}\n`);
  console.log(
    `${time}: reverted after ${found.reverted.toFixed(2)} s, all put back after ${found.putBack.toFixed(2)} s`,
  );
}
const all = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Halt);
const quantile = (key: keyof Halt, q: number) =>
  (all.map((one) => one[key]).sort((one, other) => one - other)[Math.ceil(q * all.length) - 1] ?? 0).toFixed(2);
for (const [key, what] of [
  ['heard', 'from the switch until the run halts'],
  ['reverted', 'from ordeal stop until the fault is reverted'],
  ['putBack', 'from ordeal stop until everything is put back'],
] as const)
  console.log(`${what}: p50 ${quantile(key, 0.5)} s, p99 ${quantile(key, 0.99)} s, of ${all.length} stops`);
