import { setTimeout as sleep } from 'node:timers/promises';
import { type Ask, askOf } from '../access/ask.ts';
import { readBooks, type TheirBook } from '../access/books.ts';
import { readAccess } from '../access/kubeconfig.ts';
import { type Millis, RefusedError } from '../model.ts';
import { liftSwitch, seeSwitch, setSwitch } from '../safety/switch.ts';
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
  if (lift) {
    const set = await liftSwitch(ask);
    ambient.out.write(plain(set ? `lifted: runs may begin in ${context} again` : 'the switch was not set'));
    return 0;
  }
  await setSwitch(ask, who());
  const { why } = (await seeSwitch(ask)) ?? {};
  if (why === undefined) throw new RefusedError(`the switch was set in ${context}, and is gone again`);
  ambient.out.write(plain(`${why}: no run begins there until ordeal stop --context ${context} --lift`));
  const left = await emptied(ask, ambient);
  for (const { run, debts } of left) {
    const owed = `${debts.length} debts are still on the books`;
    ambient.err.write(plain(`${run}: ${owed}; when its harness is gone, ordeal clean --context ${context} pays`));
  }
  return left.length > 0 ? 4 : 0;
}

/** Tells each run that has put everything back; what is left is those that have not in time. */
async function emptied(ask: Ask, ambient: Ambient): Promise<readonly TheirBook[]> {
  const began = performance.now();
  let left = await readBooks(ask);
  if (left.length === 0) ambient.out.write('no run was under way\n');
  while (left.length > 0 && performance.now() - began < within) {
    await sleep(lookEvery, undefined, { signal: ambient.signal });
    const now = await readBooks(ask);
    const took = ((performance.now() - began) / 1000).toFixed(1);
    for (const { run, mark } of left)
      if (!now.some((book) => book.mark === mark))
        ambient.out.write(plain(`${run}: halted, and everything put back, in ${took} s`));
    left = now;
  }
  return left;
}
