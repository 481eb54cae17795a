import { removeBooks } from '../../access/books.ts';
import { askTheirs } from '../../access/theirs.ts';
import type { Debt, LabelledResource } from '../../model.ts';
import { collections, labelledIn } from './labelled.ts';
import { nodesCordonedBy } from './node.ts';

/** Refused while anything of the run is left in the cluster: from its books any machine can pay. */
export async function closeBooks({ cluster, mark }: Extract<Debt, { undo: 'close-books' }>): Promise<void> {
  const ask = await askTheirs(cluster);
  const kinds = Object.keys(collections) as LabelledResource[];
  const left = await Promise.all(
    kinds.map(async (kind) => (await labelledIn(ask, kind, mark)).map(({ metadata }) => `${kind} ${metadata.name}`)),
  );
  const all = [...left.flat(), ...(await nodesCordonedBy(ask, mark)).map((name) => `cordoned node ${name}`)];
  if (all.length > 0) throw new Error(`the books stay open: there is still ${all.join(', ')}`);
  await removeBooks(ask, mark);
}
