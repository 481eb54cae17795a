import type { Probe } from '../model.ts';
import { apiCanary } from './api-canary.ts';
import { apiserverMetrics } from './apiserver-metrics.ts';
import { audit } from './audit.ts';
import { bindings } from './bindings.ts';
import { certificates } from './certificates.ts';
import { components } from './components.ts';
import { corednsMetrics } from './coredns-metrics.ts';
import { etcdMetrics } from './etcd-metrics.ts';
import { events } from './events.ts';
import { karpenter } from './karpenter.ts';
import { kubelet } from './kubelet.ts';
import { links } from './links.ts';
import { node } from './node.ts';
import { nodeLogs } from './node-logs.ts';
import { nodes } from './nodes.ts';
import { pods } from './pods.ts';
import { proxyLog } from './proxy-log.ts';
import { proxyWorkers } from './proxy-workers.ts';
import { schedulerMetrics } from './scheduler-metrics.ts';

/** Every probe by its name; what each promises is in metrics.ts. A new one is a file and a line here and there. */
export const probes: ReadonlyMap<string, () => Probe> = new Map([
  ['nodes', nodes],
  ['components', components],
  ['apiserver-metrics', apiserverMetrics],
  ['etcd-metrics', etcdMetrics],
  ['coredns-metrics', corednsMetrics],
  ['api-canary', apiCanary],
  ['events', events],
  ['audit', audit],
  ['pods', pods],
  ['kubelet', kubelet],
  ['node', node],
  ['node-logs', nodeLogs],
  ['proxy-log', proxyLog],
  ['proxy-workers', proxyWorkers],
  ['links', links],
  ['certificates', certificates],
  ['scheduler-metrics', schedulerMetrics],
  ['bindings', bindings],
  ['karpenter', karpenter],
]);
