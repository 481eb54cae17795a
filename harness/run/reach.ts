import { ClusterError, type Debt, type Millis } from '../model.ts';
import { theirClusterOf } from './undo/debt.ts';

/** A cluster that did not answer is not asked again for so long: each debt would wait for it anew. */
const wait: Millis = 15_000;

/** Which clusters of somebody's could not be reached just now. */
export class Reach {
  readonly #silent = new Map<string, { readonly until: number; readonly error: ClusterError }>();

  async of(debt: Debt, pay: () => Promise<void>): Promise<void> {
    const cluster = theirClusterOf(debt);
    if (cluster === undefined) return pay();
    const key = JSON.stringify([cluster.kubeconfig, cluster.context]);
    const silent = this.#silent.get(key);
    if (silent && performance.now() < silent.until) throw silent.error;
    try {
      await pay();
    } catch (error) {
      if (error instanceof ClusterError && typeof error.code === 'string')
        this.#silent.set(key, { until: performance.now() + wait, error });
      throw error;
    }
  }
}
