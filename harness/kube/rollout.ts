import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError, type Millis } from '../model.ts';
import type { KubeClient, KubeObject } from './client.ts';
import { collectionOf } from './kinds.ts';

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

interface Workload extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly generation?: number };
  readonly spec?: { readonly replicas?: number; readonly selector?: Selector };
  readonly status?: Readonly<Record<string, unknown>>;
}

interface Counts {
  readonly wanted: number;
  readonly updated: number;
  readonly available: number;
}

const each: Millis = 500;
const unfinished = 'status.phase!=Succeeded,status.phase!=Failed';
const kinds: Readonly<Record<string, (spec: Workload['spec'], count: (field: string) => number) => Counts>> = {
  Deployment: byReplicas,
  StatefulSet: byReplicas,
  DaemonSet: (_, count) => ({
    wanted: count('desiredNumberScheduled'),
    updated: count('updatedNumberScheduled'),
    available: count('numberAvailable'),
  }),
};

function byReplicas(spec: Workload['spec'], count: (field: string) => number): Counts {
  return { wanted: spec?.replicas ?? 1, updated: count('updatedReplicas'), available: count('availableReplicas') };
}

/**
 * Waits until the pods of a Deployment, StatefulSet or DaemonSet are all as it says now, available, and no other is left that its
 * selector matches. Returns at once for an object that has no pods. Throws `ClusterError` ETIMEDOUT, with what is lacking, after
 * `patience` (default 2 min), and any other that the server says.
 */
export async function rolledOut(
  client: KubeClient,
  object: KubeObject,
  { signal, patience = 120_000 }: { readonly signal: AbortSignal; readonly patience?: Millis },
): Promise<void> {
  const { apiVersion = '', kind = '' } = object;
  if (!apiVersion.startsWith('apps/') || !Object.hasOwn(kinds, kind)) return;
  const path = `${await collectionOf(client, object)}/${object.metadata.name}`;
  const until = performance.now() + patience;
  for (;;) {
    const lacking = await lack(client, await client.get<Workload>(path), kind);
    if (lacking === undefined) return;
    if (performance.now() > until) {
      const what = `${kind} ${object.metadata.name}`;
      throw new ClusterError(what, 'ETIMEDOUT', `not rolled out in ${patience / 1000} s: ${lacking}`);
    }
    await sleep(each, undefined, { signal });
  }
}

/** What is not yet as it should be, for people. */
async function lack(client: KubeClient, workload: Workload, kind: string): Promise<string | undefined> {
  const { metadata, spec, status = {} } = workload;
  const count = (field: string) => Number(status[field] ?? 0);
  if (count('observedGeneration') < (metadata.generation ?? 0)) return 'no controller has seen it';
  const { wanted, updated, available } = kinds[kind]?.(spec, count) ?? { wanted: 0, updated: 0, available: 0 };
  if (updated !== wanted || available !== wanted)
    return `${updated} of ${wanted} pods are new, ${available} are available`;
  // Who is to end still answers; it is not counted above.
  const pods = `/api/v1/namespaces/${metadata.namespace ?? 'default'}/pods`;
  const { items } = await client.list(pods, { labelSelector: selectorOf(spec?.selector), fieldSelector: unfinished });
  return items.length > wanted ? `${items.length - wanted} former pods are left` : undefined;
}

function selectorOf({ matchLabels = {}, matchExpressions = [] }: Selector = {}): string {
  const words = { In: 'in', NotIn: 'notin', Exists: '', DoesNotExist: '!' };
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map(({ key, operator, values = [] }) =>
    values.length > 0 ? `${key} ${words[operator]} (${values.join(',')})` : `${operator === 'Exists' ? '' : '!'}${key}`,
  );
  return [...equal, ...others].join(',');
}
