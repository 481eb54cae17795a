import type {
  ClusterSpec,
  ComponentName,
  ComponentSpec,
  Criterion,
  Json,
  LoadSpec,
  Scenario,
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
  readonly judged: {
    readonly evidence: readonly Criterion[];
    readonly signature: readonly Criterion[];
    readonly limits: readonly Criterion[];
  };
}

/** Puts what was decoded into the words of the model. */
export function assemble(decoded: Decoded, { id, folder, variant, values, judged }: Around): Scenario {
  const parameters = plainValues(values);
  return {
    id,
    folder,
    question: decoded.question,
    incident: decoded.incident,
    runsOn: decoded['runs-on'],
    appliesTo: decoded['applies-to'],
    parameters,
    cluster: clusterSpec(decoded.cluster),
    objects: decoded.objects,
    phases: Object.entries(decoded.phases).map(([name, duration]) => ({ name, duration })),
    load: decoded.load.map((load) => loadSpec(load, parameters)),
    faults: decoded.faults,
    probes: decoded.probes,
    variant,
    ...judged,
    source: '',
  };
}

function clusterSpec(cluster: Decoded['cluster']): ClusterSpec {
  const components: Partial<Record<ComponentName, ComponentSpec>> = {};
  for (const [name, spec] of Object.entries(cluster.components)) {
    if (!spec) continue;
    components[name as ComponentName] = {
      flags: spec.flags,
      env: spec.env,
      ...(spec.version === undefined ? {} : { version: spec.version }),
      ...(spec.memory === undefined ? {} : { memoryBytes: spec.memory }),
    };
  }
  return {
    nodes: cluster.nodes,
    components,
    leaderElection: cluster['leader-election'],
    identities: cluster.identities,
    ...(cluster.kubernetes === undefined ? {} : { kubernetes: cluster.kubernetes }),
  };
}

/** A load gets all parameters of the scenario, its own before them. */
function loadSpec(load: Decoded['load'][number], parameters: { readonly [name: string]: Json }): LoadSpec {
  return {
    name: load.name,
    script: load.script,
    during: load.during,
    as: load.as,
    requests: load.requests,
    metrics: Object.entries(load.metrics).map(([name, { unit, kind }]) => loadMetric(load.name, name, unit, kind)),
    parameters: { ...parameters, ...load.parameters },
  };
}
