import { join } from 'node:path';
import type { Ask } from '../access/ask.ts';
import type { ClusterProvider } from '../model.ts';
import { Entering } from './theirs/entering.ts';
import { refusals } from './theirs/refusals.ts';

export interface TheirOptions {
  /** An absolute path. */
  readonly kubeconfig: string;
  readonly context: string;
  /** Looks at the cluster before anything is changed there; throws `RefusedError`. */
  refuse?(ask: Ask, uid: string): Promise<void>;
}

/** A cluster that somebody has, by a context of a kubeconfig: used, and left as it was. */
export function theirs(options: TheirOptions): ClusterProvider {
  return {
    name: 'kubeconfig',
    async unavailable(spec) {
      const reasons = refusals(spec);
      return reasons.length === 0 ? undefined : reasons.join('; ');
    },
    async create(spec, run) {
      const entering = new Entering(spec, run, { ...options, folder: join(run.folder, 'cluster') });
      try {
        return await entering.enter();
      } catch (error) {
        // The run's ledger pays then; an interrupted entry must end at once.
        run.signal.throwIfAborted();
        // What could not be put back stays on the books.
        await entering.undo().catch(() => undefined);
        throw error;
      }
    },
  };
}
