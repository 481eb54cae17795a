import { z } from 'zod';
import { cluster, values } from './schema-cluster.ts';
import { duration, line, loopback, metricName, name, parameterName, scalar, text, texts, unit } from './words.ts';

const load = z.strictObject({
  name,
  script: line,
  during: line,
  as: line,
  from: loopback.optional(),
  requests: z.array(metricName).default([]),
  metrics: z
    .record(
      metricName,
      z.preprocess(
        (value) => (typeof value === 'string' ? { unit: value } : value),
        z.strictObject({
          unit,
          kind: z.enum(['gauge', 'counter', 'increment', 'distribution']).optional(),
          labels: z.array(line).min(1).optional(),
        }),
      ),
    )
    .default({}),
  parameters: z.record(parameterName, scalar).default({}),
  pods: z.int().min(1).max(500).optional(),
});

const install = z.strictObject({
  release: name,
  chart: line,
  namespace: name,
  during: line,
  values: values.default({}),
  timeout: duration,
});

const provider = z.enum(['embedded', 'kind', 'kubeconfig']);

/** The whole file with one variant applied; thresholds are decoded by themselves (thresholds.ts). */
export const scenarioSchema = z.strictObject({
  question: line,
  incident: z.strictObject({ from: line, what: line }),
  'runs-on': z.array(provider).min(1),
  'applies-to': text(/^(>=|<=|>|<|=)?\d+\.\d+(\s+(>=|<=|>|<|=)\d+\.\d+)*$/, 'versions such as ">=1.31"').default(
    '>=1.31',
  ),
  parameters: z.record(parameterName, scalar).default({}),
  measured: z.record(parameterName, z.strictObject({ 'dns-queries': z.int().min(100).max(1_000_000) })).default({}),
  cluster: cluster.default({
    nodes: 0,
    'leader-election': false,
    components: {},
    identities: [],
    servers: {},
    links: {},
    certificates: {},
  }),
  objects: z
    .array(
      z.strictObject({
        manifest: line,
        count: z.int().min(1).max(1_000_000).default(1),
        apply: z.boolean().optional(),
        during: line.optional(),
        after: duration.optional(),
      }),
    )
    .default([]),
  phases: z.record(name, duration),
  load: z.array(load).default([]),
  installs: z.array(install).default([]),
  // Decoded by themselves (faults.ts): each kind of fault has parameters of its own.
  faults: z.array(z.union([z.string(), z.record(z.string(), z.unknown())])).default([]),
  probes: z.array(z.string()).default([]),
  evidence: z.array(z.unknown()).min(1),
  signature: z.array(z.unknown()).default([]),
  limits: z.array(z.unknown()).min(1),
  // Decoded by themselves (stop.ts).
  stop: z.array(z.unknown()).default([]),
  'api-outage': z.boolean().default(false),
  'halt-blind-after': duration.optional(),
});
export type Decoded = z.output<typeof scenarioSchema>;

/** What a variant may change; its changes are checked after they are merged. */
export const changeable = [
  'cluster',
  'objects',
  'load',
  'installs',
  'faults',
  'phases',
  'probes',
  'parameters',
  'evidence',
  'signature',
  'limits',
  'stop',
  'api-outage',
  'halt-blind-after',
] as const;
const changes = Object.fromEntries(changeable.map((key) => [key, z.unknown().optional()]));
export const variantsSchema = z.record(
  name,
  z.strictObject({
    what: line,
    expect: z.enum(['signature', 'limits']),
    'runs-on': z.array(provider).min(1).optional(),
    'asks-for': z.array(line).min(1).optional(),
    ...changes,
  }),
);
/** What is different where the scenario runs; applied before a variant. */
export const onSchema = z.partialRecord(provider, z.strictObject(changes));

export const thresholdSchema = z.strictObject({
  metric: line,
  labels: texts.optional(),
  per: line.optional(),
  take: text(
    /^(max|min|mean|last|count|rate|share|p([1-9]\d?)(\.\d+)?)$/,
    'max, min, mean, last, count, rate, share or p50…p99.9',
  ),
  over: line.optional(),
  during: line,
  is: line,
  when: line.optional(),
  floor: z.union([z.string(), z.number()]).optional(),
});
export type DecodedThreshold = z.output<typeof thresholdSchema>;
