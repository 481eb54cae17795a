import type { MetricSpec } from '../model.ts';
import { metric } from './metric.ts';
import { certificateMetrics } from './metrics-certificates.ts';
import { corednsMetrics } from './metrics-coredns.ts';
import { karpenterMetrics } from './metrics-karpenter.ts';
import { linkMetrics } from './metrics-links.ts';
import { nodeMetrics } from './metrics-node.ts';
import { proxyMetrics } from './metrics-proxy.ts';
import { bindingMetrics, schedulerMetrics } from './metrics-scheduler.ts';

/** What each probe promises, by its name. Cheap to import: the scenario's lint needs no more than this. */
export const probeMetrics = new Map<string, readonly MetricSpec[]>([
  [
    'nodes',
    [
      metric('node.ready', 'count', 'gauge', '1 while the Ready condition is True, else 0 (source: watch)', 'node'),
      metric('nodes.ready', 'count', 'gauge', 'nodes whose Ready condition is True'),
      metric('nodes.not-ready', 'count', 'gauge', 'nodes whose Ready condition is False or Unknown'),
      metric(
        'node.lease-age',
        'seconds',
        'gauge',
        "since we last saw the node's lease renewed, by our clock (source: watch)",
        'node',
      ),
    ],
  ],
  [
    'components',
    [
      metric('etcd.memory', 'bytes', 'gauge', 'resident memory of etcd, with peaks between samples (source: /proc)'),
      metric('apiserver.memory', 'bytes', 'gauge', 'resident memory of kube-apiserver, likewise'),
      metric('component.memory', 'bytes', 'gauge', 'resident memory of each component, likewise', 'component'),
      metric('component.cpu', 'ratio', 'gauge', 'CPU time per time; 1 is one CPU busy (source: /proc)', 'component'),
      metric('component.up', 'count', 'gauge', '1 while the process lives, else 0', 'component'),
      metric('component.deaths', 'count', 'increment', 'processes that ended', 'component', 'cause'),
    ],
  ],
  [
    'apiserver-metrics',
    [
      metric(
        'apiserver.list.fetched',
        'count',
        'counter',
        'objects read from etcd for lists (source: apiserver_storage_list_fetched_objects_total)',
        'resource',
      ),
      metric(
        'apiserver.list.storage',
        'count',
        'counter',
        'lists, from etcd or from the cache (source: apiserver_storage_list_total)',
        'resource',
      ),
      metric(
        'apiserver.requests',
        'count',
        'counter',
        'requests answered (source: apiserver_request_total)',
        'verb',
        'resource',
        'code',
      ),
      metric(
        'apiserver.request.duration',
        'seconds',
        'distribution',
        'GET and LIST as the server times them (source: apiserver_request_duration_seconds)',
        'verb',
        'resource',
      ),
      metric(
        'apiserver.dispatched',
        'count',
        'counter',
        'requests let in by priority and fairness (source: apiserver_flowcontrol_dispatched_requests_total)',
        'flow_schema',
        'priority_level',
      ),
      metric(
        'apiserver.inflight',
        'count',
        'gauge',
        'requests being served (source: apiserver_current_inflight_requests)',
        'request_kind',
      ),
    ],
  ],
  [
    'etcd-metrics',
    [
      metric('etcd.db.size', 'bytes', 'gauge', 'size of the database file (source: etcd_mvcc_db_total_size_in_bytes)'),
      metric('etcd.db.in-use', 'bytes', 'gauge', 'part of it in use (etcd_mvcc_db_total_size_in_use_in_bytes)'),
      metric('etcd.fsync.duration', 'seconds', 'distribution', 'of the WAL (etcd_disk_wal_fsync_duration_seconds)'),
      metric('etcd.commit.duration', 'seconds', 'distribution', 'backend (etcd_disk_backend_commit_duration_seconds)'),
      metric('etcd.leader-changes', 'count', 'counter', 'source: etcd_server_leader_changes_seen_total'),
      metric('etcd.range.total', 'count', 'counter', 'reads that etcd answered (source: etcd_mvcc_range_total)'),
    ],
  ],
  ['coredns-metrics', corednsMetrics],
  [
    'api-canary',
    [
      metric(
        'api.get.duration',
        'seconds',
        'distribution',
        "another user's GET of one object, 5 a second; 5 s at most",
      ),
      metric('api.get.available', 'ratio', 'gauge', '1 for each such GET that was answered well, else 0'),
      metric('api.get.failures', 'count', 'increment', 'those that were not', 'cause'),
      metric('harness.lag', 'seconds', 'gauge', 'longest stall of the harness in a second (source: its event loop)'),
    ],
  ],
  [
    'events',
    [metric('events', 'count', 'increment', "the cluster's own events, recorded or repeated", 'reason', 'type')],
  ],
  [
    'audit',
    [
      metric(
        'audit.query-time',
        'seconds',
        'increment',
        'from receiving a request to the end of its answer, summed; without watches (source: audit log)',
        'user',
        'verb',
      ),
      metric('audit.requests', 'count', 'increment', 'requests whose answer ended (source: audit log)', 'user', 'verb'),
    ],
  ],
  ...nodeMetrics,
  ...proxyMetrics,
  ...linkMetrics,
  certificateMetrics,
  ['scheduler-metrics', schedulerMetrics],
  ['bindings', bindingMetrics],
  ['karpenter', karpenterMetrics],
]);

/** What the named probe promises. Throws on an unknown name: a mistake of ours. */
export function metricsOf(probe: string): readonly MetricSpec[] {
  const metrics = probeMetrics.get(probe);
  if (!metrics) throw new Error(`no probe ${probe}`);
  return metrics;
}
