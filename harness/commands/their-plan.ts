import { spoken } from '../../reports/suite.ts';
import { NAMESPACE } from '../access/books.ts';
import { switchName } from '../access/switch.ts';
import type { KubeObject } from '../kube/client.ts';
import type { AllowedCluster, Scenario } from '../model.ts';
import { DEFAULT_CAP, eligible, radiusOf } from '../safety/guard.ts';
import { rightText } from '../safety/rights.ts';
import { rulesFor } from '../safety/rules.ts';
import { blindAtMost } from '../safety/switch.ts';
import { estimated } from './estimate.ts';
import type { Target } from './target.ts';
import type { Examined } from './their-guard.ts';
import { createdBy } from './their-objects.ts';

/** What would be done in a cluster of somebody's, as data: for `--json`, and for the lines below. */
export async function theirPlan({ scenario, facts, doing, missing, allowed }: Examined, target: Target) {
  const objects = (await createdBy(scenario)).map(({ object }) => object);
  const cap: Pick<AllowedCluster, 'maxNodes' | 'maxPercent'> =
    allowed.find(({ uid }) => uid === facts.uid) ?? DEFAULT_CAP;
  const fit = eligible(facts).map(({ name }) => name);
  const { phases, beyond } = estimated([{ scenario, target }]);
  return {
    cluster: {
      context: facts.context,
      uid: facts.uid,
      version: facts.version,
      nodes: facts.nodes.length,
      pods: facts.pods,
    },
    targets: doing.faults.map(({ name, deed }) => ({ fault: name, nodes: deed?.nodes ?? 0, among: fit })),
    radius: { ...radiusOf(facts, doing), ...cap, pods: podsIn(objects), ofPods: facts.pods },
    rights: { needed: doing.rights.map(rightText), missing: missing.map(rightText) },
    images: [...new Set(objects.flatMap(imagesOf))].sort(),
    seconds: (phases + beyond) / 1000,
    changes: changesOf(objects, doing),
    stops: stopsOf(scenario),
  };
}

/** What halts the run before its end, and puts everything back. */
function stopsOf(scenario: Scenario): string[] {
  const blind = scenario.haltBlindAfter ?? blindAtMost;
  return [
    ...rulesFor(scenario, false).map(({ text }) => text),
    ...(scenario.apiOutage ? [] : [`the switch in the cluster is out of sight for ${blind / 1000} s`]),
    `ordeal stop here, or with --context anywhere; a ConfigMap ${switchName} in the namespace ${NAMESPACE}`,
  ];
}

/** Each change, and how it is undone. */
function changesOf(objects: readonly KubeObject[], { faults }: Examined['doing']) {
  const kinds = new Map<string, number>();
  for (const { kind = '' } of objects) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const named = (kind: string) => objects.flatMap((object) => (object.kind === kind ? [object.metadata.name] : []));
  const inside = [...kinds].filter(([kind]) => kind !== 'Namespace' && kind !== 'PriorityClass');
  return [
    {
      what: 'namespaces ordeal (its books) and ordeal-<mark>, service accounts, cluster roles and their bindings',
      undone: "deleted by the run's label; the books when nothing is owed any more",
    },
    ...[...new Set(named('Namespace'))].map((name) => ({
      what: `namespace ${name}`,
      undone: 'deleted, with all in it',
    })),
    ...named('PriorityClass').map((name) => ({ what: `priority class ${name}`, undone: 'deleted' })),
    ...(inside.length > 0
      ? [{ what: inside.map(([kind, n]) => `${n} × ${kind}`).join(', '), undone: 'deleted with their namespace' }]
      : []),
    ...faults.flatMap(({ name, deed }) =>
      deed === undefined
        ? []
        : [
            {
              what: `${name}: ${deed.does} (${deed.nodes === 1 ? 'one node' : `${deed.nodes} nodes`} at most)`,
              undone: deed.undone,
            },
          ],
    ),
  ];
}

/** The plan as people read it, for `ordeal plan` and for who is asked whether it may be done. */
export async function theirPlanText(examined: Examined, target: Target): Promise<string[]> {
  const { cluster, targets, radius, rights, images, seconds, changes, stops } = await theirPlan(examined, target);
  const percent = (value: number) => `${Math.round(value)} %`;
  const list = (names: readonly string[], none = 'none') => (names.length > 0 ? names.join(', ') : none);
  return [
    `  cluster   ${cluster.context}, kube-system ${cluster.uid}, Kubernetes ${cluster.version}, ${cluster.nodes} nodes, ${cluster.pods} pods`,
    ...targets.map(
      ({ fault, nodes, among }) =>
        `  targets   ${fault}: ${nodes} of ${list(among)}, that with most of the run's own pods first`,
    ),
    ...(targets.length === 0 ? ["  targets   the run's own namespaces; no node is broken"] : []),
    `  radius    ${radius.nodes} of ${cluster.nodes} nodes (${percent(radius.percent)}); allowed: ${radius.maxNodes}, and ${percent(radius.maxPercent)}`,
    `            ${radius.pods} pods of its own beside ${radius.ofPods}; no others are touched`,
    `  images    ${list(images)}`,
    `  rights    ${rights.needed.length} needed; missing: ${list(rights.missing)}`,
    `  takes     about ${spoken(seconds)}`,
    ...changes.map(({ what, undone }) => `  changes   ${what}\n            undone: ${undone}`),
    ...stops.map((what) => `  halts     ${what}`),
  ];
}

interface PodSpec {
  readonly containers?: readonly { readonly image?: string }[];
  readonly initContainers?: readonly { readonly image?: string }[];
}

function podSpecOf({ kind, spec }: KubeObject): PodSpec | undefined {
  if (kind === 'Pod') return spec as PodSpec | undefined;
  return (spec as { template?: { spec?: PodSpec } } | undefined)?.template?.spec;
}

function imagesOf(object: KubeObject): string[] {
  const { containers = [], initContainers = [] } = podSpecOf(object) ?? {};
  return [...initContainers, ...containers].flatMap(({ image }) => image ?? []);
}

function podsIn(objects: readonly KubeObject[]): number {
  const each = objects.map((object) => {
    if (podSpecOf(object) === undefined) return 0;
    const { replicas = 1 } = (object['spec'] ?? {}) as { replicas?: number };
    return object.kind === 'Pod' ? 1 : replicas;
  });
  return each.reduce((sum, one) => sum + one, 0);
}
