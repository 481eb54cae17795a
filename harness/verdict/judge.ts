import type { Criterion, Finding, JournalEvent, Role, Scenario, Verdict } from '../model.ts';
import { indexJournal } from './journal.ts';
import type { Context } from './measure.ts';
import { brokenOff, flaws } from './reasons.ts';
import { judgeThreshold } from './threshold.ts';

/**
 * Judges a run by its journal alone; pure, so that an old run can be judged again.
 * `limits`: passed when every limit held. `signature`: passed when the failure showed whole.
 * Either is `invalid`, with all reasons, when the run proves nothing.
 */
export function judge(scenario: Scenario, events: readonly JournalEvent[], mode: 'limits' | 'signature'): Verdict {
  const context: Context = { index: indexJournal(events), loads: scenario.load };
  const all = (role: Role, criteria: readonly Criterion[]) => criteria.map((one) => judgeCriterion(role, one, context));
  const evidence = all('evidence', scenario.evidence);
  const signature = all('signature', scenario.signature);
  const limits = all('limit', scenario.limits);
  const judged = mode === 'limits' ? limits : signature;

  const failed = judged.some(({ status }) => status === 'unmet');
  // What broke is broken, whatever could not be measured beside it.
  const unmeasured = failed ? [] : judged.filter(({ status }) => status === 'unmeasured');

  const broken = brokenOff(events);
  const flawed = () => [
    ...flaws(scenario, events),
    ...evidence.filter(({ status }) => status === 'unmet' || status === 'unmeasured').map(unproven),
    ...unmeasured.map((finding) => `unmeasured: ${say(finding)}`),
    ...nothingJudged(evidence, 'evidence'),
    ...nothingJudged(judged, mode === 'limits' ? 'limits' : 'signature'),
  ];
  const reasons = broken.length > 0 ? broken : flawed();
  return {
    status: reasons.length > 0 ? 'invalid' : failed ? 'failed' : 'passed',
    judged: mode,
    findings: [...evidence, ...signature, ...limits],
    reasons: [...new Set(reasons)],
    signatureShown: together(signature),
    limitsHeld: together(limits),
    nodeFailures: context.index.failures,
  };
}

function unproven(finding: Finding): string {
  return `no evidence that the trigger was real: ${say(finding)}`;
}

function say({ threshold, measured, detail }: Finding): string {
  return [threshold, [measured, detail].filter(Boolean).join(', ')].filter(Boolean).join(': ');
}

function nothingJudged(findings: readonly Finding[], what: string): string[] {
  if (findings.length === 0) return [`nothing to judge: the scenario has no ${what}`];
  const skipped = findings.every(({ status }) => status === 'skipped');
  return skipped ? [`nothing was judged: all of the ${what} were skipped`] : [];
}

/** True when all hold, false when one does not, undefined when that is not known. Skipped ones do not count. */
function together(findings: readonly Finding[]): boolean | undefined {
  const counted = findings.filter(({ status }) => status !== 'skipped');
  if (counted.some(({ status }) => status === 'unmet')) return false;
  return counted.length > 0 && counted.every(({ status }) => status === 'met') ? true : undefined;
}

function judgeCriterion(role: Role, criterion: Criterion, context: Context): Finding {
  if (!('any' in criterion)) return judgeThreshold(role, criterion, context);
  const findings = criterion.any.map((threshold) => judgeThreshold(role, threshold, context));
  const status = (['met', 'unmeasured', 'unmet', 'skipped'] as const).find((one) =>
    findings.some((finding) => finding.status === one),
  );
  const decisive = findings.find((finding) => finding.status === status);
  const threshold = `any of: ${criterion.any.map(({ text }) => text).join(' | ')}`;
  if (!decisive) return { role, threshold, status: 'unmeasured', samples: 0, phase: 'run', metric: '' };
  const detail = findings.map((finding) => `${finding.status}: ${say(finding)}`).join(' | ');
  return { ...decisive, threshold, detail };
}
