import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError, type Json } from '../model.ts';
import type { Ask } from './ask.ts';

/** Where runs write down what they owe in a cluster of somebody's, so that any machine with a kubeconfig can pay it. */
export const NAMESPACE = 'ordeal';
const namespaces = '/api/v1/namespaces';
const books = `${namespaces}/${NAMESPACE}/configmaps`;
/** Of the namespace, where a run made it. */
const MADE = 'ordeal.made';
const RUN = 'ordeal.run';
/** Changes while the harness lives. */
const BEAT = 'ordeal.beat';

/** What one run owes there, as it was read: anybody may have written it. */
export interface TheirBook {
  readonly mark: string;
  /** The run's id, or its mark where that is no id. */
  readonly run: string;
  /** The debts in the order owed, as JSON. */
  readonly debts: readonly string[];
  /** Another one at each change; a harness that lives makes one every five seconds. */
  readonly version: string;
}

interface ConfigMap {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
}

const nameOf = (mark: string) => `ordeal-${mark}`;

/** Makes the namespace where it is not there, and the run's page in it. Its undo is owed already. */
export async function openBooks(ask: Ask, { mark, id }: { readonly mark: string; readonly id: string }): Promise<void> {
  const labels = { 'ordeal.mark': mark };
  const annotations = { [RUN]: id };
  for (let round = 0; ; round++) {
    try {
      await makeNamespace(ask);
      return await create(ask, books, { metadata: { name: nameOf(mark), labels, annotations } });
    } catch (error) {
      // The namespace of the run before is still going.
      if (!(error instanceof ClusterError) || ![403, 404].includes(Number(error.code)) || round === 60) throw error;
      await sleep(500);
    }
  }
}

/** Where it is not there. It is told from one that somebody else made. */
export const makeNamespace = (ask: Ask): Promise<void> =>
  create(ask, namespaces, { metadata: { name: NAMESPACE, annotations: { [MADE]: 'true' } } });

/** On the cluster's own disk when it resolves. */
export async function note(ask: Ask, mark: string, number: number, debt: Json): Promise<void> {
  await change(ask, mark, { data: { [number]: JSON.stringify(debt) } });
}

export async function beat(ask: Ask, mark: string, count: number): Promise<void> {
  await change(ask, mark, { metadata: { annotations: { [BEAT]: String(count) } } });
}

/** What runs owe there. Pages that no run of ours wrote are left out. */
export async function readBooks(ask: Ask): Promise<readonly TheirBook[]> {
  const list = (await ask('GET', `${books}?labelSelector=ordeal.mark`)) as { items?: readonly ConfigMap[] } | undefined;
  return (list?.items ?? []).flatMap(({ metadata, data = {} }) => {
    const mark = metadata.labels?.['ordeal.mark'] ?? '';
    if (!/^[0-9a-f]{16,64}$/.test(mark) || metadata.name !== nameOf(mark)) return [];
    const said = metadata.annotations?.[RUN] ?? '';
    const numbers = Object.keys(data).sort((one, other) => Number(one) - Number(other));
    return {
      mark,
      run: /^[A-Za-z0-9][\w.-]{0,150}$/.test(said) ? said : mark,
      debts: numbers.map((number) => data[number] ?? ''),
      version: metadata.resourceVersion,
    };
  });
}

/** Takes the run's page out, and the namespace too where a run made it and nothing else is in it. */
export async function removeBooks(ask: Ask, mark: string): Promise<void> {
  await ask('DELETE', `${books}/${nameOf(mark)}`);
  await removeEmptyBooks(ask);
}

/** The namespace, where a run made it and nothing is in it. */
export async function removeEmptyBooks(ask: Ask): Promise<void> {
  const path = `${namespaces}/${NAMESPACE}`;
  for (let round = 0; ; round++) {
    const found = (await ask('GET', path)) as unknown as
      | { metadata: { uid: string; deletionTimestamp?: string; annotations?: Record<string, string> } }
      | undefined;
    if (found?.metadata.annotations?.[MADE] !== 'true') return;
    const { uid, deletionTimestamp } = found.metadata;
    if (deletionTimestamp === undefined) {
      if (!(await isEmpty(ask, path))) return;
      await ask('DELETE', path, { preconditions: { uid } });
    } else if (round === 120) throw new ClusterError(`DELETE namespace ${NAMESPACE}`, 'ETIMEDOUT', 'it is still there');
    await sleep(500);
  }
}

/** Of the core group, what is looked for before the namespace goes. */
export const inNamespace = [
  ...['configmaps', 'secrets', 'serviceaccounts', 'pods', 'services'],
  ...['persistentvolumeclaims', 'resourcequotas', 'limitranges'],
] as const;
/** Of rbac.authorization.k8s.io: who may set the switch without ordeal has them. */
export const rolesInNamespace = ['roles', 'rolebindings'] as const;

/** But for what the cluster itself puts into each namespace. */
async function isEmpty(ask: Ask, path: string): Promise<boolean> {
  const own = new Set(['kube-root-ca.crt', 'default']);
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}`;
  const lists = [...inNamespace.map((kind) => `${path}/${kind}`), ...rolesInNamespace.map((kind) => `${rbac}/${kind}`)];
  for (const one of lists) {
    const list = (await ask('GET', `${one}?limit=5`).catch(unlessForbidden)) as unknown as
      | { items?: readonly ConfigMap[] }
      | undefined;
    if (list?.items === undefined || list.items.some(({ metadata }) => !own.has(metadata.name))) return false;
  }
  return true;
}

/** What may not be looked at may hold something. */
export function unlessForbidden(error: unknown): undefined {
  if (!(error instanceof ClusterError) || error.code !== 403) throw error;
}

async function change(ask: Ask, mark: string, merge: Json): Promise<void> {
  const done = await ask('PATCH', `${books}/${nameOf(mark)}`, merge);
  if (done === undefined) throw new Error("the run's page in the cluster's books is gone: nothing more is done there");
}

/** What is there already stays as it is. */
async function create(ask: Ask, path: string, object: Json): Promise<void> {
  try {
    if ((await ask('POST', path, object)) === undefined) throw new ClusterError(`POST ${path}`, 404, 'not found');
  } catch (error) {
    if (!(error instanceof ClusterError) || error.code !== 409) throw error;
  }
}
