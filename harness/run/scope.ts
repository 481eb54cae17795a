import { setTimeout as sleep } from 'node:timers/promises';

const joinWithin = 10_000;

/**
 * Background work of a run: one signal down, everything joined at the end.
 */
export class Scope {
  readonly #controller = new AbortController();
  readonly #members = new Set<Promise<void>>();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    if (!this.signal.aborted) this.#controller.abort(reason);
  }

  /** Joins the work to the scope; its failure goes to `failed`, which decides whether the run goes on. */
  add(work: Promise<void>, failed: (error: unknown) => void): void {
    const member = work.catch((error) => {
      if (!this.signal.aborted) failed(error);
    });
    this.#members.add(member);
    void member.finally(() => this.#members.delete(member));
  }

  /** Aborts and joins; work that does not end within ten seconds must not keep debts from being paid. */
  async close(reason: unknown = new Error('the run is over')): Promise<void> {
    this.abort(reason);
    await Promise.race([Promise.all(this.#members), sleep(joinWithin, undefined, { ref: false })]);
  }
}
