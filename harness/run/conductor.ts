import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Cluster,
  type ClusterProvider,
  type Fault,
  type FaultSpec,
  type Injected,
  type Millis,
  type Phase,
  type Probe,
  RefusedError,
  type Run,
  type Scenario,
  type Stopped,
} from '../model.ts';
import type { Scope } from './scope.ts';

/** Everything that plays in a run, chosen and wired by a command. */
export interface Stage {
  readonly provider: ClusterProvider;
  readonly probes: readonly Probe[];
  readonly loads: readonly {
    /** The phase in which it is offered. */
    readonly during: string;
    /** The time that it takes to be ready; absent where it begins when it is offered, and is not made ready. */
    readonly readyWithin?: Millis;
    /** Resolves when it waits for its moment, at which it begins by itself; rejects when the load cannot be offered. */
    ready?(cluster: Cluster, run: Run, duration: Millis, moments: Moments): Promise<void>;
    offer(cluster: Cluster, run: Run, duration: Millis): Promise<void>;
  }[];
  readonly faults: readonly Planned[];
  /** Watches the switch in the cluster; resolves when it was seen for the first time, with a promise of its end. */
  watchSwitch?(cluster: Cluster, run: Run, halt: (why: Stopped) => void): Promise<{ readonly ended: Promise<void> }>;
  /** Throws RefusedError when the cluster, now that it can be asked, is none for this scenario. */
  admit(cluster: Cluster, run: Run): Promise<void>;
  /** Of a cluster that is not the run's own: sees that it is left as it was. */
  readonly residue?: {
    /** Rejects when that could not be known afterwards. */
    before(cluster: Cluster, run: Run): Promise<void>;
    /** When all was put back; `touched` gives names of nodes and objects, ids of containers, and may throw. Never rejects. */
    after(run: Run, touched: () => ReadonlySet<string>): Promise<void>;
  };
  /** Creates the objects of a phase, which lasts until it is done. */
  prepare(phase: string, cluster: Cluster, run: Run): Promise<void>;
}

/** In milliseconds since 1970: `by` when the loads of a phase wait, `begin` when they begin, all together. */
interface Moments {
  readonly by: number;
  readonly begin: number;
}

interface Planned {
  readonly spec: FaultSpec;
  readonly fault: Fault;
}

/** Loads that begin at a moment of their own meet faults that come into force within this time. */
const inForceWithin: Millis = 8_000;
/** A load that began by so much before what it was to meet is not the one that was asked for. */
const early: Millis = 1_000;
const firstSightWithin: Millis = 60_000;
/** What began in the last phase (a death, a request that will time out) is known after this. */
const settling: Millis = 5_500;
/**
 * Beyond its duration a phase waits for its load to drain and its objects to exist, no longer than this: the first one
 * creates most objects, and in the others a fault would revert by itself (its deadline has a margin of 75 s).
 */
const overrun = { first: 180_000, later: 60_000 };

/** create → observe → phase by phase. Rejects when the run cannot go on; what was seen until then is in the journal. */
export async function conduct(
  scenario: Scenario,
  stage: Stage,
  run: Run,
  scope: Scope,
  created: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  run.journal.append({ kind: 'progress', text: `creating a cluster (${stage.provider.name})` });
  const cluster = await stage.provider.create(scenario.cluster, run);
  await created(cluster);
  await stage.admit(cluster, run);
  await stage.residue?.before(cluster, run);
  await observe(stage.probes, cluster, run, scope);
  for (const { spec, fault } of stage.faults) {
    const unavailable = await fault.unavailable(cluster);
    if (unavailable !== undefined) throw new RefusedError(`fault ${spec.name}: ${unavailable}`);
  }
  for (const [index, phase] of scenario.phases.entries()) {
    const offers = stage.loads.filter(({ during }) => during === phase.name);
    const faults = stage.faults.filter(({ spec }) => spec.during === phase.name);
    const moments = momentsOf(offers, faults);
    if (moments) {
      await Promise.all(offers.map((load) => load.ready?.(cluster, run, phase.duration, moments)));
      await sleep(Math.max(0, moments.by - Date.now()), undefined, { signal: run.signal });
    }
    const offer = (loads: Stage['loads']) => loads.map((load) => load.offer(cluster, run, phase.duration));
    const waiting = () => offer(offers.filter(({ readyWithin }) => readyWithin !== undefined));
    const work = () => [
      ...offer(offers.filter(({ readyWithin }) => readyWithin === undefined)),
      stage.prepare(phase.name, cluster, run),
    ];
    const patience = index === 0 ? overrun.first : overrun.later;
    await play({ phase, begin: moments?.begin, waiting, work, faults, patience }, cluster, run);
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

/** Undefined where no load has to be told beforehand. */
function momentsOf(loads: Stage['loads'], faults: readonly Planned[]): Moments | undefined {
  const readyWithin = Math.max(0, ...loads.map((load) => load.readyWithin ?? 0));
  if (readyWithin === 0) return undefined;
  const by = Date.now() + readyWithin;
  return { by, begin: by + (faults.some(({ spec }) => spec.after === 0) ? inForceWithin : 0) };
}

interface Playing {
  readonly phase: Phase;
  /** The moment at which loads begin by themselves, in milliseconds since 1970. */
  readonly begin: number | undefined;
  /** Offers the loads that wait for it: until then they offer nothing, and say so. */
  waiting(): readonly Promise<void>[];
  /** Begins the other loads and the creation of objects. */
  work(): readonly Promise<void>[];
  readonly faults: readonly Planned[];
  readonly patience: Millis;
}

async function play(playing: Playing, cluster: Cluster, run: Run): Promise<void> {
  const { phase, begin, waiting, work, faults, patience } = playing;
  run.journal.append({ kind: 'phase', name: phase.name, edge: 'start' });
  const injected: { readonly name: string; readonly injection: Injected }[] = [];
  const failing = Promise.withResolvers<never>();
  const inject = async ({ spec, fault }: Planned) => {
    await sleep(spec.after, undefined, { signal: run.signal });
    const injection = await fault.inject(cluster, run);
    run.journal.append({ kind: 'injected', fault: spec.name, targets: injection.targets });
    injected.push({ name: spec.name, injection });
    void injection.failing?.().catch(failing.reject);
  };
  const inOrder = async () => {
    // The load is to meet faults that are in force, and a fault may take seconds to come into force.
    await Promise.all(faults.filter(({ spec }) => spec.after === 0).map(inject));
    if (begin !== undefined) await meet(begin, phase, run);
    await Promise.all([
      sleep(phase.duration, undefined, { signal: run.signal }),
      ...work(),
      ...faults.filter(({ spec }) => spec.after > 0).map(inject),
    ]);
  };
  const limit = AbortSignal.timeout(phase.duration + patience);
  const going = Promise.race([Promise.all([...waiting(), inOrder()]), failing.promise]);
  await until(going, AbortSignal.any([run.signal, limit]), `phase ${phase.name} does not end`);
  // Neither the time that it takes to prove the fault nor what its end brings back is what it was like.
  run.journal.append({ kind: 'phase', name: phase.name, edge: 'end' });
  for (const { name, injection } of injected) {
    run.journal.append({ kind: 'evidenced', fault: name, ...(await injection.evidence()) });
  }
  for (const { name, injection } of injected.reverse()) {
    await injection.end();
    run.journal.append({ kind: 'recovered', fault: name });
  }
}

/** Waits for the moment at which the loads begin by themselves. */
async function meet(begin: number, { name }: Phase, run: Run): Promise<void> {
  const left = begin - Date.now();
  const reason = `phase ${name}: its load began ${-left / 1000} s before the phase, or before its faults were in force`;
  if (left < -early) run.journal.append({ kind: 'voided', reason });
  await sleep(Math.max(0, left), undefined, { signal: run.signal });
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
