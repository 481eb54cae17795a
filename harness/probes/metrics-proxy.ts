import type { MetricSpec } from '../model.ts';
import { metric } from './metric.ts';
import { causes } from './proxy-answers.ts';

const worker = ['current', 'old'];

/** What the probes of the server `proxy` promise. */
export const proxyMetrics: readonly (readonly [string, readonly MetricSpec[]])[] = [
  [
    'proxy-log',
    [
      {
        ...metric(
          'proxy.answers',
          'count',
          'increment',
          `answers by who asked, status, cause (${causes.join(', ')}) and whether the worker was of an old configuration (source: the proxy's own log)`,
          'client',
          'status',
          'cause',
          'worker',
        ),
        values: { cause: causes, worker },
      },
    ],
  ],
  [
    'proxy-workers',
    [
      {
        ...metric('proxy.workers', 'count', 'gauge', 'worker processes, current ones and such as are to end', 'worker'),
        values: { worker },
      },
      {
        ...metric(
          'proxy.connections',
          'count',
          'gauge',
          'to clients and backends, held by them (source: /proc)',
          'worker',
        ),
        values: { worker },
      },
      metric('proxy.backends', 'count', 'gauge', 'pods that its list has; of a proxy in a pod only'),
      metric('proxy.outlived', 'seconds', 'gauge', 'since the oldest worker was told to end; 0 when none is left'),
    ],
  ],
];
