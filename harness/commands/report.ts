import { verdictJson } from '../../reports/json.ts';
import { summary } from '../../reports/terminal.ts';
import { ScenarioError } from '../model.ts';
import { findRun } from '../run/folder.ts';
import { type Ambient, placesOf } from './ambient.ts';
import { reportOf, writeReports } from './finish.ts';

/** Judges a run again and writes its reports anew; exits as the run would have. */
export async function report(
  name: string,
  options: { runsDir: string; json?: boolean },
  ambient: Ambient,
): Promise<number> {
  const places = placesOf(ambient, options.runsDir);
  const folder = findRun(places, name);
  if (folder === undefined)
    throw new ScenarioError([`no run "${name}" in ${places.runs}; expected an id, a run's folder, or "last"`]);
  const made = reportOf(folder);
  await writeReports(made, folder, ambient);
  if (options.json) ambient.out.write(`${JSON.stringify(verdictJson(made), undefined, 2)}\n`);
  else ambient.out.write(`${summary(made, { color: ambient.out.color, columns: ambient.out.columns, folder })}\n`);
  return made.exitCode;
}
