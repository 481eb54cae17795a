import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ask } from '../access/ask.ts';
import type { KubeObject } from '../kube/client.ts';
import { render } from '../kube/manifest.ts';
import { RefusedError, type Scenario } from '../model.ts';

const prefixes: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  PriorityClass: '/apis/scheduling.k8s.io/v1/priorityclasses',
};

/** Of each manifest its first round: what it counts up is no name of a namespace. */
async function objectsOf(scenario: Scenario): Promise<{ manifest: string; object: KubeObject }[]> {
  const all = scenario.objects.map(async ({ manifest }) => {
    const text = await readFile(join(scenario.folder, manifest), 'utf8');
    return render(text, { ...scenario.parameters, index: 0 }).map((object) => ({ manifest, object }));
  });
  return (await Promise.all(all)).flat();
}

/**
 * Why what a scenario creates must not be created in a cluster that somebody has, one sentence each: there everything lies in namespaces of
 * the run's own, nothing is changed that is there, and no pod of ours may take the place of one of theirs.
 */
export async function theirObjectsRefused(scenario: Scenario): Promise<string[]> {
  const all = await objectsOf(scenario);
  const own = new Set(all.flatMap(({ object }) => (object.kind === 'Namespace' ? [object.metadata.name] : [])));
  const applied = scenario.objects.filter(({ apply }) => apply).map(({ manifest }) => manifest);
  return [
    ...applied.map((manifest) => `kubeconfig: ${manifest} has apply: true, which would change what is yours`),
    ...(scenario.installs.length > 0 ? ['kubeconfig: what a chart’s hooks create could not be taken back'] : []),
    ...all.flatMap(({ manifest, object }) =>
      reasonAgainst(object, own).map((why) => `kubeconfig: ${manifest}: ${why}`),
    ),
  ];
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
  if (namespace === undefined)
    return [`${kind} ${name} has no namespace: it would be in default, or belong to the whole cluster`];
  return own.has(namespace)
    ? []
    : [`${kind} ${name} is in the namespace ${namespace}, which the scenario does not create`];
}

/** Throws `RefusedError` with every name that is taken in that cluster. Asked before anything is changed there. */
export async function requireFreeNames(scenario: Scenario, ask: Ask): Promise<void> {
  const taken: string[] = [];
  for (const { object } of await objectsOf(scenario)) {
    const prefix = prefixes[object.kind ?? ''];
    if (prefix === undefined) continue;
    const found = await ask('GET', `${prefix}/${object.metadata.name}`);
    if (found !== undefined) taken.push(`${object.kind} ${object.metadata.name}`);
  }
  if (taken.length > 0)
    throw new RefusedError(`${scenario.id} would create what is there already, and is yours: ${taken.join(', ')}`);
}

/** The object with the run's mark as a label. */
export function labelled(object: KubeObject, mark: string): KubeObject {
  const labels = { ...object.metadata.labels, 'ordeal.mark': mark };
  return { ...object, metadata: { ...object.metadata, labels } };
}
