import { addToHistogram, newTally, toHistogram } from '../histogram.ts';
import type { Labels, Millis, Probe, Run } from '../model.ts';
import type { Pod } from './pod-status.ts';
import { podProbe } from './pods.ts';
import { Sums } from './sums.ts';

/** Watches all pods for one thing: when they get their node. Much cheaper than `pods` where there are thousands of nodes. */
export const bindings = (): Probe => podProbe('bindings', (run) => new BindingView(run));

interface Waiting {
  readonly labels: Labels;
  /** When it was first seen; undefined when it was there before us. */
  readonly since: Millis | undefined;
}

/** Which pods wait for a node. A series that was there once goes on, with 0. */
export class BindingView {
  readonly #run: Run;
  readonly #sums: Sums;
  readonly #waiting = new Map<string, Waiting>();
  readonly #bound = new Set<string>();
  readonly #unbound = new Map<string, { readonly labels: Labels; count: number }>();
  #after = new Map<string, { readonly labels: Labels; readonly tally: ReturnType<typeof newTally> }>();
  synced = false;

  constructor(run: Run) {
    this.#run = run;
    this.#sums = new Sums(run, ['pods.bound']);
  }

  see(pod: Pod): void {
    const id = idOf(pod.metadata);
    if (this.#bound.has(id)) return;
    const labels = { namespace: pod.metadata.namespace ?? '', scheduler: pod.spec?.schedulerName ?? '' };
    const waiting = this.#waiting.get(id);
    if (pod.spec?.nodeName === undefined) {
      if (waiting) return;
      this.#waiting.set(id, { labels, since: this.synced ? this.#run.clock.now() : undefined });
      this.#count(labels, 1);
      return;
    }
    this.#bound.add(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    this.#count(labels, -1);
    const at = this.#run.clock.now();
    this.#sums.add('pods.bound', labels, at, 1);
    if (waiting.since !== undefined) this.#time(labels, (at - waiting.since) / 1000);
  }

  gone(metadata: Pod['metadata']): void {
    const id = idOf(metadata);
    const waiting = this.#waiting.get(id);
    if (waiting) this.#count(waiting.labels, -1);
    this.#waiting.delete(id);
    this.#bound.delete(id);
  }

  write(): void {
    const { journal } = this.#run;
    // There may be none yet: it was looked at.
    if (this.#unbound.size === 0) journal.append({ kind: 'sample', metric: 'pods.unbound', value: 0 });
    for (const { labels, count } of this.#unbound.values())
      journal.append({ kind: 'sample', metric: 'pods.unbound', labels, value: count });
    this.#sums.flush(true);
    this.#tell();
  }

  end(): void {
    this.#sums.flush(false);
    this.#tell();
  }

  #count(labels: Labels, by: number): void {
    const key = JSON.stringify(labels);
    const series = this.#unbound.get(key) ?? { labels, count: 0 };
    series.count += by;
    this.#unbound.set(key, series);
  }

  #time(labels: Labels, seconds: number): void {
    const key = JSON.stringify(labels);
    const series = this.#after.get(key) ?? { labels, tally: newTally() };
    addToHistogram(series.tally, seconds);
    this.#after.set(key, series);
  }

  #tell(): void {
    for (const { labels, tally } of this.#after.values())
      this.#run.journal.append({
        kind: 'histogram',
        metric: 'pod.bound-after',
        labels,
        histogram: toHistogram(tally),
      });
    this.#after = new Map();
  }
}

/** Another pod with its name has another uid. */
const idOf = ({ namespace, name, uid }: Pod['metadata']) => uid ?? `${namespace}/${name}`;
