import type { Millis, Run } from '../model.ts';
import type { Outcome } from './install-outcome.ts';

/** What one install says of itself: a line of samples with each tick, and how it ended. */
export class InstallSamples {
  readonly #release: string;
  readonly #run: Run;
  readonly #began: Millis;
  #took: Millis | undefined;
  #deployed = false;

  constructor(release: string, run: Run, began: Millis) {
    this.#release = release;
    this.#run = run;
    this.#began = began;
  }

  tick(): void {
    const took = this.#took ?? this.#run.clock.now() - this.#began;
    this.#sample('install.duration', took / 1000);
    this.#sample('install.running', this.#took === undefined ? 1 : 0);
    this.#sample('install.deployed', this.#deployed ? 1 : 0);
    this.#sample('install.failed', 0);
  }

  end(outcome: Outcome): void {
    const { journal, clock } = this.#run;
    this.#took = clock.now() - this.#began;
    this.#deployed = outcome.is === 'deployed';
    const after = `after ${(this.#took / 1000).toFixed(1)} s`;
    const seen = (detail: string) =>
      journal.append({ kind: 'seen', what: 'load', subject: `helm install ${this.#release}`, detail });
    if (outcome.is === 'deployed') seen(`deployed ${after}`);
    if (outcome.is === 'failed') {
      this.#sample('install.failed', 1, outcome.cause);
      seen(`failed ${after} (${outcome.cause}): ${outcome.detail}`);
    }
    if (outcome.is === 'mistake')
      journal.append({ kind: 'voided', reason: `install ${this.#release}: ${outcome.detail}` });
    this.tick();
  }

  #sample(metric: string, value: number, cause?: string): void {
    const labels = { release: this.#release, ...(cause === undefined ? {} : { cause }) };
    this.#run.journal.append({ kind: 'sample', metric, labels, value });
  }
}
