import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { junitDocument } from '../../reports/junit.ts';
import {
  type Played,
  playedOf,
  type Suite,
  type SuiteRun,
  spoken,
  suiteCases,
  suiteJson,
} from '../../reports/suite.ts';
import { suiteMarkdown, suiteSummary } from '../../reports/suite-summary.ts';
import { InterruptedError, RefusedError, type Report } from '../model.ts';
import { startClock } from '../run/clock.ts';
import { isSet, requireUnset } from '../run/stop.ts';
import { type Ambient, placesOf, plain } from './ambient.ts';
import { estimated } from './estimate.ts';
import { worst } from './finish.ts';
import type { Provided } from './needs.ts';
import { type PlayOptions, play, stoppedForAll } from './play.ts';
import {
  measuredSuite,
  type PlannedRun,
  planSuite,
  provideSuite,
  refuseSuite,
  requireConsentToSuite,
  targetKey,
  targetOfRun,
} from './suite-plan.ts';

const results = ['junit.xml', 'summary.md', 'suite.json'] as const;

interface Done {
  readonly run: SuiteRun;
  /** Absent where it was not begun. */
  readonly code?: number;
  readonly phaseSeconds: number;
  /** Nothing else begins on that target. */
  readonly over?: boolean;
}

/**
 * Plays every run of a suite, one after another, whatever became of those before; writes one JUnit file, one summary and one JSON file
 * into `<runs>/suite-<name>`. Exits with the worst of its runs. Nothing is started where anything in it is wrong.
 */
export async function suite(file: string, options: Omit<PlayOptions, 'set'>, ambient: Ambient): Promise<number> {
  const clock = startClock();
  const places = placesOf(ambient, options.runsDir);
  requireUnset(places);
  const folder = join(places.runs, `suite-${nameOf(file)}`);
  clear(folder);
  const planned = await planSuite(file, options, ambient);
  await refuseSuite(planned);
  const { phases, beyond } = estimated(planned.map((run) => ({ scenario: run.scenario, target: targetOfRun(run) })));
  const tell = (text: string) => options.quiet || ambient.err.write(plain(text));
  const [all, within] = [phases + beyond, phases].map((millis) => spoken(millis / 1000));
  tell(
    `${planned.length} runs, one after another: about ${all}. That is an estimate: ${within} of phases, and what runs take beside them on 2 cores once their programs are there.`,
  );
  await requireConsentToSuite(planned, options, ambient);
  const provided = await provideSuite(planned, options, ambient);
  const runs = await measuredSuite(planned, provided, options, ambient);
  const readySeconds = clock.now() / 1000;
  const done: Done[] = [];
  const closed = new Set<string>();
  for (const [index, run] of runs.entries()) {
    const over = ambient.signal.aborted || isSet(places) || closed.has(targetKey(run));
    if (!over) tell(`\n${index + 1} of ${runs.length}: ${run.scenario.id} · ${run.scenario.variant.name}`);
    const ended = over ? unplayed(run) : await played(run, provided, options, ambient);
    if (ended.over) closed.add(targetKey(run));
    done.push(ended);
  }
  const interrupted = ambient.signal.reason instanceof InterruptedError;
  const codes = done.flatMap(({ code }) => code ?? []);
  const whole: Suite = {
    file,
    started: clock.startedAt.toISOString(),
    seconds: clock.now() / 1000,
    estimatedSeconds: (phases + beyond) / 1000,
    readySeconds,
    phaseSeconds: done.reduce((sum, { phaseSeconds }) => sum + phaseSeconds, 0),
    runs: done.map(({ run }) => run),
    interrupted,
    exitCode: codeOf(codes, { runs: runs.length, interrupted }),
  };
  return conclude(whole, folder, options, ambient);
}

/** The worst of its runs; one that was not played, though nobody interrupted it, proved nothing. */
export function codeOf(
  played: readonly number[],
  { runs, interrupted }: { readonly runs: number; readonly interrupted: boolean },
): number {
  if (interrupted) return worst([...played, 130]);
  return worst(played.length < runs ? [...played, 3] : played);
}

/** Who dies before the end must not leave the former result behind. Throws RefusedError where it cannot be removed. */
function clear(folder: string): void {
  try {
    for (const name of results) rmSync(join(folder, name), { force: true });
  } catch (error) {
    throw new RefusedError(`the results of a suite cannot be kept in ${folder}: ${(error as Error).message}`);
  }
}

async function played(
  run: PlannedRun,
  provided: ReadonlyMap<string, Provided>,
  options: Omit<PlayOptions, 'set'>,
  ambient: Ambient,
): Promise<Done> {
  const { scenario, mode, target } = run;
  const given = provided.get(targetKey(run));
  const judge = mode === 'prove' ? scenario.variant.expect : 'limits';
  try {
    if (!given) throw new Error(`nothing was provided for ${scenario.id}`);
    const { toolsDir, runsDir, quiet, json, yes, attempts } = options;
    const said = { ...(toolsDir && { toolsDir }), ...(quiet && { quiet }), ...(json && { json }), ...(yes && { yes }) };
    const report = await play(scenario, judge, given, { ...said, ...target, runsDir, attempts, set: [] }, ambient);
    const digest = playedOf(report);
    return {
      run: { ...about(run), played: digest },
      code: report.exitCode,
      phaseSeconds: phasesOf(digest.verdict) + formerPhases(report, options, ambient),
      over: stoppedForAll(report, target),
    };
  } catch (error) {
    // Whatever it was, the others are still to be played.
    const text = error instanceof Error ? error.message : String(error);
    ambient.err.write(plain(text));
    return { run: { ...about(run), error: text }, code: 3, phaseSeconds: 0 };
  }
}

const unplayed = (run: PlannedRun): Done => ({ run: about(run), phaseSeconds: 0 });

function about(run: PlannedRun): SuiteRun {
  const { scenario, mode, different } = run;
  return {
    scenario: scenario.id,
    variant: scenario.variant.name,
    mode,
    provider: targetOfRun(run).provider,
    different,
  };
}

const phasesOf = ({ phases }: Pick<Played['verdict'], 'phases'>) =>
  phases.reduce((sum, { from, to }) => sum + to - from, 0);

/** Of the runs before it that proved nothing. */
function formerPhases({ events }: Report, options: { runsDir: string }, ambient: Ambient): number {
  const former = events.find((event) => event.kind === 'began')?.former ?? [];
  return former.reduce((sum, { run }) => {
    const file = join(placesOf(ambient, options.runsDir).runs, run, 'verdict.json');
    // A report that could not be written was told of.
    return existsSync(file) ? sum + phasesOf(JSON.parse(readFileSync(file, 'utf8')) as Played['verdict']) : sum;
  }, 0);
}

/** `suites/embedded.yaml` is `embedded`. */
function nameOf(file: string): string {
  return basename(file).replace(/\.ya?ml$/, '');
}

/** What cannot be written is told after the summary, and is not green: who reads the files would find none. */
async function conclude(
  whole: Suite,
  folder: string,
  options: { readonly json?: boolean },
  ambient: Ambient,
): Promise<number> {
  const json = `${JSON.stringify(suiteJson(whole), undefined, 2)}\n`;
  const texts = {
    'junit.xml': await junitDocument(suiteCases(whole)),
    'summary.md': suiteMarkdown(whole),
    'suite.json': json,
  };
  let failed: string | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    for (const name of results) writeFileSync(join(folder, name), texts[name]);
  } catch (error) {
    failed = `the results of the suite could not be written: ${(error as Error).message}`;
  }
  const print = options.json ? ambient.err : ambient.out;
  print.write(`${suiteSummary(whole, { color: print.color, columns: print.columns, folder })}\n`);
  if (options.json) ambient.out.write(json);
  if (failed === undefined) return whole.exitCode;
  ambient.err.write(plain(failed));
  return worst([whole.exitCode, 3]);
}
