import { pause } from '../kube/abortable.ts';
import type { Millis } from '../model.ts';

/**
 * Runs `work` each `period` until the signal aborts, the first time at once. Never overlaps; what is late is left out,
 * not made up for. Rejects with the first error of `work`, unless the signal had aborted.
 */
export async function every(period: Millis, signal: AbortSignal, work: () => Promise<void> | void): Promise<void> {
  let due = performance.now();
  while (!signal.aborted) {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    const now = performance.now();
    due = Math.max(due + period, now - period);
    await pause(due - now, signal);
  }
}

/** Joins background work that stands or falls together: the first failure ends the others and is thrown when all have ended. */
export async function together(
  signal: AbortSignal,
  ...works: readonly ((signal: AbortSignal) => Promise<void>)[]
): Promise<void> {
  const failing = new AbortController();
  const both = AbortSignal.any([signal, failing.signal]);
  const results = await Promise.allSettled(
    works.map(async (work) => {
      try {
        await work(both);
      } catch (error) {
        failing.abort(error);
        throw error;
      }
    }),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed && !signal.aborted) throw failed.reason;
}

/** Waits for work, but not beyond the signal. */
export async function untilAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await Promise.race([work, promise]);
}
