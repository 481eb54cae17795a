import type { LoadSpec, Millis, Run } from '../../model.ts';
import { loadMetrics } from '../metrics.ts';
import { Tally } from '../tally.ts';
import { Voice } from './voice.ts';

const every: Millis = 1_000;
/** Each pod speaks each second: when one was not heard for longer, what it does is not seen. */
const silentFor: Millis = 4_000;

export interface Merging {
  readonly pods: number;
  /** Begins each line of ours in their logs. */
  readonly key: string;
  /** Must not be quoted from their logs. */
  readonly secrets: readonly string[];
}

/**
 * Puts what several k6 measured, each its segment of one load, into the journal as one load: counts add, histograms add. Of a gauge
 * of the script each pod's values stand beside those of the others; virtual users add.
 *
 * The times are those of k6's own samples, that is of the clocks of the pods' nodes: what came late counts when it happened, and a
 * node whose clock differs from ours by more than a second voids the run (`complaints.ts`).
 */
export class Merge {
  readonly tally: Tally;
  readonly voices: readonly Voice[];
  readonly #spec: LoadSpec;
  readonly #run: Pick<Run, 'clock' | 'journal'>;

  constructor(spec: LoadSpec, run: Pick<Run, 'clock' | 'journal'>, { pods, key, secrets }: Merging) {
    this.#spec = spec;
    this.#run = run;
    this.tally = new Tally(spec, run);
    const { tally } = this;
    const users = new Map<number, number>();
    this.voices = Array.from({ length: pods }, (_, pod) => {
      const labels = { load: spec.name, pod: String(pod) };
      return new Voice(
        key,
        run.clock,
        {
          wanted: tally.wanted,
          requests: spec.requests,
          sum(sum) {
            if (sum.metric === 'vus') users.set(pod, sum.last);
            const last = sum.metric === 'vus' ? [...users.values()].reduce((all, one) => all + one, 0) : sum.last;
            tally.addSum({ ...sum, last });
          },
          tick(wall, usage) {
            if (!usage) return;
            const at = run.clock.fromWall(wall);
            run.journal.append({ kind: 'sample', metric: 'load.cpu', labels, value: usage.cpu }, at);
            run.journal.append({ kind: 'sample', metric: 'load.waiting', labels, value: usage.waiting }, at);
          },
        },
        secrets,
      );
    });
  }

  /** From now on there is something to see. */
  begin(): void {
    const source = `load:${this.#spec.name}`;
    this.#run.journal.append({ kind: 'observing', source, metrics: loadMetrics(this.#spec), every });
  }

  /** Appends what arrived; with zeros where nothing did, while all pods are heard. */
  flush(): void {
    const now = this.#run.clock.now();
    this.tally.flush(this.voices.every(({ heard, end }) => end !== undefined || now - heard < silentFor));
  }
}
