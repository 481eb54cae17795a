import type { LoadSpec, MetricSpec } from '../model.ts';

/** What every load says of its own generator, labelled with the load's name. */
const generatorMetrics: readonly MetricSpec[] = [
  gauge(
    'load.cpu',
    'ratio',
    'CPU that k6 used, as a share of all CPUs of its machine (source: /proc/<pid>/task)',
    'pod',
  ),
  gauge(
    'load.waiting',
    'ratio',
    'share of the time in which threads of k6 were ready but waited for a CPU, at most 1',
    'pod',
  ),
  gauge('load.vus', 'count', 'virtual users of k6 that are active'),
  {
    name: 'load.dropped',
    unit: 'count',
    kind: 'increment',
    labels: ['load'],
    help: 'iterations that k6 could not start for want of free virtual users',
  },
];

/** What a load promises: for each declared request N `N.requests`, `N.failures` and `N.duration`, and the generator's own metrics. */
export function promised(requests: readonly string[]): readonly MetricSpec[] {
  return [...requests.flatMap(requestMetrics), ...generatorMetrics];
}

/** The same, and the script's own metrics. */
export function loadMetrics(spec: LoadSpec): readonly MetricSpec[] {
  return [...promised(spec.requests), ...spec.metrics];
}

function requestMetrics(name: string): readonly MetricSpec[] {
  return [
    { name: `${name}.requests`, unit: 'count', kind: 'increment', help: `requests '${name}' that ended, well or not` },
    {
      name: `${name}.failures`,
      unit: 'count',
      kind: 'increment',
      labels: ['status', 'code'],
      help: `requests '${name}' answered with status 400 or more, or not at all (status 0, with the error code of k6)`,
    },
    {
      name: `${name}.duration`,
      unit: 'seconds',
      kind: 'distribution',
      help: `from sending request '${name}' to the end of its answer or its time-out; without those that never left (connection refused)`,
    },
  ];
}

function gauge(name: string, unit: 'ratio' | 'count', help: string, ...more: string[]): MetricSpec {
  return { name, unit, kind: 'gauge', labels: ['load', ...more], help };
}
