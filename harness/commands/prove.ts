import { writeProve } from '../../reports/html/prove.ts';
import { verdictJson } from '../../reports/json.ts';
import { proveSummary } from '../../reports/terminal.ts';
import { type Report, ScenarioError, type VariantSpec } from '../model.ts';
import { requireUnset } from '../run/stop.ts';
import { type Ambient, placesOf } from './ambient.ts';
import { requireConsent } from './consent.ts';
import { loadMany, scenarioFolder, settings } from './find.ts';
import { worst } from './finish.ts';
import { loaded, withMeasured } from './measured.ts';
import { provideAll } from './needs.ts';
import { type PlayOptions, play, stoppedForAll } from './play.ts';
import { targetOf } from './target.ts';

/** Each vulnerable variant must show its signature, each hardened one hold its limits. Goes on after a failure. */
export async function prove(
  name: string,
  options: PlayOptions & { variants?: string },
  ambient: Ambient,
): Promise<number> {
  requireUnset(placesOf(ambient, options.runsDir));
  const folder = await scenarioFolder(name, ambient);
  const target = targetOf(options);
  const on = target === undefined ? {} : { on: target.provider };
  const named = options.variants?.split(',').map((variant) => variant.trim());
  const set = settings(options.set);
  const { scenarios: decoded, left } = await loadMany(folder, {
    ...on,
    ...(named === undefined ? {} : { variants: named }),
    set,
  });
  if (named === undefined) tellLeft(name, left, ambient);
  if (decoded.length === 0) throw new ScenarioError([`${name} has no variants: there is nothing to prove`]);
  await requireConsent(decoded, target, options, ambient);
  const provided = await provideAll(decoded, target, options, ambient);
  const scenarios = await withMeasured(
    decoded.map((scenario) => loaded(scenario, { ...on, set })),
    provided,
    options,
    ambient,
  );
  const reports: Report[] = [];
  for (const scenario of scenarios) {
    const report = await play(scenario, scenario.variant.expect, provided, options, ambient);
    reports.push(report);
    if (report.exitCode === 130 || report.exitCode === 2 || stoppedForAll(report, options)) break;
  }
  // A fix that held against nothing known to break proves nothing.
  const shown = reports.some(({ scenario }) => scenario.variant.expect === 'signature');
  if (!shown) ambient.err.write('no vulnerable variant was played: nothing was shown broken, so nothing was proved\n');
  const code = worst([...reports.map((report) => report.exitCode), shown ? 0 : 3]);
  const page = reports.length > 1 ? await writeProve(reports, placesOf(ambient, options.runsDir).runs) : undefined;
  const print = options.json ? ambient.err : ambient.out;
  print.write(`${proveSummary(reports, { color: print.color, columns: print.columns, ...(page ? { page } : {}) })}\n`);
  if (options.json) ambient.out.write(`${JSON.stringify(reports.map(verdictJson), undefined, 2)}\n`);
  return code;
}

/** Says which variants a proof leaves out, and how they are played. */
export function tellLeft(name: string, left: readonly VariantSpec[], ambient: Ambient): void {
  for (const { name: variant, asksFor = [] } of left) {
    const asked = asksFor.map((parameter) => ` --set ${parameter}=…`).join('');
    ambient.err.write(`${variant} is left out; it is played by: ordeal run ${name} --variant ${variant}${asked}\n`);
  }
}
