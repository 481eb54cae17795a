import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Cluster,
  type ClusterProvider,
  type Fault,
  type LoadSpec,
  type Millis,
  type Phase,
  type Probe,
  RefusedError,
  type Run,
  type Scenario,
} from '../model.ts';
import type { Scope } from './scope.ts';

/** Everything that plays in a run, chosen and wired by a command. */
export interface Stage {
  readonly provider: ClusterProvider;
  readonly probes: readonly Probe[];
  readonly loads: readonly {
    readonly spec: LoadSpec;
    offer(cluster: Cluster, run: Run, duration: Millis): Promise<void>;
  }[];
  readonly faults: readonly Fault[];
  /** Creates the scenario's objects; the first phase lasts until it is done. */
  prepare(cluster: Cluster, run: Run): Promise<void>;
}

const firstSightWithin: Millis = 60_000;
/** What began in the last phase (a death, a request that will time out) is known after this. */
const settling: Millis = 5_500;
/** Beyond its duration a phase waits for its load to drain and its objects to exist, no longer than this. */
const phaseOverrun: Millis = 180_000;

/** create → observe → phase by phase. Rejects when the run cannot go on; what was seen until then is in the journal. */
export async function conduct(
  scenario: Scenario,
  stage: Stage,
  run: Run,
  scope: Scope,
  created: (cluster: Cluster) => void,
): Promise<void> {
  run.journal.append({ kind: 'progress', text: `creating a cluster (${stage.provider.name})` });
  const cluster = await stage.provider.create(scenario.cluster, run);
  created(cluster);
  await observe(stage.probes, cluster, run, scope);
  for (const [index, phase] of scenario.phases.entries()) {
    const work = stage.loads
      .filter(({ spec }) => spec.during === phase.name)
      .map((load) => load.offer(cluster, run, phase.duration));
    if (index === 0) work.push(stage.prepare(cluster, run));
    await play(phase, work, phase.name === 'fault' ? stage.faults : [], cluster, run);
  }
  run.journal.append({ kind: 'progress', text: 'settling: late answers and deaths still count' });
  await sleep(settling, undefined, { signal: run.signal });
}

async function observe(probes: readonly Probe[], cluster: Cluster, run: Run, scope: Scope): Promise<void> {
  const failed = (name: string) => (error: unknown) =>
    run.journal.append({
      kind: 'voided',
      reason: `probe ${name} died: ${error instanceof Error ? error.message : error}`,
    });
  const within = AbortSignal.any([run.signal, AbortSignal.timeout(firstSightWithin)]);
  await Promise.all(
    probes.map(async (probe) => {
      const unavailable = probe.unavailable(cluster);
      if (unavailable !== undefined) throw new RefusedError(`probe ${probe.name}: ${unavailable}`);
      const observing = await until(probe.observe(cluster, run), within, `probe ${probe.name} sees nothing`);
      const ended = observing.ended.then(() => {
        if (!run.signal.aborted) throw new Error('it ended before the run did');
      });
      scope.add(ended, failed(probe.name));
    }),
  );
}

async function play(
  phase: Phase,
  work: Promise<void>[],
  faults: readonly Fault[],
  cluster: Cluster,
  run: Run,
): Promise<void> {
  run.journal.append({ kind: 'phase', name: phase.name, edge: 'start' });
  const ends = Promise.all([sleep(phase.duration, undefined, { signal: run.signal }), ...work]);
  // Awaited below; until then its failure is nobody's surprise.
  ends.catch(() => undefined);
  const injected = await Promise.all(
    faults.map(async (fault) => {
      const injection = await fault.inject(cluster, run);
      run.journal.append({ kind: 'injected', fault: fault.name, targets: injection.targets });
      return { fault, injection };
    }),
  );
  const limit = AbortSignal.timeout(phase.duration + phaseOverrun);
  await until(ends, AbortSignal.any([run.signal, limit]), `phase ${phase.name} does not end`);
  for (const { fault, injection } of injected.reverse()) {
    run.journal.append({ kind: 'evidenced', fault: fault.name, ...(await injection.evidence()) });
    await injection.end();
    run.journal.append({ kind: 'recovered', fault: fault.name });
  }
  run.journal.append({ kind: 'phase', name: phase.name, edge: 'end' });
}

/** Waits for work, but not beyond the signal: work that ignores the signal must not hold the run. */
async function until<T>(work: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => {
    const timedOut = (signal.reason as Error | undefined)?.name === 'TimeoutError';
    reject(timedOut ? new Error(`${what} in time`) : signal.reason);
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
