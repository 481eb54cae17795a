import { note } from '../access/books.ts';
import { askTheirs } from '../access/theirs.ts';
import { type Debt, type Json, ScenarioError, type TheirCluster } from '../model.ts';
import { requireDebt, theirClusterOf } from './undo/debt.ts';

/** What may be owed in a cluster's own books: it acts through that same API server, and there only. */
const kinds: readonly string[] = ['delete-labelled', 'uncordon-node'] satisfies readonly Debt['undo'][];

/** Writes a debt that is about a cluster of somebody's into that cluster's books; without the way to it, which is this machine's. */
export async function noteThere(debt: Debt, id: number): Promise<void> {
  const cluster = theirClusterOf(debt);
  if (cluster === undefined || !kinds.includes(debt.undo)) return;
  const { cluster: _, ...there } = { ...debt, cluster };
  await note(await askTheirs(cluster), debt.mark, id, there as unknown as Json);
}

/** A debt from the books of `cluster`, which anybody may have written. Throws `ScenarioError` for what is none of this mark. */
export function debtFrom(text: string, mark: string, cluster: TheirCluster): Debt {
  const said = JSON.stringify(text.slice(0, 300));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ScenarioError([`no debt: ${said}`], { cause: error });
  }
  const { undo } = (value ?? {}) as { readonly undo?: unknown };
  if (typeof undo !== 'string' || !kinds.includes(undo) || Object.hasOwn(value as object, 'cluster'))
    throw new ScenarioError([`not a debt that a cluster may name, left alone: ${said}`]);
  return requireDebt({ ...(value as object), cluster }, { mark });
}
