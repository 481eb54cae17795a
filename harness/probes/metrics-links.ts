import type { MetricSpec } from '../model.ts';
import { metric } from './metric.ts';

/** What the probe of the cluster's links promises. Source: the relays' own counters. */
export const linkMetrics: readonly (readonly [string, readonly MetricSpec[]])[] = [
  [
    'links',
    [
      {
        ...metric(
          'link.connections',
          'count',
          'gauge',
          'connections of a link that are served (open), in a black hole (stuck), or began while it was one (waiting)',
          'link',
          'state',
        ),
        values: { state: ['open', 'stuck', 'waiting'] },
      },
      {
        ...metric(
          'link.bytes',
          'bytes',
          'counter',
          'passed on, to the far end or from it (direction)',
          'link',
          'direction',
        ),
        values: { direction: ['to', 'from'] },
      },
      metric('link.opened', 'count', 'counter', 'connections that came', 'link'),
      metric('link.stuck-bytes', 'bytes', 'counter', 'taken from connections in a black hole, and lost', 'link'),
      metric('link.resets', 'count', 'counter', 'connections that were reset', 'link'),
    ],
  ],
];
