import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Debt, type Ledger, type Owed, ScenarioError } from '../model.ts';
import { jsonWithoutSecrets } from './secrets.ts';
import { undo } from './undo.ts';

interface Line {
  readonly id: number;
  readonly wall: string;
  readonly state: 'owed' | 'done' | 'settled' | 'failed';
  readonly debt?: Debt;
  readonly error?: string;
}

export interface Account {
  readonly id: number;
  readonly debt: Debt;
  readonly settled: boolean;
  readonly error?: string;
}

export interface OpenLedger extends Ledger {
  /** Pays all that is owed, last in, first out, and goes on after a failure. Returns what could not be paid. */
  payAll(): Promise<readonly Account[]>;
}

/** The debts of a run, in `<folder>/ledger.ndjson`. Each line is on disk (fsync) before the deed that it undoes. */
export function openLedger(folder: string): OpenLedger {
  const path = join(folder, 'ledger.ndjson');
  cutHalfLine(path);
  let next = readLedger(folder).reduce((most, { id }) => Math.max(most, id), 0) + 1;

  const write = (line: Omit<Line, 'wall'>) => {
    const bytes = Buffer.from(`${jsonWithoutSecrets({ wall: new Date().toISOString(), ...line })}\n`);
    const file = openSync(path, 'a', 0o600);
    const length = fstatSync(file).size;
    try {
      if (writeSync(file, bytes) < bytes.length) throw new Error(`${path}: no space for a whole line`);
      fsyncSync(file);
    } catch (error) {
      // Half a line would spoil the next one.
      ftruncateSync(file, length);
      throw error;
    } finally {
      closeSync(file);
    }
  };

  const pay = async (id: number, debt: Debt): Promise<void> => {
    try {
      await undo(debt);
    } catch (error) {
      write({ id, state: 'failed', error: String(error) });
      throw error;
    }
    write({ id, state: 'settled' });
  };

  return {
    async owe(debt: Debt): Promise<Owed> {
      const id = next++;
      write({ id, state: 'owed', debt });
      return { done: () => write({ id, state: 'done' }), settle: () => pay(id, debt) };
    },
    async payAll() {
      for (const { id, debt } of readLedger(folder).filter(unpaid).reverse()) {
        // The failure is on the books; the other debts are still due.
        await pay(id, debt).catch(() => undefined);
      }
      return readLedger(folder).filter(unpaid);
    },
  };
}

/** A line cut short by a crash goes: its deed never began. */
function cutHalfLine(path: string): void {
  if (!existsSync(path)) return;
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(10) + 1;
  if (end < bytes.length) truncateSync(path, end);
}

const unpaid = (account: Account): boolean => !account.settled;

function lineOf(text: string, place: string): Line {
  try {
    const line = JSON.parse(text) as Line | null;
    if (typeof line?.id === 'number') return line;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ScenarioError([`${place}:1: not a line of a ledger; what it says may still be owed`]);
}

/** The state of every debt of a run, in the order owed. */
export function readLedger(folder: string): readonly Account[] {
  const path = join(folder, 'ledger.ndjson');
  if (!existsSync(path)) return [];
  const accounts = new Map<number, Account>();
  const lines = readFileSync(path, 'utf8').split('\n');
  lines.forEach((text, index) => {
    if (text === '') return;
    if (index === lines.length - 1) return;
    const line = lineOf(text, `${path}:${index + 1}`);
    if (line.state === 'owed' && line.debt) accounts.set(line.id, { id: line.id, debt: line.debt, settled: false });
    const account = accounts.get(line.id);
    if (!account) return;
    if (line.state === 'settled') accounts.set(line.id, { id: line.id, debt: account.debt, settled: true });
    if (line.state === 'failed') accounts.set(line.id, { ...account, error: line.error ?? 'unknown' });
  });
  return [...accounts.values()];
}
