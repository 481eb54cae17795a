import type { MetricSpec } from '../model.ts';
import { metric } from './metric.ts';

/** What kube-scheduler says of itself; `profile` is the schedulerName under which pods ask for it. */
export const schedulerMetrics: readonly MetricSpec[] = [
  {
    ...metric(
      'scheduler.attempts',
      'count',
      'counter',
      'attempts to schedule a pod (source: scheduler_schedule_attempts_total)',
      'result',
      'profile',
    ),
    values: { result: ['scheduled', 'unschedulable', 'error'] },
  },
  metric(
    'scheduler.nodes-examined',
    'count',
    'counter',
    'nodes that went through the filters, summed over attempts (source: scheduler_plugin_evaluation_total of the first filter, NodeUnschedulable)',
    'profile',
  ),
  metric(
    'scheduler.point.time',
    'seconds',
    'counter',
    'time spent in an extension point, e.g. Filter or Score (source: scheduler_framework_extension_point_duration_seconds)',
    'extension_point',
    'profile',
  ),
  metric(
    'scheduler.point.duration',
    'seconds',
    'distribution',
    'of one attempt in an extension point (source: likewise)',
    'extension_point',
    'profile',
  ),
  metric(
    'scheduler.algorithm.duration',
    'seconds',
    'distribution',
    'from taking a pod up to having its node: one pod at a time (source: scheduler_scheduling_algorithm_duration_seconds)',
  ),
  metric(
    'scheduler.attempt.duration',
    'seconds',
    'distribution',
    'algorithm and binding (source: scheduler_scheduling_attempt_duration_seconds)',
    'result',
    'profile',
  ),
  metric(
    'scheduler.pod.duration',
    'seconds',
    'distribution',
    'from a pod that enters the queue to its binding (source: scheduler_pod_scheduling_sli_duration_seconds)',
  ),
  {
    ...metric('scheduler.pending', 'count', 'gauge', 'pods that wait (source: scheduler_pending_pods)', 'queue'),
    values: { queue: ['active', 'backoff', 'unschedulable', 'gated'] },
  },
];

/** What the API says of pods and their nodes; `scheduler` is the schedulerName under which a pod asks for one. */
export const bindingMetrics: readonly MetricSpec[] = [
  metric('pods.unbound', 'count', 'gauge', 'pods without a node (source: watch)', 'namespace', 'scheduler'),
  metric('pods.bound', 'count', 'increment', 'pods that got their node (source: watch)', 'namespace', 'scheduler'),
  metric(
    'pod.bound-after',
    'seconds',
    'distribution',
    'from first seeing a pod to first seeing it with a node, by our clock (source: watch)',
    'namespace',
    'scheduler',
  ),
];
