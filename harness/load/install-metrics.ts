import type { MetricKind, MetricSpec, Unit } from '../model.ts';

function metric(name: string, unit: Unit, kind: MetricKind, help: string, ...more: string[]): MetricSpec {
  return { name, unit, kind, help, labels: ['release', ...more] };
}

/** What every install promises. Cheap to import: lint needs no more than this. */
export const installMetrics: readonly MetricSpec[] = [
  metric('install.duration', 'seconds', 'gauge', 'since helm began; when it has ended, how long it took'),
  metric('install.running', 'count', 'gauge', '1 while helm is at work, else 0'),
  metric('install.deployed', 'count', 'gauge', '1 once helm has said that all that it waits for is ready, else 0'),
  metric('install.failed', 'count', 'increment', 'installs that helm gave up, or that we ended in its place', 'cause'),
];
