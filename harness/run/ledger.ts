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
import { type Debt, type Ledger, type Millis, type Owed, ScenarioError } from '../model.ts';
import type { Clients } from '../node/exec.ts';
import { type Armed, arm } from './arm.ts';
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
export function openLedger(folder: string, clients: Clients = {}): OpenLedger {
  const path = pathOf(folder);
  cutHalfLine(path);
  let next = readLedger(folder).reduce((most, { id }) => Math.max(most, id), 0) + 1;
  const armed = new Map<number, Armed>();

  const pay = async (id: number, debt: Debt): Promise<void> => {
    try {
      await undo(debt, clients);
    } catch (error) {
      write(path, { id, state: 'failed', error: String(error) });
      throw error;
    }
    write(path, { id, state: 'settled' });
    await armed.get(id)?.disarm();
    armed.delete(id);
  };

  return {
    async owe(debt: Debt, { within }: { readonly within?: Millis } = {}): Promise<Owed> {
      const id = next++;
      write(path, { id, state: 'owed', debt });
      if (within !== undefined) armed.set(id, await arm(folder, id, debt, within));
      return { done: () => write(path, { id, state: 'done' }), settle: () => pay(id, debt) };
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

/** Says in the ledger that another process than its owner's paid. A ledger that is gone is not made again. */
export function settledInPassing(folder: string, id: number): void {
  if (existsSync(pathOf(folder))) write(pathOf(folder), { id, state: 'settled' });
}

const pathOf = (folder: string): string => join(folder, 'ledger.ndjson');

/** One write at the file's end, so that lines of several processes do not mix. */
function write(path: string, line: Omit<Line, 'wall'>): void {
  const bytes = Buffer.from(`${jsonWithoutSecrets({ wall: new Date().toISOString(), ...line })}\n`);
  const file = openSync(path, 'a', 0o600);
  const length = fstatSync(file).size;
  let written = 0;
  try {
    written = writeSync(file, bytes);
    if (written < bytes.length) throw new Error(`${path}: no space for a whole line`);
    fsyncSync(file);
  } catch (error) {
    // Half a line would spoil the next one; nobody else's line may be cut.
    if (fstatSync(file).size === length + written) ftruncateSync(file, length);
    throw error;
  } finally {
    closeSync(file);
  }
}

/** A line cut short by a crash goes: its deed never began. One that is being written at this moment stays. */
function cutHalfLine(path: string): void {
  if (!existsSync(path) || wholeUpTo(path) === undefined) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  const end = wholeUpTo(path);
  if (end !== undefined) truncateSync(path, end);
}

/** Where the last whole line ends, when something comes after it. */
function wholeUpTo(path: string): number | undefined {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(10) + 1;
  return end < bytes.length ? end : undefined;
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
  const path = pathOf(folder);
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
    // Somebody was quicker than the deed: what it did is still there.
    if (line.state === 'done' && account.settled) accounts.set(line.id, { ...account, settled: false });
    if (line.state === 'settled') accounts.set(line.id, { id: line.id, debt: account.debt, settled: true });
    if (line.state === 'failed') accounts.set(line.id, { ...account, error: line.error ?? 'unknown' });
  });
  return [...accounts.values()];
}
