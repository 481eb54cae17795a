import type { Millis, Run } from '../model.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import type { Sight } from './sight.ts';
import type { Sums } from './sums.ts';
import type { Lines } from './tail.ts';

const each: Millis = 500;

export interface LogPoll {
  /** The probe; its metrics are promised. */
  readonly name: string;
  readonly log: Lines;
  readonly sums: Sums;
  readonly sight: Sight;
  /** Counts a line into the sums. */
  count(line: string): void;
  /** Called before each reading; what it gives is called after, and throws `ClusterError` when what did not grow says nothing. */
  before?(): () => void;
}

/** Reads what is appended to a log, again and again and once more at the end, and tells the sums. */
export async function pollLog(
  run: Run,
  { name, log, sums, sight, count, before }: LogPoll,
): Promise<{ readonly ended: Promise<void> }> {
  const read = async () => {
    for (const line of await log.lines()) count(line);
  };
  const look = async () => {
    const after = before?.();
    await read();
    after?.();
    return () => sums.flush(true);
  };
  const promises = () => [{ metrics: metricsOf(name), every: each }];
  const heard = log.heard?.bind(log);
  const options = { source: name, every: each, promises, sight, look, ...(heard && { certain: heard }) };
  const { ended } = await poll(run, run.signal, options).catch((error: unknown) =>
    log.close().then(() => Promise.reject(error)),
  );
  return {
    ended: ended.finally(async () => {
      await read().finally(() => log.close());
      sums.flush(false);
    }),
  };
}
