import { verdictJson } from '../../reports/json.ts';
import { type Scenario, ScenarioError } from '../model.ts';
import { requireUnset } from '../run/stop.ts';
import { type Ambient, placesOf } from './ambient.ts';
import { requireConsent } from './consent.ts';
import { load, scenarioFolder, settings, variantsOf } from './find.ts';
import { worst } from './finish.ts';
import { loaded, withMeasured } from './measured.ts';
import { provideAll } from './needs.ts';
import { type PlayOptions, play, stoppedForAll } from './play.ts';
import { type TargetOptions, targetOf } from './target.ts';

/** Plays scenarios one after another and judges their limits. All are decoded before the first one starts. */
export async function run(
  names: readonly string[],
  options: PlayOptions & { variant?: string },
  ambient: Ambient,
): Promise<number> {
  requireUnset(placesOf(ambient, options.runsDir));
  const decoded: Scenario[] = [];
  for (const name of names) decoded.push(await chosen(name, options, ambient));
  const target = targetOf(options);
  await requireConsent(decoded, target, options, ambient);
  const provided = await provideAll(decoded, target, options, ambient);
  const on = target === undefined ? {} : { on: target.provider };
  const scenarios = await withMeasured(
    decoded.map((scenario) => loaded(scenario, { ...on, set: settings(options.set) })),
    provided,
    options,
    ambient,
  );
  const codes: number[] = [];
  const verdicts: unknown[] = [];
  for (const scenario of scenarios) {
    const report = await play(scenario, 'limits', provided, options, ambient);
    codes.push(report.exitCode);
    verdicts.push(verdictJson(report));
    if (report.exitCode === 130 || stoppedForAll(report, options)) break;
  }
  if (options.json)
    ambient.out.write(`${JSON.stringify(verdicts.length === 1 ? verdicts[0] : verdicts, undefined, 2)}\n`);
  return worst(codes);
}

/** The one variant asked for; a scenario with several needs `--variant`. */
export async function chosen(
  name: string,
  options: { set: string[]; variant?: string } & TargetOptions,
  ambient: Ambient,
): Promise<Scenario> {
  const folder = await scenarioFolder(name, ambient);
  const on = targetOf(options)?.provider;
  const variants = await variantsOf(folder, on);
  if (options.variant === undefined && variants.length > 1) {
    throw new ScenarioError([
      `${name} has several variants: choose one with --variant ${variants.map((v) => v.name).join('|')}`,
    ]);
  }
  const variant = options.variant ?? variants[0]?.name;
  return load(folder, {
    ...(variant === undefined ? {} : { variant }),
    ...(on === undefined ? {} : { on }),
    set: settings(options.set),
  });
}
