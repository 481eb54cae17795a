import { isRefusal } from '../kube/watch.ts';
import type { Cluster, ClusterError, Component, Millis, Run } from '../model.ts';
import { standing } from '../process.ts';

export { isOfCluster } from '../kube/watch.ts';

const look: Millis = 250;
/** A server that stood still answers what has waited before it answers anybody else. */
const catchesUp: Millis = 5_000;

/** Knows which of the components that a probe depends on are dead, or stand still, or did a moment ago. */
export class Obituaries {
  readonly #dead = new Set<string>();
  readonly #needed: readonly Component[];
  #stoppedAt = Number.NEGATIVE_INFINITY;

  constructor(cluster: Cluster, components: readonly string[]) {
    this.#needed = cluster.components?.filter(({ name }) => components.includes(name)) ?? [];
    for (const name of components)
      if (cluster.components?.some((component) => component.name === name))
        void cluster.death?.(name).then(() => this.#dead.add(name));
    if (this.#look()) this.#follow();
  }

  /**
   * How much of the last `length` milliseconds, at their end, no death accounts for and no process that stood still, where they ended in
   * such a failure: silence, or a server in trouble. All of it where the server said no.
   */
  unexplained(code: number | string, length: Millis): Millis {
    this.#look();
    if (code === 'deaf' || (typeof code === 'number' && code !== 429 && code < 500)) return length;
    if (this.#dead.size > 0) return 0;
    return Math.min(length, Math.max(0, performance.now() - this.#stoppedAt - catchesUp));
  }

  /** Whether there is still one to look at. */
  #look(): boolean {
    const seen = this.#needed.flatMap(({ pid, start }) => (start && standing({ pid, start })) || []);
    // The kernel says so: that is another source than the probe.
    if (seen.some(({ stopped }) => stopped)) this.#stoppedAt = performance.now();
    return seen.length > 0;
  }

  #follow(): void {
    const timer = setInterval(() => this.#look() || clearInterval(timer), look);
    timer.unref();
  }
}

/** Journals the stretches in which a probe saw nothing, and whether something else than the probe explains them. */
export class Sight {
  readonly #run: Run;
  readonly #source: string;
  readonly #obituaries: Obituaries;
  #until: Millis | undefined;

  constructor(run: Run, source: string, obituaries: Obituaries) {
    this.#run = run;
    this.#source = source;
    this.#obituaries = obituaries;
  }

  /** Everything until now was seen, or until `at`; or it was told that it was not. */
  good(at: Millis = this.#run.clock.now()): void {
    this.#until = Math.max(this.#until ?? at, at);
  }

  /** An attempt failed: from the last good moment (or the last failure) until now nothing was seen. */
  lost(error: ClusterError): void {
    const from = this.#until;
    if (from === undefined) return;
    const to = this.#run.clock.now();
    this.#until = to;
    this.gap({ from, to, reason: error.message, code: error.code, explained: isRefusal(error) });
  }

  gap({ from, to, reason, code, explained }: Unseen): void {
    const dark = explained ? 0 : this.#obituaries.unexplained(code, to - from);
    const known = dark < to - from ? to - dark : from;
    if (known > from) this.#tell({ from, to: known, reason, explained: true });
    if (known < to) this.#tell({ from: known, to, reason, explained: false });
  }

  #tell({ to, ...blind }: Omit<Unseen, 'code'>): void {
    this.#run.journal.append({ kind: 'blind', source: this.#source, ...blind }, to);
  }
}

interface Unseen {
  readonly from: Millis;
  readonly to: Millis;
  readonly reason: string;
  readonly code: number | string;
  readonly explained: boolean;
}
