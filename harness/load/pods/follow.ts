import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../../kube/client.ts';
import { type Clock, ClusterError, type Millis } from '../../model.ts';
import { longestLine } from './bounds.ts';
import type { Voice } from './voice.ts';

const retry: Millis = 200;
const retryAtMost: Millis = 1_000;
/** The log of a container that has ended is asked for no more often. */
const lastTries = 5;
/** Every pod speaks each second: a connection that brings nothing for so long is dead. */
const deafAfter: Millis = 10_000;
/** What is read twice when a connection broke, by the clock of the pod's node. */
const overlap: Millis = 10_000;

export interface Followed {
  /** Of the pod's log in the API. */
  readonly path: string;
  readonly voice: Voice;
  /** Whether its container has ended, so that nothing will be added to the log. Throws `ClusterError`. */
  over(): Promise<boolean>;
}

/**
 * Reads a pod's log until its k6 has said that it ended, its container is gone, or the signal aborts. A connection that breaks is made
 * again: lines that come twice are known by their numbers; when some are missing (a kubelet turns logs over at 10 MiB) the log is read
 * from its first line, and what is not there either is lost, which the voice remembers.
 */
export async function follow(
  client: KubeClient,
  { path, voice, over }: Followed,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let pause = retry;
  let last = false;
  let failures = 0;
  let whole = true;
  while (!signal.aborted && voice.end === undefined) {
    const before = voice.count;
    const seconds = whole ? undefined : Math.ceil((clock.now() - voice.heard + overlap) / 1000);
    try {
      const complete = await read(client, path, voice, { follow: !last, sinceSeconds: seconds }, signal);
      if (last) return;
      // What it said at its very end may not have come by a connection that ended with the container.
      last = complete && (await over());
      whole = last || !complete;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ClusterError)) throw error;
      // There is no such pod any more, and so no log.
      if (error.code === 404 && (await gone(over))) return;
      whole = last || voice.count === 0;
      failures = last ? failures + 1 : 0;
      if (failures === lastTries) {
        voice.broken ??= `the end of its log is lost: ${error.message}`;
        return;
      }
    }
    pause = voice.count > before ? retry : Math.min(2 * pause, retryAtMost);
    await sleep(pause, undefined, { signal }).catch(() => signal.aborted);
  }
}

async function gone(over: () => Promise<boolean>): Promise<boolean> {
  try {
    return await over();
  } catch (error) {
    if (error instanceof ClusterError) return false;
    throw error;
  }
}

/** One connection, to its end. False when lines are missing that reading from the first one may find. */
async function read(
  client: KubeClient,
  path: string,
  voice: Voice,
  query: { readonly follow: boolean; readonly sinceSeconds: number | undefined },
  signal: AbortSignal,
): Promise<boolean> {
  const connection = new AbortController();
  const deaf = setTimeout(
    () => connection.abort(new ClusterError(`GET ${path}`, 'deaf', `nothing came for ${deafAfter / 1000} s`)),
    deafAfter,
  );
  try {
    const pieces = await client.stream(path, query, AbortSignal.any([signal, connection.signal]));
    for await (const line of lines(pieces, () => deaf.refresh())) {
      if (voice.take(line)) continue;
      if (query.sinceSeconds !== undefined) return false;
      voice.lose(line);
    }
    return true;
  } finally {
    clearTimeout(deaf);
    connection.abort(new ClusterError(`GET ${path}`, 'closed', 'it was read'));
  }
}

/** Whole lines only: one that a broken connection cut short comes again. */
async function* lines(pieces: AsyncIterable<Buffer>, heard: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    heard();
    const parts = (rest + decoder.decode(piece, { stream: true })).split('\n');
    // What is longer is seen to be so, and not kept.
    rest = (parts.pop() ?? '').slice(-longestLine - 1);
    yield* parts;
  }
}
