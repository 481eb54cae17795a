import { addToHistogram, newTally, toHistogram } from '../histogram.ts';
import { pause } from '../kube/abortable.ts';
import type { FaultSpec, MetricSpec, Millis, Run } from '../model.ts';
import type { Evidence } from './targets.ts';

const each: Millis = 1_000;

export const drainMetrics: readonly MetricSpec[] = [
  { name: 'drain.nodes-done', unit: 'count', kind: 'gauge', help: 'nodes that were emptied so far' },
  { name: 'drain.nodes-given-up', unit: 'count', kind: 'gauge', help: 'nodes that were not empty when patience ended' },
  {
    name: 'drain.evictions',
    unit: 'count',
    kind: 'increment',
    labels: ['code'],
    help: 'answers to evictions: 201 evicted, 429 refused by a disruption budget, 500 two budgets, busy the server had no time',
  },
  {
    name: 'drain.node-duration',
    unit: 'seconds',
    kind: 'distribution',
    help: 'from the cordon until the node was empty',
  },
];

/** Counts what a drain does and is answered, and journals it each second. */
export class DrainSamples {
  readonly #run: Pick<Run, 'clock' | 'journal'>;
  readonly #spec: Pick<FaultSpec, 'name' | 'fault'>;
  readonly #answers = new Map<string, number>();
  #untold = new Map<string, number>();
  #done = 0;
  #gaveUp = 0;
  #begun = 0;
  #cordoned = 0;

  constructor(run: Pick<Run, 'clock' | 'journal'>, spec: Pick<FaultSpec, 'name' | 'fault'>) {
    this.#run = run;
    this.#spec = spec;
  }

  evicted(code: string): void {
    for (const counts of [this.#answers, this.#untold]) counts.set(code, (counts.get(code) ?? 0) + 1);
  }

  /** What the node itself said when its drain was over. */
  cordoned(is: boolean): void {
    this.#begun += 1;
    if (is) this.#cordoned += 1;
  }

  done(node: string, seconds: number): void {
    this.#done += 1;
    const tally = newTally();
    addToHistogram(tally, seconds);
    this.#run.journal.append({ kind: 'histogram', metric: 'drain.node-duration', histogram: toHistogram(tally) });
    this.tell(node, `empty after ${seconds.toFixed(1)} s`);
  }

  gaveUp(node: string, seconds: number): void {
    this.#gaveUp += 1;
    this.tell(node, `not empty after ${seconds.toFixed(1)} s, given up`);
  }

  tell(node: string, what: string): void {
    const labels = { node, fault: this.#spec.fault };
    const detail = `fault ${this.#spec.name}: ${what}`;
    this.#run.journal.append({ kind: 'seen', what: 'node', subject: node, detail, labels });
  }

  /** Resolves when the signal aborts. */
  async write(signal: AbortSignal): Promise<void> {
    const source = `fault:${this.#spec.name}`;
    this.#run.journal.append({ kind: 'observing', source, metrics: drainMetrics, every: each });
    while (!signal.aborted) {
      this.#write();
      await pause(each, signal);
    }
    this.#write();
  }

  /** Real when pods were asked to go and a budget, or its absence, decided: 201, 429, or 500 for two budgets. */
  evidence(): Evidence {
    const answers = [...this.#answers].map(([code, count]) => `${count} × ${code}`);
    const all = [...this.#answers.keys()];
    return {
      real:
        this.#begun > 0 && this.#cordoned === this.#begun && all.some((code) => ['201', '429', '500'].includes(code)),
      detail:
        `${this.#begun} nodes begun, ${this.#cordoned} of them found cordoned, ${this.#done} emptied, ` +
        `${this.#gaveUp} given up; evictions answered: ${answers.join(', ') || 'none'}`,
    };
  }

  #write(): void {
    const { journal } = this.#run;
    journal.append({ kind: 'sample', metric: 'drain.nodes-done', value: this.#done });
    journal.append({ kind: 'sample', metric: 'drain.nodes-given-up', value: this.#gaveUp });
    const metric = 'drain.evictions';
    for (const [code, value] of this.#untold) journal.append({ kind: 'sample', metric, labels: { code }, value });
    if (this.#untold.size === 0) journal.append({ kind: 'sample', metric, value: 0 });
    this.#untold = new Map();
  }
}
