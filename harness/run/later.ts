import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Millis } from '../model.ts';
import { isSettled, settledInPassing } from './ledger.ts';
import { requireDebt } from './undo/debt.ts';
import { undo } from './undo.ts';

// A program of its own: `later.ts --later=MARK FOLDER ID WITHIN DEBT`, started by arm.ts. It waits, pays, and ends.

const poll: Millis = 1000;
/** From one try to the next: at first, and when it has not worked so often. */
const pauses = { soon: 15_000, seldom: 60_000, after: 20 };
const giveUp: Millis = 24 * 3_600_000;

const [, , , folder = '', number = '', within = '', text = ''] = process.argv;
const debt = requireDebt(JSON.parse(text));
const id = Number(number);
const due = performance.now() + Number(within);

/** Told to end, by who settles or cleans: it looks and pays at once. */
let told = new AbortController();
process.on('SIGTERM', () => told.abort());
// Its parent has heard that it waits; from now on it has none.
process.send?.('armed', () => process.disconnect?.());

while (!settled() && performance.now() < due && !told.signal.aborted)
  await pause(Math.min(poll, due - performance.now()));
for (let tried = 1; !settled() && performance.now() < due + giveUp; tried++) {
  told = new AbortController();
  try {
    await undo(debt, { folder });
    settledInPassing(folder, id);
    break;
  } catch {
    // Nobody listens here: it stays on the books, where `ordeal clean` finds it and says why.
    await pause(tried < pauses.after ? pauses.soon : pauses.seldom);
  }
}

/** A ledger that is gone or cannot be read settles nothing. */
function settled(): boolean {
  try {
    return existsSync(folder) && isSettled(folder, id);
  } catch {
    return false;
  }
}

/** Ends early when told. */
async function pause(length: Millis): Promise<void> {
  await sleep(Math.max(0, length), undefined, { signal: told.signal }).catch(() => undefined);
}
