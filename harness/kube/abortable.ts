import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from 'undici';
import type { Millis } from '../model.ts';

const LINGER: Millis = 50;

/** The work, or the signal's reason as soon as it aborts: undici alone lets an aborted call wait until its connection is made. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  return promise;
}

/** Destroys the agents without waiting for connections that are just being made. */
export async function destroy(...agents: readonly Agent[]): Promise<void> {
  const destroyed = Promise.all(agents.map((agent) => agent.destroy()));
  await Promise.race([destroyed, sleep(LINGER, undefined, { ref: false })]);
}

/** Until the signal aborts, at most. */
export async function pause(time: Millis, signal: AbortSignal): Promise<void> {
  if (time <= 0 || signal.aborted) return;
  await sleep(time, undefined, { signal }).catch((error) => {
    if (!signal.aborted) throw error;
  });
}
