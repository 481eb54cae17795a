import type { Labels, Run } from '../model.ts';
import { appOf } from './app.ts';
import { isReady, type Pod } from './pod-status.ts';

interface Standing {
  readonly pod: Pod;
  readonly wasReady: boolean;
}

const ofNamespaces = [
  'pods.running',
  'pods.pending',
  'pods.failed',
  'pods.terminating',
  'pods.unready',
  'pods.not-ready-yet',
];

/** How many pods stand how. A series that was there once goes on, with 0. */
export class PodCounts {
  readonly #run: Pick<Run, 'journal'>;
  readonly #series = new Map<string, { readonly metric: string; readonly labels: Labels; value: number }>();

  constructor(run: Pick<Run, 'journal'>) {
    this.#run = run;
  }

  write(pods: readonly Standing[]): void {
    for (const series of this.#series.values()) series.value = 0;
    for (const standing of pods) this.#count(standing);
    for (const { metric, labels, value } of this.#series.values())
      this.#run.journal.append({ kind: 'sample', metric, labels, value });
  }

  #count({ pod, wasReady }: Standing): void {
    const { metadata, spec, status } = pod;
    const namespace = metadata.namespace ?? '';
    const marked = metadata.deletionTimestamp !== undefined;
    const { phase } = status ?? {};
    const running = phase === 'Running' && !marked;
    const pending = phase === 'Pending' && !marked;
    const ready = isReady(pod) && !marked;
    const unready = (running || pending) && !ready;
    const values = [running, pending, phase === 'Failed', marked, unready, unready && !wasReady];
    for (const [index, metric] of ofNamespaces.entries()) this.#add(metric, { namespace }, values[index] ?? false);
    if (running || pending || marked) this.#add('pods.ready', { namespace, app: appOf(pod) }, ready);
    if (spec?.nodeName) this.#add('pod.on-node', { node: spec.nodeName, namespace }, running);
  }

  #add(metric: string, labels: Labels, is: boolean): void {
    const key = JSON.stringify([metric, labels]);
    const series = this.#series.get(key) ?? { metric, labels, value: 0 };
    if (is) series.value += 1;
    this.#series.set(key, series);
  }
}
