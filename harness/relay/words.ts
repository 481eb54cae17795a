import type { Millis } from '../model.ts';

/** What a relay may be told to do to its link. One at a time. */
export type Order =
  /** What is open is a black hole from now on, until it is closed; what is new waits until the fault ends, and is served then. */
  | { readonly fault: 'black-hole' }
  /** All bytes come `latency` later, each way; each direction of the link carries `bytesPerSecond` at most. */
  | { readonly fault: 'slow-link'; readonly latency?: Millis; readonly bytesPerSecond?: number }
  /** What is open is reset, now and again each `every`; what is new is served. */
  | { readonly fault: 'reset-connections'; readonly every?: Millis };

export type Request =
  | { readonly ask: 'status' }
  /** Idempotent: serves what is new, ends what is slow. What is in a black hole stays there until it is closed. */
  | { readonly ask: 'restore' }
  /** `id` tells this fault from others; after `within` milliseconds the relay restores its link by itself. */
  | { readonly ask: 'break'; readonly id: string; readonly within: Millis; readonly order: Order };

/** What a relay knows; counts are since its start. */
export interface Status {
  /** In force. */
  readonly fault?: { readonly id: string; readonly what: Order['fault'] };
  /** `open`: served. `stuck`: in a black hole. `waiting`: began while the link was one. */
  readonly connections: { readonly open: number; readonly stuck: number; readonly waiting: number };
  /** Connections that came. */
  readonly opened: number;
  /** Passed on: to the far end, and from it. */
  readonly bytes: { readonly to: number; readonly from: number };
  /** Taken from connections in a black hole, and lost. */
  readonly stuckBytes: number;
  /** Connections that were reset. */
  readonly resets: number;
  /** Pieces that were passed on late on purpose, how long they were held in all, and how many waited 100 ms or more for their turn (bandwidth). */
  readonly delayed: { readonly pieces: number; readonly seconds: number; readonly queued: number };
}

/** In the folder of a relay. */
export const socketFile = 'control';
export const markFile = '.mark';
