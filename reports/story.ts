/** The verdict in words, the same in every report: a claim, one sentence of why, and what each finding means. */
import type { Finding, Report } from '../harness/model.ts';

export type Tone = 'good' | 'bad' | 'void' | 'plain';

export interface Outcome {
  readonly status: 'passed' | 'failed' | 'invalid';
  readonly tone: Tone;
  /** A few words: `broke as in the postmortem`. */
  readonly claim: string;
  /** One sentence. */
  readonly why: string;
}

export function outcomeOf(report: Report): Outcome {
  const { status, judged, signatureShown } = report.verdict;
  if (status === 'invalid') return { status, tone: 'void', claim: 'this run proves nothing', why: whyInvalid(report) };
  const tone = status === 'passed' ? 'good' : 'bad';
  if (judged === 'signature') {
    const claim = status === 'passed' ? 'broke as in the postmortem' : 'the failure did not show';
    return { status, tone, claim, why: whySignature(report) };
  }
  if (status === 'failed')
    return {
      status,
      tone,
      claim: signatureShown ? 'broke as in the postmortem' : 'a limit broke',
      why: whyLimits(report),
    };
  return {
    status,
    tone,
    claim: report.scenario.variant.expect === 'limits' ? 'the fix held' : 'every limit held',
    why: whyLimits(report),
  };
}

/** Runs before this one that proved nothing, a line each. */
export function formerOf({ events }: Report): readonly string[] {
  const began = events.find((event) => event.kind === 'began');
  const former = Array.isArray(began?.former) ? began.former.filter((one) => typeof one === 'object' && one) : [];
  return former.map(({ run, reasons = [] }, index) => {
    const [first = 'no reason was recorded', ...more] = reasons;
    return `attempt ${index + 1} (${run}) proved nothing: ${first}${more.length > 0 ? `, and ${more.length} more` : ''}`;
  });
}

/** What was expected of this variant, in words. */
export function expectation(report: Pick<Report, 'scenario'>): string {
  return report.scenario.variant.expect === 'signature'
    ? 'the failure of the incident shows'
    : 'the fix holds: every limit is kept';
}

/** What was seen, whatever was judged. */
export function sighting(report: Report): string {
  const { signatureShown, limitsHeld } = report.verdict;
  const failure =
    signatureShown === undefined
      ? 'whether the failure showed is not known'
      : signatureShown
        ? 'the failure showed'
        : 'the failure did not show';
  const limits =
    limitsHeld === undefined
      ? 'whether the limits held is not known'
      : limitsHeld
        ? 'every limit held'
        : `${counted(report, 'limit', 'unmet')} broke`;
  return `${failure}; ${limits}`;
}

/** What a finding means in its role: a sign that was `seen`, a limit that `broke`. */
export function meaning(finding: Finding): string {
  if (finding.status === 'unmeasured' || finding.status === 'skipped') return finding.status;
  const met = finding.status === 'met';
  if (finding.role === 'evidence') return met ? 'real' : 'missing';
  if (finding.role === 'signature') return met ? 'seen' : 'not seen';
  return met ? 'held' : 'broke';
}

/** Good and bad belong to what was judged; the rest is information. */
export function toneOf(finding: Finding, judged: Report['verdict']['judged']): Tone {
  if (finding.status === 'unmeasured') return 'void';
  if (finding.status === 'skipped') return 'plain';
  if (finding.role === 'evidence') return finding.status === 'met' ? 'good' : 'void';
  const decides = finding.role === (judged === 'limits' ? 'limit' : 'signature');
  if (!decides) return 'plain';
  return finding.status === 'met' ? 'good' : 'bad';
}

export const symbols = { met: '✓', unmet: '✗', unmeasured: '?', skipped: '–' } as const;

/** The three groups of findings in reading order, empty ones left out. */
export function groupsOf(report: Report): { role: Finding['role']; title: string; findings: Finding[] }[] {
  const { judged, findings } = report.verdict;
  const groups = [
    { role: 'limit', title: judged === 'limits' ? 'Limits' : 'Limits (expected to break, not judged here)' },
    {
      role: 'signature',
      title: judged === 'signature' ? 'Signs of the incident' : 'Signs of the incident (not judged)',
    },
    { role: 'evidence', title: 'Evidence that the trigger was real' },
  ] as const;
  const ordered = judged === 'limits' ? groups : [groups[1], groups[0], groups[2]];
  return ordered
    .map((group) => ({ ...group, findings: findings.filter((finding) => finding.role === group.role) }))
    .filter((group) => group.findings.length > 0);
}

function whyInvalid({ verdict }: Report): string {
  const [first, ...more] = verdict.reasons;
  if (first === undefined) return 'No reason was recorded.';
  return more.length === 0 ? first : `${first} (and ${more.length} more ${more.length === 1 ? 'reason' : 'reasons'})`;
}

function whySignature(report: Report): string {
  const signs = report.verdict.findings.filter((finding) => finding.role === 'signature');
  const missing = signs.filter((finding) => finding.status === 'unmet');
  if (missing.length > 0) return `Not seen: ${told(missing)}.`;
  return signs.length === 0 ? 'No sign was asked for.' : `${all(signs.length, 'sign')} seen: ${told(signs)}.`;
}

function whyLimits(report: Report): string {
  const { findings } = report.verdict;
  const broken = findings.filter((finding) => finding.role === 'limit' && finding.status === 'unmet');
  if (broken.length > 0) return `${counted(report, 'limit', 'unmet')} broke: ${told(broken)}.`;
  const evidence = findings.filter((finding) => finding.role === 'evidence' && finding.status === 'met');
  const real = evidence.length > 0 ? ` while the trigger was real: ${told(evidence)}` : '';
  return `${counted(report, 'limit', 'met')} held${real}.`;
}

/** Metrics and what was measured of them, the first few. */
function told(findings: readonly Finding[]): string {
  const few = findings
    .slice(0, 4)
    .map(({ metric, measured, threshold }) => (measured === undefined ? threshold : `${metric} ${measured}`));
  return `${few.join(', ')}${findings.length > few.length ? ` and ${findings.length - few.length} more` : ''}`;
}

function all(count: number, noun: string): string {
  return count === 1 ? `The one ${noun} was` : `All ${count} ${noun}s were`;
}

function counted(report: Report, role: Finding['role'], status: Finding['status']): string {
  const findings = report.verdict.findings.filter((finding) => finding.role === role && finding.status !== 'skipped');
  const count = findings.filter((finding) => finding.status === status).length;
  return count === findings.length && count > 1
    ? `All ${count} ${role}s`
    : `${count} of ${findings.length} ${findings.length === 1 ? role : `${role}s`}`;
}
