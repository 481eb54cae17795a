import { setTimeout as sleep } from 'node:timers/promises';
import { type Ask, askOf } from '../access/ask.ts';
import { readBooks, type TheirBook } from '../access/books.ts';
import { readAccess } from '../access/kubeconfig.ts';
import { liftSwitch, seeSwitch, setSwitch, switchRefusal } from '../access/switch.ts';
import { uidOf } from '../access/theirs.ts';
import { ClusterError, type Millis, RefusedError } from '../model.ts';
import { type Ambient, plain } from './ambient.ts';
import { contextOf, type TargetOptions, targetOf } from './target.ts';
import { who } from './who.ts';

/** So long a run has to put everything back; one that waits for its API server tries for 120 s. */
const within: Millis = 150_000;
const lookEvery: Millis = 500;

/**
 * The kill switch of a cluster that somebody has: every run there halts, whichever machine it is on, and none begins until it is lifted.
 * Waits until the cluster's books are empty. Exit 0, or 4 where a run still owes something. Throws RefusedError, ClusterError.
 */
export async function stopCluster(options: TargetOptions, lift: boolean, ambient: Ambient): Promise<number> {
  const target = targetOf(options);
  if (target === undefined) throw new RefusedError('which cluster? say --context NAME');
  const { kubeconfig, context } = contextOf(target);
  const ask = askOf(await readAccess(kubeconfig, context));
  // Whatever else answers at that address knows no switch either.
  await uidOf(ask);
  if (lift) {
    const set = await liftSwitch(ask);
    ambient.out.write(plain(set ? `lifted: runs may begin in ${context} again` : 'the switch was not set'));
    return 0;
  }
  await setSwitch(ask, who());
  const set = await seeSwitch(ask);
  if (set === undefined) throw gone(context);
  ambient.out.write(plain(switchRefusal(set, context)));
  const left = await emptied(ask, ambient);
  for (const { run, debts } of left) {
    const owed = `${debts.length} debts are still on the books`;
    ambient.err.write(plain(`${run}: ${owed}; when its harness is gone, ordeal clean --context ${context} pays`));
  }
  if ((await seeSwitch(ask)) === undefined) throw gone(context);
  return left.length > 0 ? 4 : 0;
}

/** Somebody lifted it, or took its namespace away. */
const gone = (context: string) =>
  new RefusedError(
    `the switch in ${context} is gone again: runs may begin there; ordeal stop --context ${context} sets it`,
  );

/** Tells each run that has put everything back; what is left is those that have not in time. */
async function emptied(ask: Ask, ambient: Ambient): Promise<readonly TheirBook[]> {
  const began = performance.now();
  let left = await readBooks(ask);
  // Those by --cluster kind:NAME keep theirs on their own machine.
  if (left.length === 0) ambient.out.write('no run keeps books there: none by --context was under way\n');
  while (left.length > 0 && performance.now() - began < within) {
    await sleep(lookEvery, undefined, { signal: ambient.signal });
    // What a run does may well keep the API server from answering.
    const now = await readBooks(ask).catch((error: unknown) => {
      if (!(error instanceof ClusterError)) throw error;
    });
    if (now === undefined) continue;
    const took = ((performance.now() - began) / 1000).toFixed(1);
    for (const { run, mark } of left)
      if (!now.some((book) => book.mark === mark))
        ambient.out.write(plain(`${run}: halted, and everything put back, in ${took} s`));
    left = now;
  }
  return left;
}
