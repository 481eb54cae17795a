import type { Millis, Run } from '../model.ts';

/**
 * Journals the stretches in which nothing was seen of a node. The judge knows one blindness per source, not per node: so a
 * stretch counts as explained only while every node that is not seen is explained.
 */
export class NodeSight {
  readonly #run: Pick<Run, 'clock' | 'journal'>;
  readonly #source: string;
  readonly #until = new Map<string, Millis>();
  readonly #unexplained = new Set<string>();

  constructor(run: Pick<Run, 'clock' | 'journal'>, source: string) {
    this.#run = run;
    this.#source = source;
  }

  /** All of it was seen until `at`. */
  good(node: string, at: Millis = this.#run.clock.now()): void {
    this.#until.set(node, Math.max(this.#until.get(node) ?? at, at));
    this.#unexplained.delete(node);
  }

  /** Nothing is seen of it until now, since it last was; `why` by something other than the probe, if anything. */
  lost(node: string, reason: string, why: string | undefined): void {
    const now = this.#run.clock.now();
    const from = this.#until.get(node) ?? now;
    this.#until.set(node, now);
    if (why) this.#unexplained.delete(node);
    else this.#unexplained.add(node);
    const text = `${node}: ${why ?? reason}`.replaceAll(/\s+/g, ' ').slice(0, 300);
    const blind = { kind: 'blind', source: this.#source, from, reason: text } as const;
    this.#run.journal.append({ ...blind, explained: this.#unexplained.size === 0 }, now);
  }
}
