import type { MetricSpec } from '../model.ts';
import { metric } from './metric.ts';

const owners = { whose: ['api-server', 'node-agents'] };

/** New connections, and the certificates of both ends. */
export const connecting: readonly MetricSpec[] = [
  metric(
    'api.connect.available',
    'ratio',
    'gauge',
    '1 for each new connection, two a second, whose certificate is good and whose GET is answered well, else 0',
  ),
  metric('api.connect.failures', 'count', 'increment', 'those that were not', 'cause'),
];
export const expiring: readonly MetricSpec[] = [
  {
    ...metric(
      'certificate.expires-in',
      'seconds',
      'gauge',
      'until the end of what the API server serves (source: a handshake) and the node agents presented last (audit log)',
      'whose',
    ),
    values: owners,
  },
  {
    ...metric(
      'certificate.expiries',
      'count',
      'increment',
      'certificates that were in use, and came to their end',
      'whose',
    ),
    values: owners,
  },
  metric('api.unauthorized', 'count', 'increment', 'requests refused with 401, whoever sent them (source: audit log)'),
];
export const certificateMetrics: readonly [string, readonly MetricSpec[]] = [
  'certificates',
  [...connecting, ...expiring],
];
