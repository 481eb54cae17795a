import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Attempt,
  type Cluster,
  InterruptedError,
  type JournalEvent,
  type Millis,
  type Run,
  type Scenario,
  type Stopped,
  StoppedError,
} from '../model.ts';
import { startClock } from './clock.ts';
import { conduct, type Stage } from './conductor.ts';
import { makeRunFolder, type Places, thisHost } from './folder.ts';
import { openJournal, readJournal } from './journal.ts';
import { openLedger, readLedger } from './ledger.ts';
import { strike } from './register.ts';
import { countRequests } from './requests.ts';
import { Scope } from './scope.ts';
import { answered, lookForSwitch, requireUnset } from './stop.ts';
import { watchOver } from './watched.ts';

/** How long the cluster's logs are read; who interrupts wants it back soon. */
const logsWithin: Record<Extract<JournalEvent, { kind: 'ended' }>['how'], Millis> = {
  completed: 60_000,
  error: 60_000,
  interrupted: 10_000,
  stopped: 10_000,
};
/** What docker or a node was asked to do in the moment of the abort may still be done. */
const onItsWay: Millis = 500;

export interface Ended {
  readonly id: string;
  readonly folder: string;
  /** Why the run ended early, if it did. */
  readonly error?: unknown;
}

export interface SessionOptions {
  readonly places: Places;
  readonly version: string;
  readonly judge: 'limits' | 'signature';
  /** Invalid runs that this one follows. */
  readonly former?: readonly Attempt[];
  /** Aborted on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Makes the stage once the run's folder and journal are there, so that tool set-up is recorded too. */
  stage(run: Run): Promise<Stage>;
  /** Told of every event; what it returns ends the run. */
  rules?(event: JournalEvent): Stopped | undefined;
  observer(event: JournalEvent): void;
}

/**
 * One run from its folder to its last debt. Never rejects for what happened in the run: that is in the journal. Throws `RefusedError`
 * where nobody would put back what it owes if it were killed.
 */
export async function session(scenario: Scenario, options: SessionOptions): Promise<Ended> {
  const { id, folder, mark } = makeRunFolder(options.places, `${scenario.id}-${scenario.variant.name}`);
  const watchdog = await watchOver(folder, mark).catch((error: unknown) => {
    strike(options.places, id);
    rmSync(folder, { recursive: true });
    throw error;
  });
  writeFileSync(join(folder, 'scenario.yaml'), scenario.source);
  const clock = startClock();
  const scope = new Scope();
  const interrupt = () => scope.abort(options.signal.reason);
  options.signal.addEventListener('abort', interrupt, { once: true });
  if (options.signal.aborted) interrupt();
  const halt = (why: Stopped) => {
    if (scope.signal.aborted) return;
    journal.append({ kind: 'stopped', ...why, halted: new Date().toISOString() });
    scope.abort(new StoppedError(why.how === 'rule' ? `by its rule: ${why.why}` : why.why));
  };
  const observer = (event: JournalEvent) => {
    options.observer(event);
    const why = options.rules?.(event);
    if (why) halt(why);
  };
  using journal = openJournal(folder, clock, observer, (error) => scope.abort(error));
  const ledger = openLedger(folder);
  const requests = countRequests(`ordeal/${options.version} (run ${id})`);
  const run: Run = { id, folder, mark, clock, journal, ledger, signal: scope.signal, requests };

  journal.append({
    kind: 'began',
    run: id,
    scenario: scenario.id,
    variant: scenario.variant.name,
    wall: clock.startedAt.toISOString(),
    ordeal: options.version,
    host: thisHost(),
    parameters: scenario.parameters,
    ...(options.former?.length && { former: options.former }),
  });
  journal.append({ kind: 'planned', scenario, judge: options.judge });
  let over = false;
  void watchdog.lost.then(() => {
    if (!over)
      journal.append({ kind: 'progress', text: 'its watchdog died: after kill -9 only ordeal clean puts back' });
  });
  const tick = setInterval(() => journal.append({ kind: 'clock', wall: Date.now() }), 1000);

  let stage: Stage | undefined;
  let cluster: Cluster | undefined;
  let owedWithCluster = 0;
  let error: unknown;
  let how: keyof typeof logsWithin = 'completed';
  const looking = lookForSwitch(options.places, id, halt);
  try {
    requireUnset(options.places);
    const playing = await options.stage(run);
    stage = playing;
    await conduct(scenario, playing, run, scope, async (made) => {
      cluster = made;
      owedWithCluster = ledger.latest;
      const watching = await playing.watchSwitch?.(made, run, halt);
      const lost = (error: unknown) =>
        halt({ how: 'blind', why: `the switch in the cluster cannot be watched: ${error}` });
      if (watching) scope.add(watching.ended, lost);
      run.signal.throwIfAborted();
    });
  } catch (caught) {
    error = scope.signal.aborted ? scope.signal.reason : caught;
    how = error instanceof StoppedError ? 'stopped' : error instanceof InterruptedError ? 'interrupted' : 'error';
  }
  clearInterval(looking);
  const pay = (after?: number) => ledger.payAll(after).catch((failure: unknown) => [failure]);
  const joined = scope.close();
  if (cluster && how !== 'completed') {
    // Who stops it wants the faults gone, whatever the others still have to end.
    await sleep(onItsWay);
    const latest = ledger.latest;
    await pay(owedWithCluster);
    owedWithCluster = latest;
  }
  await joined;
  clearInterval(tick);
  options.signal.removeEventListener('abort', interrupt);
  if (cluster) {
    // What was done to nodes is put back before their logs are read and before the cluster that they need goes.
    await pay(owedWithCluster);
    await cluster.collectLogs(join(folder, 'logs'), AbortSignal.timeout(logsWithin[how])).catch((failure: unknown) => {
      journal.append({ kind: 'progress', text: `the cluster's logs could not be kept: ${failure}` });
    });
  }
  over = true;
  journal.append({ kind: 'asked', requests: requests.counts, waited: requests.waited, agent: requests.agent });
  journal.append({ kind: 'ended', how, ...(how === 'completed' ? {} : { reason: reasonOf(error) }) });

  // What it cannot put back stays on the books.
  await Promise.resolve(cluster?.[Symbol.asyncDispose]()).catch(() => undefined);
  const unpaid = await pay();
  await watchdog.dismiss();
  if (unpaid.length === 0) strike(options.places, id);
  answered(options.places, id);
  journal.flush();
  await stage?.residue?.after(run, () => touchedBy(folder));
  return { id, folder, ...(error === undefined ? {} : { error }) };
}

/** What the run did something to, or owed to: names, ids of containers. Through a node's own kubectl an object is deleted, not the node touched. */
function touchedBy(folder: string): ReadonlySet<string> {
  const injected = readJournal(folder).flatMap((event) => (event.kind === 'injected' ? event.targets : []));
  const owed = readLedger(folder).flatMap(({ debt }) => {
    if (debt.undo === 'delete-object') return [];
    const node = 'node' in debt ? debt.node : undefined;
    return [
      ...(node?.via === 'docker' ? [node.container] : node?.via === 'pod' ? [node.node, node.uid] : []),
      ...('container' in debt ? [debt.container] : []),
      ...(debt.undo === 'uncordon-node' ? [debt.name] : []),
    ];
  });
  return new Set([...injected, ...owed]);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
