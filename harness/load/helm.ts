import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, InstallSpec, Millis, Run } from '../model.ts';
import { type Command, pasteable, run as runCommand } from '../tools/command.ts';
import { installMetrics } from './install-metrics.ts';
import { type Outcome, outcomeOf } from './install-outcome.ts';
import { InstallSamples } from './install-samples.ts';

const every: Millis = 1_000;

/**
 * Offers an install by helm 4 as a load: `spec.chart` is an absolute path, or anything that helm understands; `helm` is
 * its path. Resolves at the end of `duration`, until when its samples go on; helm is ended then if it still waits. A mistake ends it at once.
 * Never rejects: what the cluster refuses or does not get ready is a sample, what proves nothing voids the run.
 */
export function helmInstall(spec: InstallSpec, { helm }: { readonly helm: string }) {
  return {
    async offer(cluster: Cluster, run: Run, duration: Millis): Promise<void> {
      try {
        await play(spec, helm, cluster, run, duration);
      } catch (error) {
        if (run.signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        run.journal.append({ kind: 'voided', reason: `install ${spec.release}: ${reason}` });
      }
    },
  };
}

async function play(spec: InstallSpec, helm: string, cluster: Cluster, run: Run, duration: Millis): Promise<void> {
  if (run.signal.aborted) return;
  const over = AbortSignal.timeout(duration);
  const command = await commandOf(spec, helm, cluster, run);
  const began = run.clock.now();
  const text = `helm install ${spec.release} ${spec.chart} (logs/${logName(spec)})`;
  run.journal.append({ kind: 'progress', text });
  run.journal.append({ kind: 'observing', source: `install:${spec.release}`, metrics: installMetrics, every });
  const samples = new InstallSamples(spec.release, run, began);
  using cleanup = new DisposableStack();
  cleanup.defer(repeat(() => samples.tick()));
  samples.tick();
  const outcome = await install(command, spec, run, over);
  if (run.signal.aborted) return;
  samples.end(outcome);
  if (outcome.is === 'mistake') return;
  await sleep(Math.max(0, duration - (run.clock.now() - began)), undefined, { signal: run.signal });
}

/** Runs helm, its output into the run's logs, no longer than until `over`. */
async function install(command: Command, spec: InstallSpec, run: Run, over: AbortSignal): Promise<Outcome> {
  const log = createWriteStream(join(run.folder, 'logs', logName(spec)), { flags: 'a' });
  const keep = (line: string) => void log.write(`${line}\n`);
  keep(`$ ${pasteable(command, homes(join(run.folder, 'helm')))}`);
  const onLine = (line: string) => {
    keep(line);
    return false;
  };
  const signal = AbortSignal.any([run.signal, over]);
  try {
    return outcomeOf(await runCommand({ ...command, signal, onLine, onOutput: keep }));
  } catch (error) {
    if (run.signal.aborted || !over.aborted) throw error;
    return { is: 'failed', cause: 'timeout', detail: 'helm was still waiting at the end of its phase, and was ended' };
  } finally {
    log.end();
    await finished(log);
  }
}

/** Everything of helm's own is kept in the run's folder: nobody's repositories, plugins or settings change the load. */
async function commandOf(spec: InstallSpec, helm: string, cluster: Cluster, run: Run): Promise<Command> {
  const { release, chart, namespace, timeout, values } = spec;
  const home = join(run.folder, 'helm');
  const file = join(home, `${release}.values.json`);
  await mkdir(home, { recursive: true });
  await mkdir(join(run.folder, 'logs'), { recursive: true });
  await writeFile(file, JSON.stringify(values, undefined, 2), { mode: 0o600 });
  return {
    program: helm,
    args: [
      'install',
      release,
      chart,
      `--namespace=${namespace}`,
      '--create-namespace',
      '--wait=watcher',
      `--timeout=${Math.ceil(timeout / 1000)}s`,
      `--values=${file}`,
      `--kubeconfig=${cluster.kubeconfig}`,
      // Tells whose the release is, on a cluster that others use too.
      `--labels=ordeal.mark=${run.mark}`,
      '--hide-notes',
      '--color=never',
    ],
    cwd: home,
    env: { HOME: home, TZ: 'UTC', ORDEAL_MARK: run.mark, ...homes(home) },
    signal: run.signal,
  };
}

function homes(home: string): Command['env'] {
  return { HELM_CACHE_HOME: `${home}/cache`, HELM_CONFIG_HOME: `${home}/config`, HELM_DATA_HOME: `${home}/data` };
}

const logName = ({ release }: InstallSpec): string => `helm-${release}.log`;

function repeat(tick: () => void): () => void {
  const timer = setInterval(tick, every);
  return () => clearInterval(timer);
}
