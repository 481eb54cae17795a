import type { TheirBook } from '../../access/books.ts';
import { RefusedError } from '../../model.ts';

/** Throws `RefusedError` where a run owes something in the cluster, or plays there at this moment. */
export function refuseOpenDebts(books: readonly TheirBook[], context: string): void {
  if (books.length === 0) return;
  const lines = books.map(({ run, debts }) => `  run ${run}: ${debts.length} debts`);
  const payer = `ordeal clean --context ${context}`;
  throw new RefusedError(
    `the cluster has open debts, of runs that died or that play there now; ${payer} pays them:\n${lines.join('\n')}`,
  );
}
