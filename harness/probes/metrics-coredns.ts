import type { MetricSpec } from '../model.ts';
import { metric } from './metric.ts';

/** What a CoreDNS says of itself; `server` is the name of the server beside the cluster, or of the pod. */
export const corednsMetrics: readonly MetricSpec[] = [
  metric('coredns.servers', 'count', 'gauge', 'how many answer the probe'),
  metric(
    'coredns.cpu-limit',
    'count',
    'gauge',
    'thousandths of a CPU that it may use; without a limit all CPUs that this machine has (source: its control group, or what the pod says)',
    'server',
  ),
  metric(
    'coredns.requests',
    'count',
    'counter',
    'queries that it answered (source: coredns_dns_requests_total)',
    'server',
    'type',
  ),
  metric('coredns.responses', 'count', 'counter', 'likewise (source: coredns_dns_responses_total)', 'server', 'rcode'),
  metric(
    'coredns.duration',
    'seconds',
    'distribution',
    'as the server times them (source: coredns_dns_request_duration_seconds)',
    'server',
  ),
  metric(
    'coredns.cache.hits',
    'count',
    'counter',
    'type: success or denial (source: coredns_cache_hits_total)',
    'server',
    'type',
  ),
  metric('coredns.cache.misses', 'count', 'counter', 'source: coredns_cache_misses_total', 'server'),
  metric(
    'coredns.forwarded',
    'seconds',
    'distribution',
    'queries to its upstream (source: coredns_proxy_request_duration_seconds)',
    'server',
    'rcode',
  ),
  metric(
    'coredns.rejected',
    'count',
    'counter',
    'queries that it would not forward, over max_concurrent (source: coredns_forward_max_concurrent_rejects_total)',
    'server',
  ),
  metric(
    'coredns.drops',
    'count',
    'counter',
    'queries thrown away by the kernel, its socket being full; only of servers beside the cluster (source: /proc/net/udp)',
    'server',
  ),
];
