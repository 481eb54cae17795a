import { KubeClient } from '../kube/client.ts';
import type { Millis, Probe } from '../model.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import { Scrapes, type Source } from './scrape.ts';
import { Obituaries, Sight } from './sight.ts';

const name = 'scheduler-metrics';
const metrics = metricsOf(name);
const each: Millis = 1_000;
const promises = () => [{ metrics, every: each }];
const points = 'scheduler_framework_extension_point_duration_seconds';
const extension = ['extension_point', 'profile'];

/** Names and labels as Kubernetes 1.36 has them. */
export const sources: readonly Source[] = [
  {
    metric: 'scheduler.attempts',
    from: 'scheduler_schedule_attempts_total',
    kind: 'counter',
    labels: ['result', 'profile'],
  },
  {
    metric: 'scheduler.nodes-examined',
    from: 'scheduler_plugin_evaluation_total',
    kind: 'counter',
    labels: ['profile'],
    where: { extension_point: ['Filter'], plugin: ['NodeUnschedulable'] },
  },
  { metric: 'scheduler.point.time', from: points, kind: 'sum', labels: extension },
  { metric: 'scheduler.point.duration', from: points, kind: 'buckets', labels: extension },
  { metric: 'scheduler.algorithm.duration', from: 'scheduler_scheduling_algorithm_duration_seconds', kind: 'buckets' },
  {
    metric: 'scheduler.attempt.duration',
    from: 'scheduler_scheduling_attempt_duration_seconds',
    kind: 'buckets',
    labels: ['result', 'profile'],
  },
  { metric: 'scheduler.pod.duration', from: 'scheduler_pod_scheduling_sli_duration_seconds', kind: 'buckets' },
  { metric: 'scheduler.pending', from: 'scheduler_pending_pods', kind: 'gauge', labels: ['queue'] },
];

/** GET /metrics of kube-scheduler each second, on its own port of this machine, over TLS and as a user of its own. */
export function schedulerMetrics(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) =>
      cluster.endpoints?.scheduler ? undefined : "kube-scheduler's own port cannot be reached from here",
    async observe(cluster, run) {
      const connection = { ...cluster.connect(`ordeal:${name}`), ...cluster.endpoints?.scheduler };
      const client = new KubeClient(connection, { signal: run.signal, timeout: 10_000 });
      const scrapes = new Scrapes(run, sources);
      const sight = new Sight(run, name, new Obituaries(cluster, ['kube-scheduler']));
      const look = async () => {
        const text = await client.text('/metrics');
        return () => scrapes.write(text);
      };
      const { ended } = await poll(run, run.signal, { source: name, every: each, promises, sight, look });
      return { ended: ended.finally(() => client[Symbol.asyncDispose]()) };
    },
  };
}
