import type { Run } from '../model.ts';
import { histograms, type Row, series } from './prometheus.ts';

const decisions = 'karpenter_voluntary_disruption_decisions_total';
const disrupted = 'karpenter_nodeclaims_disrupted_total';
const evaluation = 'karpenter_voluntary_disruption_decision_evaluation_duration_seconds';
const eligible = 'karpenter_voluntary_disruption_eligible_nodes';
const allowed = 'karpenter_nodepools_allowed_disruptions';
const consuming = 'karpenter_nodepools_nodes_consuming_budgets';
const utilisation = 'karpenter_cluster_utilization_percent';
const nodes = 'karpenter_nodes_current_lifetime_seconds';

/** Journals what a text of Karpenter 1.14's /metrics says. What it has had no reason to count yet is not in its text, and is 0. */
export function writeScrape({ journal }: Pick<Run, 'journal'>, text: string): void {
  const used = series(text, utilisation, ['resource_type']).map(({ labels, value }) => ({
    resource: labels['resource_type'] ?? '',
    value: value / 100,
  }));
  const spare = used.length === 0 ? 0 : spareOf(nodesIn(text), Math.max(...used.map(({ value }) => value)));
  const candidates = byReason(text, eligible);
  const evaluations = histograms(text, evaluation, []).map(({ counts }) => counts.at(-1) ?? 0);
  const values = {
    'karpenter.unneeded': Math.min(spare, sum(candidates.map(({ value }) => value))),
    'karpenter.will-go': Math.min(spare, withinBudgets(text, candidates)),
    'karpenter.decisions': sum(series(text, decisions, []).map(({ value }) => value)),
    'karpenter.disrupted': sum(series(text, disrupted, []).map(({ value }) => value)),
    'karpenter.evaluations': sum(evaluations),
  };
  for (const [metric, value] of Object.entries(values)) journal.append({ kind: 'sample', metric, value });
  // Of pods it is against the most that a node may have, which is no use of a machine.
  for (const { resource, value } of used)
    if (resource === 'cpu' || resource === 'memory')
      journal.append({ kind: 'sample', metric: 'karpenter.utilisation', labels: { resource }, value });
}

/**
 * Without how many of its nodes the others have room for all requests, by their sums. Karpenter calls a node eligible when it may be
 * looked at, needed or not; which are needed it says nowhere before it acts.
 */
const spareOf = (count: number, used: number) => Math.max(0, Math.floor(count * (1 - used)));

const nodesIn = (text: string) => series(text, nodes, ['node_name']).length;

/** A decision is for one reason, so of several the largest counts. */
function withinBudgets(text: string, candidates: readonly Row[]): number {
  const budget = new Map(byReason(text, allowed).map((row) => [reasonOf(row), row.value]));
  for (const row of byReason(text, consuming)) {
    const reason = reasonOf(row);
    budget.set(reason, Math.max(0, (budget.get(reason) ?? 0) - row.value));
  }
  return Math.max(0, ...candidates.map((row) => Math.min(row.value, budget.get(reasonOf(row)) ?? 0)));
}

const byReason = (text: string, name: string) => series(text, name, ['reason']);

/** Small in one metric, with a capital in another. */
const reasonOf = ({ labels }: Row) => (labels['reason'] ?? '').toLowerCase();

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
