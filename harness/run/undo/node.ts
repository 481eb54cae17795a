import type { Ask } from '../../access/ask.ts';
import { askTheirs } from '../../access/theirs.ts';
import type { Debt } from '../../model.ts';
import { inCluster } from './own-api.ts';

interface Node {
  readonly metadata: { readonly uid: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly unschedulable?: boolean };
}

/** Holds the mark of the run that cordoned a node of somebody's. */
const CORDONED = 'ordeal.cordoned';

/** A node that is gone, or another one under its name, is not ours to uncordon: then nothing is owed any more. */
export async function uncordonNode(
  { name, uid, cluster, mark }: Extract<Debt, { undo: 'uncordon-node' }>,
  folder: string | undefined,
): Promise<void> {
  const path = `/api/v1/nodes/${name}`;
  if (cluster !== undefined) {
    const ask = await askTheirs(cluster);
    const read = async () => (await ask('GET', path)) as unknown as Node | undefined;
    const ours = (node: Node | undefined) =>
      node?.metadata.uid === uid && node.metadata.annotations?.[CORDONED] === mark;
    if (!ours(await read())) return;
    await ask('PATCH', path, { metadata: { uid, annotations: { [CORDONED]: null } }, spec: { unschedulable: null } });
    if (ours(await read())) throw new Error(`node ${name} is still cordoned`);
    return;
  }
  await inCluster(folder, async (ask) => {
    const read = async () => (await ask('GET', path)) as unknown as Node | undefined;
    const before = await read();
    if (before?.metadata.uid !== uid || !before.spec.unschedulable) return;
    // The server refuses the change where the uid is another one by now.
    await ask('PATCH', path, { metadata: { uid }, spec: { unschedulable: null } });
    const after = await read();
    if (after?.metadata.uid === uid && after.spec.unschedulable) throw new Error(`node ${name} is still cordoned`);
  });
}

/** The names of the nodes that this run cordoned, and nobody uncordoned. */
export async function nodesCordonedBy(ask: Ask, mark: string): Promise<readonly string[]> {
  const { items = [] } = ((await ask('GET', '/api/v1/nodes')) ?? {}) as unknown as {
    items?: readonly { readonly metadata: Node['metadata'] & { readonly name: string } }[];
  };
  return items.flatMap(({ metadata }) => (metadata.annotations?.[CORDONED] === mark ? [metadata.name] : []));
}
