import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { type Debt, RefusedError } from '../model.ts';
import { jsonWithoutSecrets } from './secrets.ts';

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
  /** The deed is done. */
  readonly done?: true;
  readonly error?: string;
}

export interface Book {
  /** Every debt with its state, in the order owed. */
  readonly accounts: readonly Account[];
  /** Complaints, with their places, about lines that say nothing: a power loss leaves such. */
  readonly unreadable: readonly string[];
}

/** One write at the file's end, so that lines of several processes do not mix; on disk when it returns. */
export function writeLine(path: string, line: Omit<Line, 'wall'>): void {
  const bytes = Buffer.from(`${jsonWithoutSecrets({ wall: new Date().toISOString(), ...line })}\n`);
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  const file = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
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
export function cutHalfLine(path: string): void {
  if (wholeUpTo(path) === undefined) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  const end = wholeUpTo(path);
  if (end !== undefined) truncateSync(path, end);
}

/** Where the last whole line ends, when something comes after it. */
function wholeUpTo(path: string): number | undefined {
  const bytes = bytesOf(path);
  const end = bytes.lastIndexOf(10) + 1;
  return end < bytes.length ? end : undefined;
}

/** Of a plain file; none when there is no such file. Throws `RefusedError` for a link or a pipe: we made neither. */
function bytesOf(path: string): Buffer {
  if (!existsSync(path)) return Buffer.alloc(0);
  if (!lstatSync(path).isFile()) throw new RefusedError(`${path} is no plain file, and so no ledger of ours`);
  return readFileSync(path);
}

export function readBook(path: string): Book {
  const accounts = new Map<number, Account>();
  const unreadable: string[] = [];
  // What follows the last line break is being written, or was cut short.
  const lines = bytesOf(path).toString('utf8').split('\n').slice(0, -1);
  for (const [index, text] of lines.entries()) {
    const line = lineOf(text);
    if (line) enter(accounts, line);
    else if (text !== '')
      unreadable.push(
        `${path}:${index + 1}:1: not a line of a ledger; what it says may be owed; when you have looked, take it out`,
      );
  }
  return { accounts: [...accounts.values()], unreadable };
}

function lineOf(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Line | null;
    return typeof line?.id === 'number' ? line : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function enter(accounts: Map<number, Account>, line: Line): void {
  if (line.state === 'owed' && line.debt) accounts.set(line.id, { id: line.id, debt: line.debt, settled: false });
  const account = accounts.get(line.id);
  if (!account) return;
  // Somebody was quicker than the deed: what it did is still there.
  if (line.state === 'done') accounts.set(line.id, { ...account, settled: false, done: true });
  if (line.state === 'settled') accounts.set(line.id, { id: line.id, debt: account.debt, settled: true });
  if (line.state === 'failed') accounts.set(line.id, { ...account, error: line.error ?? 'unknown' });
}
