import { z } from 'zod';
import { phrase } from './complaints.ts';
import { durationUnits, expectedDuration, expectedSize, parseDuration, parseSize, sizeUnits, unitIn } from './units.ts';

// Custom messages are whole complaints ("what; expected …"): checks.ts adds only the place.

interface Quantity {
  readonly name: string;
  readonly expected: string;
  readonly units: readonly string[];
  /** Why a value will not do. */
  wrong(value: number): string | undefined;
}

function quantity(parse: (text: string) => number | undefined, { name, expected, units, wrong }: Quantity) {
  return z.union([z.string(), z.number()]).transform((input, context) => {
    const value = typeof input === 'string' ? parse(input) : undefined;
    if (value !== undefined) {
      const within = wrong(value);
      if (within === undefined) return value;
      const what = `${name} "${String(input).slice(0, 40)}" is out of bounds`;
      context.addIssue({ code: 'custom', message: phrase({ what, expected: within }) });
      return z.NEVER;
    }
    const unit = unitIn(String(input));
    const what = typeof input === 'number' ? `${input} has no unit` : `bad ${name} "${input}"`;
    const message = phrase({ what, expected, ...(unit ? { word: unit, known: units } : {}) });
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

function text(pattern: RegExp, expected: string) {
  return z.string().superRefine((value, context) => {
    if (!pattern.test(value))
      context.addIssue({ code: 'custom', message: phrase({ what: `bad value "${value}"`, expected }) });
  });
}

const DAY = 86_400_000;
const duration = quantity(parseDuration, {
  name: 'duration',
  expected: expectedDuration,
  units: durationUnits,
  wrong: (value) => (value > 0 && value <= DAY ? undefined : 'more than 0s and at most 24h'),
});
const size = quantity(parseSize, {
  name: 'size',
  expected: expectedSize,
  units: sizeUnits,
  wrong: (value) => (value >= 16 * 2 ** 20 && value <= 2 ** 50 ? undefined : 'at least 16MiB and at most 1024TiB'),
});
const line = text(/\S/, 'some text');
const version = text(/^v?\d+\.\d+(\.\d+)?(-[\w.]+)?$/, 'a version such as 3.5.12');
const kubernetes = text(/^v?\d+\.\d+\.\d+(-[\w.]+)?$/, 'a version of three numbers such as 1.36.3');
const name = text(/^[a-z][a-z0-9-]*$/, 'a name of lower-case letters, digits and -');
const user = text(/^[a-z][a-z0-9:.-]*$/, 'a user of lower-case letters, digits, - : and .');
const metricName = text(/^[A-Za-z][\w.-]*$/, 'a name of letters, digits, _ . and -');
const parameterName = text(/^[A-Za-z][\w-]*$/, 'a name of letters, digits, _ and -');
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const texts = z.record(z.string(), z.string());
const flag = z.string().superRefine((value, context) => {
  if (/^[A-Za-z][\w.-]*$/.test(value)) return;
  const better = value.replace(/^-+/, '').replace(/=.*$/, '');
  const meant = /^[A-Za-z][\w.-]*$/.test(better) ? `; did you mean "${better}"?` : '';
  const message = `bad flag "${value}"; expected its name alone, without dashes before it${meant}`;
  context.addIssue({ code: 'custom', message });
});
const envName = text(/^[A-Za-z_]\w*$/, 'a name of letters, digits and _, no digit first');
const group = z.string().superRefine((value, context) => {
  if (/\S/.test(value) && value !== 'system:masters') return;
  const what =
    value === 'system:masters' ? `group "${value}" may do anything, whatever the rules say` : 'a group is empty';
  context.addIssue({ code: 'custom', message: phrase({ what, expected: 'another group, and rules' }) });
});
const verb = z.enum(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', '*']);
const unit = z.enum(['count', 'seconds', 'bytes', 'ratio']);

const component = z.strictObject({
  version: version.optional(),
  flags: z.record(flag, z.string()).default({}),
  env: z.record(envName, z.string()).default({}),
  memory: size.optional(),
});

const cluster = z.strictObject({
  kubernetes: kubernetes.optional(),
  nodes: z.int().min(0).max(10_000).default(0),
  'leader-election': z.boolean().default(false),
  components: z
    .strictObject({
      etcd: component.optional(),
      'kube-apiserver': component.optional(),
      'kube-controller-manager': component.optional(),
      'kube-scheduler': component.optional(),
      'kwok-controller': component.optional(),
    })
    .default({}),
  identities: z
    .array(
      z.strictObject({
        user,
        groups: z.array(group).default([]),
        rules: z
          .array(
            z.strictObject({
              apiGroups: z.array(z.string()).default(['']),
              resources: z.array(z.string()).min(1),
              verbs: z.array(verb).min(1),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});

const load = z.strictObject({
  name,
  script: line,
  during: line,
  as: line,
  requests: z.array(metricName).default([]),
  metrics: z
    .record(
      metricName,
      z.preprocess(
        (value) => (typeof value === 'string' ? { unit: value } : value),
        z.strictObject({ unit, kind: z.enum(['gauge', 'counter', 'increment', 'distribution']).optional() }),
      ),
    )
    .default({}),
  parameters: z.record(parameterName, scalar).default({}),
});

/** The whole file with one variant applied; thresholds are decoded by themselves (thresholds.ts). */
export const scenarioSchema = z.strictObject({
  question: line,
  incident: z.strictObject({ from: line, what: line }),
  'runs-on': z.array(z.enum(['embedded', 'kind', 'kubeconfig'])).min(1),
  'applies-to': text(/^(>=|<=|>|<|=)?\d+\.\d+(\s+(>=|<=|>|<|=)\d+\.\d+)*$/, 'versions such as ">=1.31"').default(
    '>=1.31',
  ),
  parameters: z.record(parameterName, scalar).default({}),
  cluster: cluster.default({ nodes: 0, 'leader-election': false, components: {}, identities: [] }),
  objects: z.array(z.strictObject({ manifest: line, count: z.int().min(1).max(1_000_000).default(1) })).default([]),
  phases: z.record(name, duration),
  load: z.array(load).default([]),
  faults: z.array(z.string()).default([]),
  probes: z.array(z.string()).default([]),
  evidence: z.array(z.unknown()).min(1),
  signature: z.array(z.unknown()).default([]),
  limits: z.array(z.unknown()).min(1),
});
export type Decoded = z.output<typeof scenarioSchema>;

/** What a variant may change; its changes are checked after they are merged. */
export const changeable = [
  'cluster',
  'objects',
  'load',
  'faults',
  'phases',
  'probes',
  'parameters',
  'evidence',
  'signature',
  'limits',
] as const;
const changes = Object.fromEntries(changeable.map((key) => [key, z.unknown().optional()]));
export const variantsSchema = z.record(
  name,
  z.strictObject({ what: line, expect: z.enum(['signature', 'limits']), ...changes }),
);

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
