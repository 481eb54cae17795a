import type { MetricSpec } from '../model.ts';
import { metric } from './metric.ts';

/** What the probes of the server `proxy` promise. */
export const proxyMetrics: readonly (readonly [string, readonly MetricSpec[]])[] = [
  [
    'proxy-log',
    [
      metric(
        'proxy.answers',
        'count',
        'increment',
        "answers by who asked, status, cause (ok, limit-conn, limit-req, backend, timeout, unreachable, client-left, cut-off, proxy) and whether the worker was of an old configuration (source: the proxy's own log)",
        'client',
        'status',
        'cause',
        'worker',
      ),
    ],
  ],
  [
    'proxy-workers',
    [
      metric('proxy.workers', 'count', 'gauge', 'worker processes, current ones and such as are to end', 'worker'),
      metric('proxy.connections', 'count', 'gauge', 'to clients and backends, held by them (source: /proc)', 'worker'),
      metric('proxy.outlived', 'seconds', 'gauge', 'since the oldest worker was told to end; 0 when none is left'),
    ],
  ],
];
