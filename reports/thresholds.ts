/** The thresholds of a scenario as a report shows them: beside their findings, and as lines in the chart. */
import type { Finding, Report, Role, Threshold } from '../harness/model.ts';

export interface Judged {
  readonly role: Role;
  readonly threshold: Threshold;
}

/** Every threshold of the scenario, alternatives included, with the role it plays; limits first. */
export function thresholdsOf({ scenario }: Pick<Report, 'scenario'>): Judged[] {
  const roles = [
    ['limit', scenario.limits],
    ['signature', scenario.signature],
    ['evidence', scenario.evidence],
  ] as const;
  return roles.flatMap(([role, criteria]) =>
    criteria
      .flatMap((criterion) => ('any' in criterion ? criterion.any : [criterion]))
      .map((threshold) => ({ role, threshold })),
  );
}

/** The threshold that a finding speaks of, where it speaks of one alone. */
export function limitOf(report: Pick<Report, 'scenario'>, finding: Finding): Threshold | undefined {
  return thresholdsOf(report).find(
    ({ role, threshold }) => role === finding.role && threshold.text === finding.threshold,
  )?.threshold;
}
