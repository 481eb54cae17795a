/**
 * What a run costs beyond its phases, from its folder: `node bench/overhead.ts RUNS`.
 * From its first event to its last report, less the phases as they were played (a phase lasts until its load has drained).
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readJournal } from '../harness/run/journal.ts';

const [root = 'runs'] = process.argv.slice(2);
const seconds = (millis: number) => (millis / 1000).toFixed(1);
const all: { readonly provider: string; readonly ready: number; readonly beyond: number; readonly whole: number }[] =
  [];
for (const id of readdirSync(root).filter((id) => existsSync(join(root, id, 'report.html')))) {
  const folder = join(root, id);
  const events = readJournal(folder);
  const began = events.find((event) => event.kind === 'began');
  const ready = events.find((event) => event.kind === 'cluster');
  const phases = events.filter((event) => event.kind === 'phase');
  const ended = events.findLast((event) => event.kind === 'ended');
  const [first, last] = [phases[0], phases.at(-1)];
  if (!began || !ready || !first || !last || ended?.how !== 'completed') continue;
  const whole = statSync(join(folder, 'report.html')).mtimeMs - Date.parse(began.wall);
  const beyond = whole - (last.t - first.t);
  all.push({ provider: ready.provider, ready: ready.t, beyond, whole });
  const settled = ended.t - last.t;
  console.log(
    `${id}: cluster ready after ${seconds(ready.t)} s, probes after ${seconds(first.t - ready.t)} s more, phases ${seconds(last.t - first.t)} s, settling and logs ${seconds(settled)} s, putting back and reports ${seconds(whole - ended.t)} s, beyond phases ${seconds(beyond)} s`,
  );
}
const range = (values: readonly number[]) => `${seconds(Math.min(...values))} … ${seconds(Math.max(...values))} s`;
const sum = (values: readonly number[]) => values.reduce((one, other) => one + other, 0);
for (const [provider, runs] of Map.groupBy(all, (run) => run.provider)) {
  const share = sum(runs.map(({ beyond }) => beyond)) / sum(runs.map(({ whole }) => whole));
  console.log(
    `${provider}, ${runs.length} runs: cluster ready after ${range(runs.map(({ ready }) => ready))}, beyond phases ${range(runs.map(({ beyond }) => beyond))}, ${(share * 100).toFixed(0)} % of the whole`,
  );
}
