import type { Run } from '../model.ts';
import { histograms, type Row, series } from './prometheus.ts';

const decisions = 'karpenter_voluntary_disruption_decisions_total';
const disrupted = 'karpenter_nodeclaims_disrupted_total';
const evaluation = 'karpenter_voluntary_disruption_decision_evaluation_duration_seconds';
const eligible = 'karpenter_voluntary_disruption_eligible_nodes';
const allowed = 'karpenter_nodepools_allowed_disruptions';
const utilisation = 'karpenter_cluster_utilization_percent';
/** It also counts pods against the most that a node may have, which is no use of a machine. */
const resources = ['cpu', 'memory'];
const consuming = 'karpenter_nodepools_nodes_consuming_budgets';

/** Journals what a text of Karpenter 1.14's /metrics says. What it has had no reason to count yet is not in its text, and is 0. */
export function writeScrape({ journal }: Pick<Run, 'journal'>, text: string): void {
  const unneeded = byReason(text, eligible);
  const evaluations = histograms(text, evaluation, []).map(({ counts }) => counts.at(-1) ?? 0);
  const values = {
    'karpenter.will-go': willGo(text, unneeded),
    'karpenter.decisions': sum(series(text, decisions, []).map(({ value }) => value)),
    'karpenter.disrupted': sum(series(text, disrupted, []).map(({ value }) => value)),
    'karpenter.evaluations': sum(evaluations),
  };
  for (const [metric, value] of Object.entries(values)) journal.append({ kind: 'sample', metric, value });
  for (const { labels, value } of unneeded)
    journal.append({ kind: 'sample', metric: 'karpenter.unneeded', labels, value });
  for (const { labels, value } of series(text, utilisation, ['resource_type'], { resource_type: resources })) {
    const resource = labels['resource_type'] ?? '';
    journal.append({ kind: 'sample', metric: 'karpenter.utilisation', labels: { resource }, value: value / 100 });
  }
}

/** A decision is for one reason, so of several the largest counts. */
function willGo(text: string, unneeded: readonly Row[]): number {
  const budget = new Map(byReason(text, allowed).map((row) => [reasonOf(row), row.value]));
  for (const row of byReason(text, consuming)) {
    const reason = reasonOf(row);
    budget.set(reason, Math.max(0, (budget.get(reason) ?? 0) - row.value));
  }
  return Math.max(0, ...unneeded.map((row) => Math.min(row.value, budget.get(reasonOf(row)) ?? 0)));
}

const byReason = (text: string, name: string) => series(text, name, ['reason']);

/** Small in one metric, with a capital in another. */
const reasonOf = ({ labels }: Row) => (labels['reason'] ?? '').toLowerCase();

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
