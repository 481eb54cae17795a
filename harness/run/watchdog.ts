import { setTimeout as sleep } from 'node:timers/promises';
import type { Debt, Millis } from '../model.ts';
import { alive } from '../process.ts';
import { hurry } from './arm.ts';
import { halfDone, openLedger } from './ledger.ts';
import { entryOf, strikeEntry, whoseIs } from './register.ts';
import { inDocker, requireDebt, theirClusterOf } from './undo/debt.ts';
import { undo } from './undo.ts';

// A program of its own: `watchdog.ts --watchdog=MARK FOLDER`, started by watched.ts. It holds one end of a pipe to the harness; when the
// other end is gone and nobody said that all is settled, the harness is dead, and it pays what the run owes.

const poll: Millis = 200;
/** What docker or a node was asked to do in the moment of its death may still be done. */
const onItsWay: Millis = 500;
/** From one try to the next: at first, and when it has not worked so often. */
const pauses = { soon: 5_000, seldom: 60_000, after: 12 };
const giveUp: Millis = 3_600_000;
/** A daemon or an API server that is slow does late what it was asked for by who is dead. */
const landsWithin: Millis = 15_000;
/** That those who wait to pay later have to look into the ledger. */
const lookWithin: Millis = 10_000;

const [, , , folder = ''] = process.argv;
const { owner, mark, index } = entryOf(folder);
// The folder may be gone when it counts.
const whose = whoseIs(folder);
let half: readonly Debt[] = [];

/** Told to end, by who cleans: no further try. Whoever tells it while the harness lives is not heard. */
const told = new AbortController();
let alone = false;
process.on('SIGTERM', () => alone && told.abort());
const released = new Promise<boolean>((resolve) => {
  process.once('message', () => resolve(true));
  process.once('disconnect', () => {
    alone = true;
    resolve(false);
  });
});
process.send?.('watching');

if (await released) process.disconnect?.();
else await payFor();

async function payFor(): Promise<void> {
  while (alive(owner)) await sleep(poll);
  await sleep(onItsWay);
  half = halfDone(folder, whose).filter((debt) => inDocker(debt) || theirClusterOf(debt) !== undefined);
  const due = performance.now() + giveUp;
  for (let tried = 1; !told.signal.aborted && performance.now() < due; tried++) {
    if (await paid()) return;
    await pause(tried < pauses.after ? pauses.soon : pauses.seldom);
  }
}

/** What cannot be paid stays on the books, where `ordeal clean` finds it and says why. */
async function paid(): Promise<boolean> {
  try {
    const unpaid = await openLedger(folder, {}, whose).payAll();
    if (unpaid.length > 0) return false;
    if (half.length > 0) await sleep(landsWithin);
    for (const debt of half.toReversed()) await undo(requireDebt(debt, whose), { folder });
    half = [];
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
