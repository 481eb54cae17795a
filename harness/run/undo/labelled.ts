import { setTimeout as sleep } from 'node:timers/promises';
import type { Ask } from '../../access/ask.ts';
import { askTheirs } from '../../access/theirs.ts';
import { ClusterError, type Debt, type LabelledResource } from '../../model.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
export const collections: Readonly<Record<LabelledResource, string>> = {
  namespace: '/api/v1/namespaces',
  priorityclass: '/apis/scheduling.k8s.io/v1/priorityclasses',
  clusterrole: `${rbac}/clusterroles`,
  clusterrolebinding: `${rbac}/clusterrolebindings`,
};

interface Labelled {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
}

/** No run makes such, and a label is quickly written. */
function isNobodys(resource: LabelledResource, name: string, mark: string): boolean {
  if (resource === 'namespace') return /^(default|kube-.*|ordeal.*)$/.test(name) && name !== `ordeal-${mark}`;
  if (resource === 'priorityclass') return name.startsWith('system-');
  return !name.startsWith(`ordeal-${mark}`);
}

/** Rounds of half a second. Real pods have their grace period. */
const most = 240;
/** A pod on a node that is down would hold its namespace for ever. */
const force = 80;

/** Deletes every object of that kind with the run's label, and waits until none is left. */
export async function deleteLabelled({ cluster, resource, mark }: Extract<Debt, { undo: 'delete-labelled' }>) {
  const ask = await askTheirs(cluster);
  for (let round = 0; ; round++) {
    const left = await labelledIn(ask, resource, mark);
    if (left.length === 0) return;
    const theirs = left.find(({ metadata }) => isNobodys(resource, metadata.name, mark));
    if (theirs) throw new Error(`not ours, left alone: ${resource} ${theirs.metadata.name}, whoever labelled it`);
    if (round === most)
      throw new Error(`${resource} ${left.map(({ metadata }) => metadata.name).join(', ')} is still there`);
    for (const { metadata } of left) await remove(ask, resource, metadata, round);
    await sleep(500);
  }
}

/** Of a kind, what carries the mark: the server's answer is not believed where it shows another label. */
export async function labelledIn(ask: Ask, resource: LabelledResource, mark: string): Promise<readonly Labelled[]> {
  const query = `labelSelector=${encodeURIComponent(`ordeal.mark=${mark}`)}`;
  const list = (await ask('GET', `${collections[resource]}?${query}`)) as unknown as
    | { items?: readonly Labelled[] }
    | undefined;
  if (list?.items === undefined) throw new ClusterError(`GET ${collections[resource]}`, 404, 'there is no such list');
  return list.items.filter(({ metadata }) => metadata.labels?.['ordeal.mark'] === mark);
}

async function remove(
  ask: Ask,
  resource: LabelledResource,
  { name, uid, deletionTimestamp }: Labelled['metadata'],
  round: number,
) {
  if (deletionTimestamp === undefined) {
    // The server refuses it where the uid is another one by now; then the next look finds nothing of ours.
    await ask('DELETE', `${collections[resource]}/${name}`, { preconditions: { uid } });
  } else if (resource === 'namespace' && round > 0 && round % force === 0) {
    // Where it is refused they may still end by themselves.
    await ask('DELETE', `/api/v1/namespaces/${name}/pods?gracePeriodSeconds=0`).catch((error: unknown) => {
      if (!(error instanceof ClusterError)) throw error;
    });
  }
}
