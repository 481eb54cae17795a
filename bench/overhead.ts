/**
 * What a run costs beyond its phases, from its folder: `node bench/overhead.ts RUNS_FOLDER`.
 * From its first event to its last report, less the phases as they were played (a phase lasts until its load has drained).
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readJournal } from '../harness/run/journal.ts';

const [root = 'runs'] = process.argv.slice(2);
for (const id of readdirSync(root).filter((id) => existsSync(join(root, id, 'report.html')))) {
  const folder = join(root, id);
  const events = readJournal(folder);
  const began = events.find((event) => event.kind === 'began');
  const ready = events.find((event) => event.kind === 'cluster');
  const phases = events.filter((event) => event.kind === 'phase');
  const [first, last] = [phases[0], phases.at(-1)];
  if (!began || !ready || !first || !last) continue;
  const whole = statSync(join(folder, 'report.html')).mtimeMs - Date.parse(began.wall);
  const seconds = (millis: number) => (millis / 1000).toFixed(1);
  const overhead = seconds(whole - (last.t - first.t));
  console.log(
    `${id}: cluster ready after ${seconds(ready.t)} s, phases ${seconds(last.t - first.t)} s, beyond them ${overhead} s`,
  );
}
