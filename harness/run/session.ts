import { writeFileSync } from 'node:fs';
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
} from '../model.ts';
import { startClock } from './clock.ts';
import { conduct, type Stage } from './conductor.ts';
import { makeRunFolder, type Places, thisHost } from './folder.ts';
import { openJournal } from './journal.ts';
import { openLedger } from './ledger.ts';
import { strike } from './register.ts';
import { countRequests } from './requests.ts';
import { Scope } from './scope.ts';

/** How long the cluster's logs are read; who interrupts wants it back soon. */
const logsWithin: Record<'completed' | 'interrupted' | 'error', Millis> = {
  completed: 60_000,
  error: 60_000,
  interrupted: 10_000,
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
  observer(event: JournalEvent): void;
}

/** One run from its folder to its last debt. Never rejects for what happened in the run: that is in the journal. */
export async function session(scenario: Scenario, options: SessionOptions): Promise<Ended> {
  const { id, folder, mark } = makeRunFolder(options.places, `${scenario.id}-${scenario.variant.name}`);
  writeFileSync(join(folder, 'scenario.yaml'), scenario.source);
  const clock = startClock();
  const scope = new Scope();
  const interrupt = () => scope.abort(options.signal.reason);
  options.signal.addEventListener('abort', interrupt, { once: true });
  if (options.signal.aborted) interrupt();
  using journal = openJournal(folder, clock, options.observer, (error) => scope.abort(error));
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
  const tick = setInterval(() => journal.append({ kind: 'clock', wall: Date.now() }), 1000);

  let cluster: Cluster | undefined;
  let owedWithCluster = 0;
  let error: unknown;
  let how: 'completed' | 'interrupted' | 'error' = 'completed';
  try {
    const stage = await options.stage(run);
    await conduct(scenario, stage, run, scope, (made) => {
      cluster = made;
      owedWithCluster = ledger.latest;
    });
  } catch (caught) {
    error = scope.signal.aborted ? scope.signal.reason : caught;
    how = error instanceof InterruptedError ? 'interrupted' : 'error';
  }
  await scope.close();
  clearInterval(tick);
  options.signal.removeEventListener('abort', interrupt);
  const pay = (after?: number) => ledger.payAll(after).catch((failure: unknown) => [failure]);
  if (cluster) {
    if (how !== 'completed') await sleep(onItsWay);
    // What was done to nodes is put back before their logs are read and before the cluster that they need goes.
    await pay(owedWithCluster);
    await cluster.collectLogs(join(folder, 'logs'), AbortSignal.timeout(logsWithin[how])).catch((failure: unknown) => {
      journal.append({ kind: 'progress', text: `the cluster's logs could not be kept: ${failure}` });
    });
  }
  journal.append({ kind: 'asked', requests: requests.counts, waited: requests.waited, agent: requests.agent });
  journal.append({ kind: 'ended', how, ...(how === 'completed' ? {} : { reason: reasonOf(error) }) });

  // What it cannot put back stays on the books.
  await Promise.resolve(cluster?.[Symbol.asyncDispose]()).catch(() => undefined);
  const unpaid = await pay();
  if (unpaid.length === 0) strike(options.places, id);
  return { id, folder, ...(error === undefined ? {} : { error }) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
