import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ask } from '../access/ask.ts';
import type { KubeObject } from '../kube/client.ts';
import { renderMany } from '../kube/manifest.ts';
import { RefusedError, type Scenario } from '../model.ts';
import { reachesOut } from './their-pods.ts';

const collections: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  PriorityClass: '/apis/scheduling.k8s.io/v1/priorityclasses',
};

/** What lies in a namespace, and reaches nobody outside it. */
const kinds: ReadonlySet<string> = new Set([
  ...['Pod', 'ConfigMap', 'ServiceAccount', 'Service', 'ResourceQuota', 'LimitRange', 'PersistentVolumeClaim'],
  ...['Deployment', 'ReplicaSet', 'StatefulSet', 'ReplicationController', 'Job', 'CronJob'],
  ...['PodDisruptionBudget', 'NetworkPolicy', 'HorizontalPodAutoscaler'],
]);

export interface Created {
  readonly manifest: string;
  readonly object: KubeObject;
}

/** More of them would fill somebody's etcd, or take every place for a pod. */
const MOST = 500;

/** Every object that a scenario creates; `during`: of that phase only. */
export async function createdBy(
  { folder, parameters, phases, objects }: Scenario,
  during?: string,
): Promise<Created[]> {
  const chosen = objects.filter((spec) => during === undefined || (spec.during ?? phases[0]?.name) === during);
  const all = chosen.map(async ({ manifest, count }) => {
    const text = await readFile(join(folder, manifest), 'utf8');
    return [...renderMany(text, parameters, count)].map((object) => ({ manifest, object }));
  });
  return (await Promise.all(all)).flat();
}

/**
 * Why what a scenario creates must not be created in a cluster that somebody has, one sentence each: there everything lies in namespaces of
 * the run's own, nothing is changed that is there, and no pod of ours may take the place of one of theirs.
 */
export async function theirObjectsRefused(scenario: Scenario): Promise<string[]> {
  const all = await createdBy(scenario);
  const own = new Set(all.flatMap(({ object }) => (object.kind === 'Namespace' ? [object.metadata.name] : [])));
  const applied = scenario.objects.filter(({ apply }) => apply).map(({ manifest }) => manifest);
  const classes = new Set(all.flatMap(({ object }) => (object.kind === 'PriorityClass' ? [object.metadata.name] : [])));
  const reasons = [
    ...(all.length > MOST
      ? [`kubeconfig: ${all.length} objects are more than the ${MOST} that may be created there`]
      : []),
    ...applied.map((manifest) => `kubeconfig: ${manifest} has apply: true, which would change what is yours`),
    ...(scenario.installs.length > 0 ? ['kubeconfig: what a chart’s hooks create could not be taken back'] : []),
    ...all.flatMap(({ manifest, object }) =>
      [...reasonAgainst(object, own), ...reachesOut(object, classes)].map((why) => `kubeconfig: ${manifest}: ${why}`),
    ),
  ];
  return [...new Set(reasons)];
}

function reasonAgainst(object: KubeObject, own: ReadonlySet<string>): string[] {
  const { kind = '', metadata } = object;
  const { name, namespace } = metadata;
  if (kind === 'Namespace')
    return /^(default|ordeal.*|kube-.*)$/.test(name) ? [`namespace ${name} is none of a scenario's own`] : [];
  if (kind === 'PriorityClass') {
    if (object['globalDefault'] === true) return [`PriorityClass ${name} would be the default of your pods too`];
    const safe = typeof object['value'] === 'number' && object['value'] < 0;
    return safe ? [] : [`PriorityClass ${name} has a value of 0 or more, and its pods could take the place of yours`];
  }
  if (!kinds.has(kind))
    return [`${kind} ${name} is none of the kinds that stay within a namespace: ${[...kinds].join(', ')}`];
  if (namespace === undefined) return [`${kind} ${name} has no namespace: it would be in default`];
  return own.has(namespace)
    ? []
    : [`${kind} ${name} is in the namespace ${namespace}, which the scenario does not create`];
}

/** Throws `RefusedError` with every name that is taken in that cluster. Asked before anything is changed there. */
export async function requireFreeNames(scenario: Scenario, ask: Ask): Promise<void> {
  const all = await createdBy(scenario);
  const taken: string[] = [];
  for (const [kind, collection] of Object.entries(collections)) {
    const names = new Set(all.flatMap(({ object }) => (object.kind === kind ? [object.metadata.name] : [])));
    if (names.size === 0) continue;
    const { items = [] } = ((await ask('GET', collection)) ?? {}) as unknown as { items?: readonly KubeObject[] };
    for (const { metadata } of items) if (names.has(metadata.name)) taken.push(`${kind} ${metadata.name}`);
  }
  if (taken.length > 0)
    throw new RefusedError(`${scenario.id} would create what is there already, and is yours: ${taken.join(', ')}`);
}

/** The object with the run's mark as a label. */
export function labelled(object: KubeObject, mark: string): KubeObject {
  const labels = { ...object.metadata.labels, 'ordeal.mark': mark };
  return { ...object, metadata: { ...object.metadata, labels } };
}
