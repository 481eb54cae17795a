import type { MetricSpec } from '../model.ts';
import { metric } from './metric.ts';

export const standings = ['launching', 'kept', 'consolidatable', 'going'] as const;

/** What Karpenter says of the nodes that are its own, and how its node claims stand. */
export const karpenterMetrics: readonly MetricSpec[] = [
  {
    ...metric(
      'karpenter.nodes',
      'count',
      'gauge',
      'its nodes: not initialized yet; not to be consolidated; consolidatable; chosen to go and not yet gone (source: watch of node claims)',
      'standing',
    ),
    values: { standing: standings },
  },
  metric(
    'karpenter.going',
    'count',
    'gauge',
    'nodes that are chosen to go and not yet gone, the most at any moment since the sample before (source: watch of node claims)',
  ),
  metric(
    'karpenter.unneeded',
    'count',
    'gauge',
    'nodes that it may look at and without which, by sums, the others have room for all requests (source: karpenter_voluntary_disruption_eligible_nodes, karpenter_cluster_utilization_percent)',
  ),
  metric(
    'karpenter.will-go',
    'count',
    'gauge',
    'of them so many as its budgets allow now: what its next decision takes, estimated (source: karpenter_nodepools_allowed_disruptions, karpenter_nodepools_nodes_consuming_budgets)',
  ),
  metric(
    'karpenter.utilisation',
    'ratio',
    'gauge',
    'requests of the pods on its nodes over what the nodes have, as it knows them, renewed each 5 s (source: karpenter_cluster_utilization_percent)',
    'resource',
  ),
  metric(
    'karpenter.decisions',
    'count',
    'counter',
    'decisions to delete or replace nodes (source: karpenter_voluntary_disruption_decisions_total)',
  ),
  metric(
    'karpenter.disrupted',
    'count',
    'counter',
    'nodes that it removed for them (source: karpenter_nodeclaims_disrupted_total)',
  ),
  metric(
    'karpenter.evaluations',
    'count',
    'counter',
    'times that it asked one of its methods whether nodes can go (source: karpenter_voluntary_disruption_decision_evaluation_duration_seconds)',
  ),
];
