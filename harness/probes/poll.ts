import type { MetricSpec, Millis, Run } from '../model.ts';
import { every } from './every.ts';
import { isOfCluster, type Sight } from './sight.ts';

export interface Poll {
  readonly source: string;
  readonly every: Millis;
  /** What is promised, asked at the first good look: these metrics, each so often, by `source` unless by a part of it. */
  promises(): readonly { readonly metrics: readonly MetricSpec[]; readonly every: Millis; readonly source?: string }[];
  readonly sight: Sight;
  /** Until when what a good look says is certain; without it until now. */
  certain?(): Millis;
  /**
   * Looks once; returns what writes its samples, or nothing while somebody else tells that nothing is seen.
   * A `ClusterError` means that nothing could be seen.
   */
  look(): Promise<(() => void) | undefined>;
}

/** Looks again and again, until the signal aborts. Resolves after the first good look. */
export async function poll(run: Run, signal: AbortSignal, options: Poll): Promise<{ readonly ended: Promise<void> }> {
  const { source, sight } = options;
  const first = Promise.withResolvers<void>();
  let announced = false;
  let complained = false;
  const ended = every(options.every, signal, async () => {
    let write: (() => void) | undefined;
    try {
      write = await options.look();
    } catch (error) {
      if (signal.aborted || !isOfCluster(error)) throw error;
      if (!announced && !complained)
        run.journal.append({ kind: 'progress', text: `probe ${source} does not see yet: ${error.message}` });
      complained = true;
      sight.lost(error);
      return;
    }
    if (!write) {
      if (announced) sight.good();
      return;
    }
    for (const promise of announced ? [] : options.promises())
      run.journal.append({ kind: 'observing', source, ...promise });
    announced = true;
    sight.good(options.certain?.());
    write();
    first.resolve();
  });
  await Promise.race([first.promise, ended]);
  return { ended };
}
