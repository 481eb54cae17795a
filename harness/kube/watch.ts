import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, ClusterError, type Millis } from '../model.ts';
import type { KubeClient, KubeObject, Query } from './client.ts';

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED'; readonly object: T }
  /** After a missed stretch the last state is unknown: only the metadata's names are certain. */
  | { readonly type: 'DELETED'; readonly object: Pick<KubeObject, 'metadata'> & Partial<T> }
  /** Everything that existed has been yielded; what follows is news. */
  | { readonly type: 'SYNCED' };

/** A stretch in which nothing could be seen. While it lasts, each failed try tells the part since the one before. */
export interface Gap {
  readonly from: Millis;
  readonly to: Millis;
  readonly reason: string;
  /** An HTTP status, a system error code, `ended` (the server closed the watch) or `deaf`. */
  readonly code: number | string;
  /** The connection was refused or closed: the operating system says so, not we. */
  readonly explained: boolean;
  /** Changes within it may be lost, not only late: the history was gone and the list was read again. */
  readonly lost: boolean;
}

/** How a watch stands, for those who must not take its silence for news. */
export class Lookout {
  /** False while nothing can be seen: what is known may be stale by now. */
  sees = false;
  /** When anything last arrived, a bookmark too. */
  heard: Millis = Number.NEGATIVE_INFINITY;
  /** What exists as far as the watch told, by namespace/name. */
  readonly known = new Map<string, KubeObject['metadata']>();
  /** Ends a connection that brings nothing although there is news; nothing was seen since `from`. */
  drop: (from: Millis, reason: string) => void = () => undefined;
}

export interface WatchOptions {
  readonly clock: Clock;
  readonly onGap: (gap: Gap) => void;
  readonly lookout?: Lookout;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Where to go on from; without it everything that exists comes first, then SYNCED. */
  readonly resourceVersion?: string;
}

interface Frame {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KubeObject & { readonly code?: number; readonly message?: string };
}

/** The server ends a watch after this many seconds; we go on at once where it stopped. */
const LIFE = 240;
const RETRY: Millis = 100;
const RETRY_AT_MOST: Millis = 1_000;
/** A watch that is back within this time was only between two connections. */
const BETWEEN: Millis = 1_000;

const refusals: ReadonlySet<number | string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);
const ours: ReadonlySet<number | string> = new Set(['closed', 'EMFILE', 'ENFILE', 'EADDRNOTAVAIL']);

/** Whether nobody listens, or the listener closed: the operating system says so. */
export const isRefusal = ({ code }: Pick<ClusterError, 'code'>) => refusals.has(code);

/** Whether an error is the cluster's answer, or lack of one; every other error is our own, such as too many open files. */
export function isOfCluster(error: unknown): error is ClusterError {
  return error instanceof ClusterError && !ours.has(error.code);
}

/**
 * Lists, then watches, and goes on for ever: reconnects at once where it stopped, lists again when the history is gone.
 * Errors do not end it, they are gaps; 401, 403 and 404 on the very first list are thrown, and so are errors of our own.
 * Ends when `signal` aborts.
 */
export async function* watch<T extends KubeObject = KubeObject>(
  client: KubeClient,
  path: string,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const { clock, lookout = new Lookout() } = options;
  const { known } = lookout;
  const selector: Query = { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
  let version = options.resourceVersion;
  let synced = version !== undefined;
  let retry = RETRY;
  /** Since when nothing is seen; undefined while the watch is open. */
  let lostAt: Millis | undefined;
  let trouble: (Omit<Gap, 'from' | 'to'> & { readonly short: boolean }) | undefined;

  /** Tells the gap until now; what is `short` only when it was long. */
  const tell = () => {
    const to = clock.now();
    const from = lostAt ?? to;
    if (!trouble || (trouble.short && to - from <= BETWEEN && !trouble.lost)) return;
    const { reason, code, explained, lost } = trouble;
    if (synced) options.onGap({ from, to, reason, code, explained, lost });
    lostAt = to;
  };
  const seeing = () => {
    tell();
    lookout.sees = true;
    lookout.heard = clock.now();
    lostAt = undefined;
    trouble = undefined;
  };
  const pausing = (reason: string) => {
    lostAt = clock.now();
    trouble = { reason, code: 'ended', explained: false, lost: false, short: true };
  };

  try {
    while (!signal.aborted) {
      const connection = new AbortController();
      lookout.drop = (from, reason) => {
        lostAt ??= from;
        connection.abort(new ClusterError(`watch ${path}`, 'deaf', reason));
      };
      try {
        if (version === undefined) {
          const list = await client.list<T>(path, selector);
          seeing();
          pausing('the watch does not open');
          const gone = new Map(known);
          for (const object of list.items) {
            const id = keyOf(object);
            yield { type: gone.delete(id) ? 'MODIFIED' : 'ADDED', object };
            known.set(id, object.metadata);
          }
          for (const [id, metadata] of gone) {
            known.delete(id);
            yield { type: 'DELETED', object: { metadata } as Pick<KubeObject, 'metadata'> & Partial<T> };
          }
          version = list.resourceVersion;
          if (!synced) yield { type: 'SYNCED' };
          synced = true;
        }
        const query = { ...selector, watch: true, allowWatchBookmarks: true, timeoutSeconds: LIFE };
        const either = AbortSignal.any([signal, connection.signal]);
        const pieces = await client.stream(path, { ...query, resourceVersion: version }, either);
        seeing();
        const opened = clock.now();
        let came = false;
        for await (const frame of frames(pieces)) {
          lookout.heard = clock.now();
          if (frame.type === 'ERROR') {
            throw new ClusterError(`watch ${path}`, frame.object.code ?? 500, frame.object.message ?? 'no message');
          }
          came = true;
          retry = RETRY;
          version = frame.object.metadata.resourceVersion ?? version;
          if (frame.type === 'BOOKMARK') continue;
          const id = keyOf(frame.object);
          if (frame.type === 'DELETED') known.delete(id);
          else known.set(id, frame.object.metadata);
          yield { type: frame.type, object: frame.object as unknown as T };
        }
        const ended = 'the server closed the watch';
        if (!came && clock.now() - opened < BETWEEN) throw new ClusterError(`watch ${path}`, 'ended', ended);
        retry = RETRY;
        lookout.sees = false;
        pausing(ended);
      } catch (error) {
        lookout.sees = false;
        if (signal.aborted) return;
        if (!isOfCluster(error)) throw error;
        if (!synced && typeof error.code === 'number' && error.code < 429) throw error;
        const explained = isRefusal(error);
        const gone = error.code === 410 && version !== undefined;
        const lost = gone || (trouble?.lost ?? false);
        trouble = { reason: error.message, code: error.code, explained, lost, short: explained };
        if (lostAt !== undefined && !gone) {
          trouble = { ...trouble, short: false };
          tell();
        }
        lostAt ??= clock.now();
        if (gone) version = undefined;
        else await sleep(retry, undefined, { signal }).catch(() => signal.aborted);
        if (!gone) retry = Math.min(2 * retry, RETRY_AT_MOST);
      }
    }
  } finally {
    lookout.sees = false;
    tell();
  }
}

const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace ?? ''}/${metadata.name}`;

async function* frames(pieces: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line) yield JSON.parse(line) as Frame;
  }
}
