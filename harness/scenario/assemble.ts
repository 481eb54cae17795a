import type {
  ClusterSpec,
  ComponentName,
  ComponentSpec,
  Criterion,
  FaultSpec,
  Json,
  KindSpec,
  LoadSpec,
  Scenario,
  ServerSpec,
  StopRule,
  VariantSpec,
} from '../model.ts';
import { loadMetric } from './metrics.ts';
import { type Parameters, plainValues } from './parameters.ts';
import type { Decoded } from './schema.ts';

export interface Around {
  readonly id: string;
  readonly folder: string;
  readonly variant: VariantSpec;
  readonly values: Parameters;
  readonly faults: readonly FaultSpec[];
  readonly servers: readonly ServerSpec[];
  readonly certificates: NonNullable<ClusterSpec['certificates']>;
  readonly runsOn: readonly string[];
  readonly judged: {
    readonly evidence: readonly Criterion[];
    readonly signature: readonly Criterion[];
    readonly limits: readonly Criterion[];
    readonly stop?: readonly StopRule[];
  };
}

/** Puts what was decoded into the words of the model. */
export function assemble(decoded: Decoded, around: Around): Scenario {
  const { id, folder, variant, values, faults, servers, certificates, runsOn, judged } = around;
  const parameters = plainValues(values);
  const measured = Object.entries(decoded.measured).map(
    ([name, is]) => [name, { dnsQueries: is['dns-queries'] }] as const,
  );
  return {
    id,
    folder,
    question: decoded.question,
    incident: decoded.incident,
    runsOn,
    appliesTo: decoded['applies-to'],
    parameters,
    ...(measured.length > 0 && { measured: Object.fromEntries(measured) }),
    cluster: {
      ...clusterSpec(decoded),
      ...(servers.length > 0 && { servers }),
      ...(Object.keys(certificates).length > 0 && { certificates }),
    },
    objects: decoded.objects.map(({ apply, during, after, ...rest }) => ({
      ...rest,
      ...(apply === undefined ? {} : { apply }),
      ...(during === undefined ? {} : { during }),
      ...(after === undefined ? {} : { after }),
    })),
    phases: Object.entries(decoded.phases).map(([name, duration]) => ({ name, duration })),
    load: decoded.load.map((load) => loadSpec(load, parameters)),
    installs: decoded.installs,
    faults,
    probes: decoded.probes,
    variant,
    ...judged,
    ...(decoded['api-outage'] && { apiOutage: true }),
    ...(decoded['halt-blind-after'] !== undefined && { haltBlindAfter: decoded['halt-blind-after'] }),
    source: '',
  };
}

function clusterSpec({ cluster, load }: Pick<Decoded, 'cluster' | 'load'>): ClusterSpec {
  const components: Partial<Record<ComponentName, ComponentSpec>> = {};
  for (const [name, spec] of Object.entries(cluster.components)) {
    if (!spec) continue;
    components[name as ComponentName] = {
      flags: spec.flags,
      env: spec.env,
      ...(spec.version === undefined ? {} : { version: spec.version }),
      ...(spec.memory === undefined ? {} : { memoryBytes: spec.memory }),
      ...('config' in spec && spec.config ? { config: spec.config as NonNullable<ComponentSpec['config']> } : {}),
    };
  }
  return {
    nodes: cluster.nodes,
    components,
    leaderElection: cluster['leader-election'],
    identities: cluster.identities,
    ...(Object.keys(cluster.links).length > 0 && {
      links: Object.entries(cluster.links).map(([name, link]) => ({ name, ...link })),
    }),
    ...(cluster.kubernetes === undefined ? {} : { kubernetes: cluster.kubernetes }),
    ...(cluster.kind === undefined ? {} : { kind: kindSpec(cluster.kind, load) }),
  };
}

/** A load that is spread over pods brings its image. */
function kindSpec(kind: NonNullable<Decoded['cluster']['kind']>, load: Decoded['load']): KindSpec {
  const { 'worker-memory': memory, ...spec } = kind;
  const images = load.some(({ pods }) => pods !== undefined) ? [...new Set([...spec.images, 'k6'])] : spec.images;
  return { ...spec, images, ...(memory === undefined ? {} : { workerMemoryBytes: memory }) };
}

/** A load gets all parameters of the scenario, its own before them. */
function loadSpec(load: Decoded['load'][number], parameters: { readonly [name: string]: Json }): LoadSpec {
  return {
    name: load.name,
    script: load.script,
    during: load.during,
    as: load.as,
    ...(load.from === undefined ? {} : { from: load.from }),
    ...(load.pods === undefined ? {} : { pods: load.pods }),
    requests: load.requests,
    metrics: Object.entries(load.metrics).map(([name, spec]) => loadMetric(load.name, name, spec)),
    parameters: { ...parameters, ...load.parameters },
  };
}
