import type { Debt } from '../../model.ts';
import { inCluster } from './own-api.ts';

interface Node {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly unschedulable?: boolean };
}

/** A node that is gone, or another one under its name, is not ours to uncordon: then nothing is owed any more. */
export function uncordonNode(
  { name, uid }: Extract<Debt, { undo: 'uncordon-node' }>,
  folder: string | undefined,
): Promise<void> {
  return inCluster(folder, async (ask) => {
    const path = `/api/v1/nodes/${name}`;
    const read = async () => (await ask('GET', path)) as unknown as Node | undefined;
    const before = await read();
    if (before?.metadata.uid !== uid || !before.spec.unschedulable) return;
    // The server refuses the change where the uid is another one by now.
    await ask('PATCH', path, { metadata: { uid }, spec: { unschedulable: null } });
    const after = await read();
    if (after?.metadata.uid === uid && after.spec.unschedulable) throw new Error(`node ${name} is still cordoned`);
  });
}
