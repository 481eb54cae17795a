import { setTimeout as sleep } from 'node:timers/promises';
import type { Millis } from '../model.ts';
import { alive } from '../process.ts';
import { hurry } from './arm.ts';
import { openLedger } from './ledger.ts';
import { entryOf, strikeEntry, whoseIs } from './register.ts';

// A program of its own: `watchdog.ts --watchdog=MARK FOLDER`, started by watched.ts. It holds one end of a pipe to the harness; when the
// other end is gone and nobody said that all is settled, the harness is dead, and it pays what the run owes.

const poll: Millis = 200;
/** What docker or a node was asked to do in the moment of its death may still be done. */
const onItsWay: Millis = 500;
/** From one try to the next: at first, and when it has not worked so often. */
const pauses = { soon: 5_000, seldom: 60_000, after: 12 };
const giveUp: Millis = 3_600_000;
/** That those who wait to pay later have to look into the ledger. */
const lookWithin: Millis = 10_000;

const [, , , folder = ''] = process.argv;
const { owner, mark, index } = entryOf(folder);
// The folder may be gone when it counts.
const whose = whoseIs(folder);

/** Told to end, by who cleans: no further try. */
const told = new AbortController();
process.on('SIGTERM', () => told.abort());
process.once('message', () => process.exit(0));
const abandoned = new Promise<void>((resolve) => process.once('disconnect', resolve));
process.send?.('watching');

await abandoned;
while (alive(owner)) await sleep(poll);
await sleep(onItsWay);
const due = performance.now() + giveUp;
for (let tried = 1; !told.signal.aborted && performance.now() < due; tried++) {
  if (await paid()) break;
  await pause(tried < pauses.after ? pauses.soon : pauses.seldom);
}

/** What cannot be paid stays on the books, where `ordeal clean` finds it and says why. */
async function paid(): Promise<boolean> {
  try {
    const unpaid = await openLedger(folder, {}, whose).payAll();
    if (unpaid.length > 0) return false;
    await hurry(mark, lookWithin);
    if (index !== undefined) strikeEntry(index);
    return true;
  } catch {
    return false;
  }
}

/** Ends early when told. */
async function pause(length: Millis): Promise<void> {
  await sleep(length, undefined, { signal: told.signal }).catch(() => undefined);
}
