import { monitorEventLoopDelay } from 'node:perf_hooks';
import { addToHistogram, newTally, toHistogram } from '../histogram.ts';
import { KubeClient } from '../kube/client.ts';
import type { ClusterError, Millis, Probe, Run } from '../model.ts';
import { every, together } from './every.ts';
import { metricsOf } from './metrics.ts';
import { isOfCluster } from './sight.ts';

const name = 'api-canary';
const metrics = metricsOf(name);
const path = '/api/v1/namespaces/default';
const pace: Millis = 200;
/** Long enough for a limit of seconds; longer, and the canary's waiting would crowd the audit log when the server hangs. */
const timeout: Millis = 5_000;
const inFlight = 30;
/** A harness that stalls longer than this measured itself. */
const worstLag = 2;

/**
 * Another user's simple request, five a second, none waiting for the one before: what a flood does to the others.
 * A refused, failed or timed-out request is a sample, not a gap; an error of our own (too many open files) ends the probe.
 */
export function apiCanary(): Probe {
  return {
    name,
    metrics,
    unavailable: () => undefined,
    async observe(cluster, run) {
      const client = new KubeClient(cluster.connect(`ordeal:${name}`), {
        signal: run.signal,
        connections: inFlight,
        timeout,
      });
      const canary = new Canary(client, run);
      try {
        await canary.first();
      } catch (error) {
        await client[Symbol.asyncDispose]();
        throw error;
      }
      run.journal.append({ kind: 'observing', source: name, metrics, every: 1_000 });
      const lag = monitorEventLoopDelay({ resolution: 20 });
      lag.enable();
      const ended = together(
        run.signal,
        (signal) => every(pace, signal, () => canary.send()),
        (signal) =>
          every(1_000, signal, () => {
            canary.looked();
            writeLag(lag, run);
          }),
        (signal) => canary.failed(signal),
      ).finally(async () => {
        lag.disable();
        await client[Symbol.asyncDispose]();
      });
      return { ended };
    },
  };
}

class Canary {
  readonly #client: KubeClient;
  readonly #run: Run;
  readonly #failure = Promise.withResolvers<never>();
  #open = 0;

  constructor(client: KubeClient, run: Run) {
    this.#client = client;
    this.#run = run;
  }

  /** Resolves with the first good answer. */
  async first(): Promise<void> {
    for (let good = false; !good && !this.#run.signal.aborted; ) {
      try {
        await this.#client.get(path);
        good = true;
      } catch (error) {
        if (!isOfCluster(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, pace));
      }
    }
  }

  /** Sends one request and does not wait for it. */
  send(): void {
    if (this.#open >= inFlight) this.#failed('none-free');
    else void this.#measure().catch(this.#failure.reject);
  }

  /** Rejects when a request failed in a way that is no answer of the cluster. */
  async failed(signal: AbortSignal): Promise<void> {
    const end = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    if (!signal.aborted) await Promise.race([this.#failure.promise, end]);
  }

  /** No failure is news too. */
  looked(): void {
    this.#run.journal.append({ kind: 'sample', metric: 'api.get.failures', value: 0 });
  }

  async #measure(): Promise<void> {
    const at = this.#run.clock.now();
    const started = performance.now();
    const took = () => (performance.now() - started) / 1000;
    this.#open += 1;
    try {
      await this.#client.get(path);
      this.#answered(took(), at);
      this.#available(1, at);
    } catch (error) {
      if (this.#run.signal.aborted) return;
      if (!isOfCluster(error)) throw error;
      if (error.code === 'ETIMEDOUT') this.#answered(Math.max(took(), timeout / 1000), at);
      else if (typeof error.code === 'number') this.#answered(took(), at);
      this.#failed(causeOf(error), at);
    } finally {
      this.#open -= 1;
    }
  }

  // All is stamped with the moment of asking: it belongs to the phase in which it was asked, whenever the answer comes.

  #answered(seconds: number, at: Millis): void {
    const tally = newTally();
    addToHistogram(tally, seconds);
    this.#run.journal.append({ kind: 'histogram', metric: 'api.get.duration', histogram: toHistogram(tally) }, at);
  }

  #failed(cause: string, at = this.#run.clock.now()): void {
    this.#run.journal.append({ kind: 'sample', metric: 'api.get.failures', labels: { cause }, value: 1 }, at);
    this.#available(0, at);
  }

  #available(value: 0 | 1, at: Millis): void {
    this.#run.journal.append({ kind: 'sample', metric: 'api.get.available', value }, at);
  }
}

function causeOf({ code }: ClusterError): string {
  if (typeof code === 'number') return `status-${code}`;
  if (code === 'ETIMEDOUT') return 'timeout';
  if (code === 'ECONNREFUSED') return 'refused';
  return code === 'ECONNRESET' ? 'reset' : code;
}

function writeLag(lag: ReturnType<typeof monitorEventLoopDelay>, run: Run): void {
  // The histogram counts from the timer's own period on; before its first tick it is empty.
  const seconds = lag.count > 0 ? Math.max(0, lag.max / 1e9 - 0.02) : 0;
  lag.reset();
  run.journal.append({ kind: 'sample', metric: 'harness.lag', value: seconds });
  if (seconds > worstLag)
    run.journal.append({
      kind: 'voided',
      reason: `the harness stalled for ${seconds.toFixed(1)} s: its times are of itself, not of the cluster`,
    });
}
