/** A suite of runs as data, for all that is written of it. */
import type { Report } from '../harness/model.ts';
import { type VerdictFile, verdictJson } from './json.ts';
import { type TestSuite, testSuite } from './junit.ts';
import type { Tone } from './story.ts';

/** What is kept of a run when it is over: its events would not all fit into memory. */
export interface Played {
  readonly verdict: VerdictFile;
  readonly cases: TestSuite;
}

export interface SuiteRun {
  readonly scenario: string;
  readonly variant: string;
  readonly mode: 'prove' | 'run';
  readonly provider: string;
  /** What sets it apart from a plain run: `pods=500, phases changed`; empty where nothing does. */
  readonly different: string;
  /** Absent where it was not played to an end that can be judged. */
  readonly played?: Played;
  /** Why there is nothing to judge although it was begun. */
  readonly error?: string;
}

export interface Suite {
  /** Its file, as it was named. */
  readonly file: string;
  /** Wall time, ISO 8601. */
  readonly started: string;
  readonly seconds: number;
  readonly estimatedSeconds: number;
  /** Before the first run: its programs were made ready. */
  readonly readySeconds: number;
  /** Within the phases of the scenarios, as they were played; of runs that were played again too. */
  readonly phaseSeconds: number;
  readonly runs: readonly SuiteRun[];
  readonly interrupted: boolean;
  readonly exitCode: number;
}

export function playedOf(report: Report): Played {
  return { verdict: verdictJson(report), cases: testSuite(report) };
}

export interface SuiteOutcome {
  readonly tone: Tone;
  readonly claim: string;
  readonly why: string;
}

/** One run of a suite in words. */
export function outcomeIn({ played, error }: SuiteRun, { interrupted }: Pick<Suite, 'interrupted'>): SuiteOutcome {
  if (error !== undefined) return { tone: 'void', claim: 'this run proves nothing', why: error };
  if (played === undefined)
    return { tone: 'plain', claim: 'not played', why: interrupted ? 'The suite was interrupted.' : 'The suite ended.' };
  const { status, claim, why, owed, residue } = played.verdict;
  const left = owed.filter(({ settled }) => !settled).length;
  if (left > 0) return { tone: 'bad', claim: `${claim}; ${left} of ${owed.length} changes were not put back`, why };
  if (residue?.dirty) return { tone: 'bad', claim: `${claim}; the cluster was not left as it was`, why };
  return { tone: status === 'passed' ? 'good' : status === 'failed' ? 'bad' : 'void', claim, why };
}

/** `3 of 4 runs did what was expected of them; 1 was not played.` */
export function countIn(suite: Suite): string {
  const tones = suite.runs.map((run) => outcomeIn(run, suite).tone);
  const good = tones.filter((tone) => tone === 'good').length;
  const unplayed = tones.filter((tone) => tone === 'plain').length;
  const was = unplayed === 1 ? 'was' : 'were';
  return `${good} of ${tones.length} runs did what was expected of them${unplayed > 0 ? `; ${unplayed} ${was} not played` : ''}.`;
}

export interface Spent {
  readonly outsideSeconds: number;
  /** Of the whole: 0 to 1. */
  readonly outsideShare: number;
}

/** The time outside the scenarios' own phases: making tools and clusters ready, settling, putting back, reports. */
export function spentIn({ seconds, phaseSeconds }: Pick<Suite, 'seconds' | 'phaseSeconds'>): Spent {
  const outsideSeconds = Math.max(0, seconds - phaseSeconds);
  return { outsideSeconds, outsideShare: seconds > 0 ? outsideSeconds / seconds : 0 };
}

/** `It took 9 min 3 s (about 9 min were estimated); outside the scenarios' own phases 52 s, 10 % of it (2 s of them before the first run).` */
export function timesIn(suite: Suite): string {
  const { outsideSeconds, outsideShare } = spentIn(suite);
  const share = `${Math.round(outsideShare * 100)} %`;
  return `It took ${spoken(suite.seconds)} (about ${spoken(suite.estimatedSeconds)} were estimated); outside the scenarios' own phases ${outsideSeconds.toFixed(0)} s, ${share} of it (${suite.readySeconds.toFixed(0)} s of them before the first run).`;
}

/** `42 s`, `9 min 3 s`, `2 h 5 min`. */
export function spoken(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  if (minutes < 60) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What `--json` prints and suite.json holds. Fields are only ever added; `format` changes if one goes. */
export function suiteJson(suite: Suite) {
  const { runs, ...rest } = suite;
  return {
    format: 1,
    ...rest,
    ...spentIn(suite),
    runs: runs.map(({ played, error, ...run }) => ({ ...run, error: error ?? null, verdict: played?.verdict ?? null })),
  };
}

/** All runs in one JUnit file, and a case for each that cannot be judged. */
export function suiteCases(suite: Suite): TestSuite[] {
  return suite.runs.map((run) => {
    const name = `${run.scenario}.${run.variant}${run.different === '' ? '' : ` (${run.different})`}`;
    if (run.played) return { ...run.played.cases, name };
    const { claim, why } = outcomeIn(run, suite);
    const result = run.error === undefined ? 'skipped' : 'error';
    const only = {
      group: 'run',
      name: 'the run proves something',
      message: `${claim}: ${why}`,
      details: [why],
    } as const;
    return { name, seconds: 0, properties: [], told: [], cases: [{ ...only, result }] };
  });
}
