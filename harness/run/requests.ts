import { setTimeout as sleep } from 'node:timers/promises';
import type { Millis, Requests } from '../model.ts';

/** For each identity of the harness: a second, and at once after a pause. What a probe waits for so never delays another's. */
const PER_SECOND = 50;
const BURST = 100;

/** A token bucket: tokens come at a steady pace, up to the burst. Below none, so many are promised. */
interface Bucket {
  tokens: number;
  filled: Millis;
}

/** Counts what the harness asks of the API server, and holds each of its identities to 50 requests a second (100 at once). */
export function countRequests(agent: string, now: () => Millis = () => performance.now()): Requests {
  const counts = new Map<string, number>();
  const buckets = new Map<string, Bucket>();
  let waited = 0;
  return {
    agent,
    get counts() {
      return Object.fromEntries(counts);
    },
    get waited() {
      return waited;
    },
    async admit(user, signal, paced) {
      signal.throwIfAborted();
      counts.set(user, (counts.get(user) ?? 0) + 1);
      if (!paced) return;
      const at = now();
      const { tokens, filled } = buckets.get(user) ?? { tokens: BURST, filled: at };
      const left = Math.min(BURST, tokens + ((at - filled) / 1000) * PER_SECOND) - 1;
      buckets.set(user, { tokens: left, filled: at });
      if (left >= 0) return;
      const wait = (-left / PER_SECOND) * 1000;
      waited += wait;
      await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
    },
  };
}
