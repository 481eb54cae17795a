import type { LoadSpec, Millis, Run } from '../../model.ts';
import { loadMetrics } from '../metrics.ts';
import { Tally } from '../tally.ts';
import type { Within } from './bounds.ts';
import { Users } from './users.ts';
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
  readonly within: Within;
}

/**
 * Puts what several k6 measured, each its segment of one load, into the journal as one load: counts add, histograms add. Of a gauge
 * of the script each pod's values stand beside those of the others; virtual users add, second by second.
 *
 * The times are those of k6's own samples, that is of the clocks of the pods' nodes: what came late counts when it happened, and a
 * node whose clock is more than a second ahead of ours, or two behind, voids the run (`complaints.ts`).
 */
export class Merge {
  readonly tally: Tally;
  readonly voices: readonly Voice[];
  readonly #spec: LoadSpec;
  readonly #run: Pick<Run, 'clock' | 'journal'>;
  readonly #users: Users;

  constructor(spec: LoadSpec, run: Pick<Run, 'clock' | 'journal'>, { pods, key, secrets, within }: Merging) {
    this.#spec = spec;
    this.#run = run;
    this.tally = new Tally(spec, run);
    const { tally } = this;
    const users = new Users(pods);
    this.#users = users;
    this.voices = Array.from({ length: pods }, (_, pod) => {
      const labels = { load: spec.name, pod: String(pod) };
      let untold = false;
      return new Voice(
        key,
        run.clock,
        {
          spec,
          within,
          sum: (sum) => (sum.metric === 'vus' ? users.add(pod, sum) : tally.addSum(sum)),
          end: (wall) => users.end(pod, wall),
          tick(wall, usage) {
            if (!usage) {
              const text = `load ${spec.name}: whether k6 waits for CPU cannot be told in pod ${pod}`;
              if (!untold) run.journal.append({ kind: 'progress', text });
              untold = true;
              return;
            }
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
    this.#put(false);
    this.tally.flush(this.voices.every(({ heard, end }) => end !== undefined || now - heard < silentFor));
  }

  /** Nothing more is to be heard. */
  end(): void {
    this.#put(true);
    this.tally.flush(false);
  }

  #put(rest: boolean): void {
    for (const sum of this.#users.sums(rest)) this.tally.addSum(sum);
  }
}
