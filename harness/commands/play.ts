import { live } from '../../reports/live.ts';
import { summary } from '../../reports/terminal.ts';
import type { Attempt, Report, Scenario } from '../model.ts';
import { session } from '../run/session.ts';
import { requireUnset } from '../run/stop.ts';
import { rulesFor, rulesOver } from '../safety/rules.ts';
import { type Ambient, placesOf, plain } from './ambient.ts';
import { reportOf, writeReports } from './finish.ts';
import type { Provided } from './needs.ts';
import { makeStage } from './stage.ts';
import { isOwn, type TargetOptions, targetFor, targetOf } from './target.ts';

export interface PlayOptions extends TargetOptions {
  readonly set: string[];
  readonly toolsDir?: string;
  readonly runsDir: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
  /** Agreed beforehand to what is done to a cluster of somebody's. */
  readonly yes?: boolean;
  /** How often a scenario is played at most until a run of it proves something. */
  readonly attempts: number;
}

/**
 * Plays one scenario, judges it, writes its reports and prints its summary. A run that was played to its end and proves nothing is played
 * again while attempts are left, and the next one names it. One in which anything judged broke never is, whatever else was missing.
 */
export async function play(
  scenario: Scenario,
  judge: 'limits' | 'signature',
  provided: Provided,
  options: PlayOptions,
  ambient: Ambient,
): Promise<Report> {
  const former: Attempt[] = [];
  for (;;) {
    const report = await once(scenario, judge, provided, { ...options, former }, ambient);
    if (former.length + 1 >= options.attempts || ambient.signal.aborted || !provedNothing(report)) return report;
    former.push({ run: report.run, reasons: report.verdict.reasons });
    const { id, variant } = scenario;
    const text = `${id} ${variant.name}: this run proved nothing; attempt ${former.length + 1} of ${options.attempts}`;
    if (!options.quiet) ambient.err.write(plain(text));
  }
}

/** By a switch that lets no other run begin there either. */
export function stoppedForAll({ events, scenario }: Report, options: TargetOptions): boolean {
  const own = isOwn(targetFor(scenario, targetOf(options)));
  return events.some(
    (event) => event.kind === 'stopped' && (event.how === 'switch' || (event.how === 'cluster' && !own)),
  );
}

function provedNothing({ exitCode, events, verdict }: Report): boolean {
  const role = verdict.judged === 'limits' ? 'limit' : 'signature';
  const broke = verdict.findings.some((finding) => finding.role === role && finding.status === 'unmet');
  const died = events.some((event) => event.kind === 'seen' && event.what === 'death');
  const completed = events.some((event) => event.kind === 'ended' && event.how === 'completed');
  return exitCode === 3 && completed && !broke && !died;
}

async function once(
  scenario: Scenario,
  judge: 'limits' | 'signature',
  provided: Provided,
  options: PlayOptions & { readonly former: readonly Attempt[] },
  ambient: Ambient,
): Promise<Report> {
  requireUnset(placesOf(ambient, options.runsDir));
  const own = isOwn(targetFor(scenario, targetOf(options)));
  const view = isolated(live(ambient.err, { quiet: options.quiet ?? false, color: ambient.err.color }), ambient);
  const ended = await session(scenario, {
    places: placesOf(ambient, options.runsDir),
    version: ambient.version,
    judge,
    former: [...options.former],
    signal: ambient.signal,
    stage: (run) => makeStage(scenario, provided, targetOf(options), run, ambient.env),
    rules: rulesOver(scenario, rulesFor(scenario, own)),
    observer: (event) => view.append(event),
  });
  view.close();
  const report = reportOf(ended.folder);
  await writeReports(report, ended.folder, ambient);
  const print = options.json ? ambient.err : ambient.out;
  print.write(`${summary(report, { color: print.color, columns: print.columns, folder: ended.folder })}\n`);
  if (report.exitCode === 2 && ended.error instanceof Error) ambient.err.write(plain(ended.error.message));
  return report;
}

/** A view that fails must not take the run with it: it is told once, and then left alone. */
function isolated(view: ReturnType<typeof live>, ambient: Ambient): ReturnType<typeof live> {
  let broken = false;
  const guard = (show: () => void) => {
    if (broken) return;
    try {
      show();
    } catch (error) {
      broken = true;
      ambient.err.write(plain(`the live view failed: ${error}`));
    }
  };
  return { append: (event) => guard(() => view.append(event)), close: () => guard(() => view.close()) };
}
