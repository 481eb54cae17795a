import type { Cluster } from '../../harness/model.ts';

/** Another run's, which lives. */
export const otherMark = '0123456789abcdef';

export type Edge = 'before' | 'after';

/**
 * A place where a fault is injected and undone. It counts the changes that are made to it, and can end whoever makes them at any one,
 * just before or just after.
 */
export interface Ground extends AsyncDisposable {
  readonly cluster: Cluster;
  /** All that is there, as text: of ours and of others. */
  world(): string | Promise<string>;
  readonly deeds: number;
  /** From the n-th change on (counted from now) the harness is dead. */
  cut(at: number, edge: Edge): void;
  /** A new harness lives. */
  revive(): void;
  /** What the fault was injected into is somebody else's from now on. */
  giveAway(): void | Promise<void>;
}

/** Counts changes, and says at which one the harness died. */
export class Fuse {
  #last: { readonly at: number; readonly edge: Edge } | undefined;
  deeds = 0;
  /** Nothing that the harness asks for is done any more, and it hears nothing. */
  dead = false;

  cut(at: number, edge: Edge): void {
    this.#last = { at: this.deeds + at, edge };
  }

  revive(): void {
    this.#last = undefined;
    this.dead = false;
  }

  /** Whether this change is still made. */
  burn(): boolean {
    if (this.dead) return false;
    this.deeds += 1;
    this.dead = this.#last?.at === this.deeds;
    return !this.dead || this.#last?.edge === 'after';
  }
}

/** Until they are given back: the signals that this process sends to that one are changes. */
export function countSignals(pid: number, fuse: Fuse): Disposable {
  const { kill } = process;
  process.kill = (to, signal) => {
    if (to !== pid) return kill.call(process, to, signal);
    if (fuse.burn()) kill.call(process, to, signal);
    if (fuse.dead) throw new Error('the harness was killed');
    return true;
  };
  return {
    [Symbol.dispose]() {
      process.kill = kill;
    },
  };
}
