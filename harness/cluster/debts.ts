import type { Owed } from '../model.ts';

/** Pays every debt, last in, first out, and empties the list. Throws the first failure when all was tried. */
export async function settleAll(debts: Owed[]): Promise<void> {
  const failures: unknown[] = [];
  while (debts.length)
    await debts
      .pop()
      ?.settle()
      .catch((error: unknown) => failures.push(error));
  if (failures.length) throw failures[0];
}
