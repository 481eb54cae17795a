import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { daemonId } from '../docker.ts';
import { type Debt, type Ledger, type Millis, type Owed, ScenarioError } from '../model.ts';
import type { Clients } from '../node/exec.ts';
import { type Armed, arm } from './arm.ts';
import { type Account, type Book, cutHalfLine, readBook, writeLine } from './books.ts';
import { Reach } from './reach.ts';
import { type Whose, whoseIs } from './register.ts';
import { noteThere } from './their-books.ts';
import { inDocker, inOwnCluster, requireDebt } from './undo/debt.ts';
import { undo } from './undo.ts';

export type { Account } from './books.ts';

/** What could not be paid; without a debt where its line cannot be read. */
export interface Unpaid {
  readonly debt?: Debt;
  readonly error?: string;
}

export interface OpenLedger extends Ledger {
  /** The number of the debt that was owed last; 0 before the first one. */
  readonly latest: number;
  /**
   * Pays all that is owed, or all that was owed after the debt of this number; last in, first out, and goes on after a failure.
   * Returns what could not be paid.
   */
  payAll(after?: number): Promise<readonly Unpaid[]>;
}

/**
 * The debts of a run, in `<folder>/ledger.ndjson`, and first in the copy that the index keeps (`whose.kept`), which survives the folder and
 * which nobody edits: what it says counts. Each line is on disk (fsync) before the deed that it undoes.
 */
export function openLedger(folder: string, clients: Clients = {}, whose: Whose = whoseIs(folder)): OpenLedger {
  for (const path of pathsOf(folder, whose)) cutHalfLine(path);
  heal(folder, whose);
  let next = readBooks(folder, whose).accounts.reduce((most, { id }) => Math.max(most, id), 0) + 1;
  const armed = new Map<number, Armed>();
  const reach = new Reach();
  let daemon: Promise<string> | undefined;

  const withDaemon = async (debt: Debt): Promise<Debt> => {
    if (!inDocker(debt)) return debt;
    daemon ??= daemonId(clients);
    // Asked again next time when nobody answered.
    const id = await daemon.catch((error: unknown) => {
      daemon = undefined;
      throw error;
    });
    return { ...debt, daemon: id };
  };
  const write = (line: Parameters<typeof writeLine>[1]) => {
    for (const path of pathsOf(folder, whose)) writeLine(path, line);
  };
  const pay = async (id: number, debt: Debt): Promise<void> => {
    try {
      requireDebt(debt, whose);
      await reach.of(debt, () => undo(debt, { ...clients, folder }));
    } catch (error) {
      write({ id, state: 'failed', error: String(error) });
      throw error;
    }
    write({ id, state: 'settled' });
    await armed.get(id)?.disarm();
    armed.delete(id);
  };

  return {
    async owe(given: Debt, { within }: { readonly within?: Millis } = {}): Promise<Owed> {
      const debt = await withDaemon(requireDebt(given, whose));
      const id = next++;
      write({ id, state: 'owed', debt });
      await noteThere(debt, id);
      if (within !== undefined) armed.set(id, await arm(folder, id, debt, within));
      return { done: () => write({ id, state: 'done' }), settle: () => pay(id, debt) };
    },
    get latest() {
      return next - 1;
    },
    async payAll(after = 0) {
      const due = () => readBooks(folder, whose).accounts.filter(({ id, settled }) => id > after && !settled);
      const round = async (accounts: readonly Account[]) => {
        for (const { id, debt } of accounts.toReversed()) {
          // The failure is on the books; the other debts are still due.
          await pay(id, debt).catch(() => undefined);
        }
      };
      await round(due());
      // A cluster that no longer answered is gone by now, and with it what had to be put back there.
      await round(due().filter(({ debt }) => inOwnCluster(debt)));
      return [...due(), ...readBooks(folder, whose).unreadable.map((error) => ({ error }))];
    },
  };
}

const pathOf = (folder: string): string => join(folder, 'ledger.ndjson');

/** Where lines go: the copy first. What was removed is not made again: it would lack what came before. */
function pathsOf(folder: string, { kept }: Whose): string[] {
  const copy = kept !== undefined && existsSync(kept) ? [kept] : [];
  return copy.length === 0 || existsSync(folder) ? [...copy, pathOf(folder)] : copy;
}

/** What is owed by a run: as the index says where it knows, else as the run's folder says. */
export function readBooks(folder: string, whose: Whose): Book {
  return readBook(pathsOf(folder, whose)[0] ?? pathOf(folder));
}

/** What was owed when the harness died before it could say that the deed was done: that may still be on its way. */
export function halfDone(folder: string, whose: Whose): readonly Debt[] {
  return readBooks(folder, whose).accounts.flatMap(({ debt, settled, done }) => (settled || done ? [] : [debt]));
}

/** Lines that only the folder has lost are made good, so that reports can read them. */
function heal(folder: string, { kept }: Whose): void {
  if (kept === undefined || !existsSync(kept) || readBook(pathOf(folder)).unreadable.length === 0) return;
  if (readBook(kept).unreadable.length === 0) copyFileSync(kept, pathOf(folder));
}

/** Says in the ledger that another process than its owner's paid. A ledger that is gone is not made again. */
export function settledInPassing(folder: string, id: number): void {
  for (const path of pathsOf(folder, whoseIs(folder))) if (existsSync(path)) writeLine(path, { id, state: 'settled' });
}

/** Whether somebody has paid it. */
export function isSettled(folder: string, id: number): boolean {
  return readBook(pathOf(folder)).accounts.some((account) => account.id === id && account.settled);
}

/** The state of every debt of a run, in the order owed. Throws `ScenarioError` where a line says nothing. */
export function readLedger(folder: string): readonly Account[] {
  const { accounts, unreadable } = readBook(pathOf(folder));
  if (unreadable.length > 0) throw new ScenarioError(unreadable);
  return accounts;
}
