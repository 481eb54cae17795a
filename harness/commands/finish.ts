import { type JournalEvent, type Report, ScenarioError, type Verdict } from '../model.ts';
import { readJournal } from '../run/journal.ts';
import { readLedger } from '../run/ledger.ts';
import { judge } from '../verdict/judge.ts';
import { residueOf } from '../verdict/residue.ts';
import { type Ambient, plain } from './ambient.ts';

/** Judges a run from its folder alone. Throws ScenarioError when the journal does not say what was planned. */
export function reportOf(folder: string): Report {
  const events = readJournal(folder);
  const began = events.find((event) => event.kind === 'began');
  const planned = events.find((event) => event.kind === 'planned');
  if (typeof began?.run !== 'string' || !Array.isArray(planned?.scenario?.limits))
    throw new ScenarioError([`${folder}/journal.ndjson: does not say what was planned`]);
  const verdict = judge(planned.scenario, events, planned.judge);
  const owed = readLedger(folder).map(({ debt, settled, error }) => ({ debt, settled, ...(error ? { error } : {}) }));
  const residue = residueOf(events);
  const dirty = owed.some(({ settled }) => !settled) || residue?.dirty === true;
  return {
    run: began.run,
    scenario: planned.scenario,
    verdict,
    events,
    owed,
    ...(residue && { residue }),
    exitCode: exitCode(events, verdict, dirty),
  };
}

/** The exit code of one run, from what is on disk. */
function exitCode(events: readonly JournalEvent[], verdict: Verdict, dirty: boolean): number {
  const ended = events.find((event) => event.kind === 'ended');
  if (dirty) return 4;
  if (ended?.how === 'interrupted') return 130;
  if (events.some((event) => event.kind === 'stopped' && event.refused)) return 2;
  const started = events.some((event) => event.kind === 'cluster');
  if (ended?.how === 'error' && !started) return 2;
  return { passed: 0, failed: 1, invalid: 3 }[verdict.status];
}

/** The worst of several: what is left behind comes before all else. */
export function worst(codes: readonly number[]): number {
  return [4, 130, 3, 2, 1].find((code) => codes.includes(code)) ?? 0;
}

/** Writes every report into the run's folder; a reporter that fails is named, and does not keep the others from writing. */
export async function writeReports(report: Report, folder: string, ambient: Ambient): Promise<void> {
  const { reporters } = await import('../../reports/table.ts');
  await Promise.all(
    reporters.map(async (reporter) => {
      try {
        await reporter.write(report, folder);
      } catch (error) {
        ambient.err.write(plain(`the report ${reporter.name} could not be written: ${error}`));
      }
    }),
  );
}
