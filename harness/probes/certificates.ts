import type { Millis, Probe, Run } from '../model.ts';
import { CertificateEnds } from './certificate-ends.ts';
import { every, together } from './every.ts';
import { FreshConnections } from './fresh-connection.ts';
import { metricsOf } from './metrics.ts';
import { connecting, expiring } from './metrics-certificates.ts';
import { poll } from './poll.ts';
import { Obituaries, Sight } from './sight.ts';
import { Tail } from './tail.ts';

const name = 'certificates';
const path = '/api/v1/namespaces/default';
const pace: Millis = 500;
const each: Millis = 1_000;
const timeout: Millis = 10_000;
const inFlight = 30;

/**
 * Makes a new connection two times a second, as a client does that has none, and reads the ends of the certificates in use: of the API
 * server's in each handshake, of the node agents' in the audit log, which names by its fingerprint what they presented.
 */
export function certificates(): Probe {
  return {
    name,
    metrics: metricsOf(name),
    unavailable: (cluster) => (cluster.auditLog ? undefined : 'the audit log cannot be read from here'),
    async observe(cluster, run) {
      const connections = new FreshConnections(cluster.connect(`ordeal:${name}`), timeout);
      const log = new Tail('audit log', cluster.auditLog ?? '');
      const ends = new CertificateEnds(cluster.certificates ?? [], run);
      const source = `${name}/connect`;
      const attempts = new Attempts(connections, ends, run);
      await attempts.first();
      run.journal.append({ kind: 'observing', source, metrics: connecting, every: each });
      const sight = new Sight(run, name, new Obituaries(cluster, []));
      const look = async () => {
        ends.read(await log.lines());
        ends.requireAll();
        return () => ends.write();
      };
      const promises = () => [{ metrics: expiring, every: each }];
      const first = Promise.withResolvers<void>();
      const ended = together(
        run.signal,
        (signal) => every(pace, signal, () => attempts.send()),
        (signal) => every(each, signal, () => attempts.looked()),
        (signal) => attempts.failed(signal),
        async (signal) => {
          const polling = await poll(run, signal, { source: name, every: each, promises, sight, look });
          first.resolve();
          await polling.ended;
        },
      ).finally(() => log.close());
      await Promise.race([first.promise, ended]);
      return { ended };
    },
  };
}

/** A refused, failed or timed-out connection is a sample, stamped with the moment at which it was begun. */
class Attempts {
  readonly #connections: FreshConnections;
  readonly #ends: CertificateEnds;
  readonly #run: Run;
  readonly #failure = Promise.withResolvers<never>();
  #open = 0;

  constructor(connections: FreshConnections, ends: CertificateEnds, run: Run) {
    this.#connections = connections;
    this.#ends = ends;
    this.#run = run;
  }

  /** Resolves when one was answered well. */
  async first(): Promise<void> {
    for (let good = false; !good; ) {
      const { cause, served } = await this.#connections.make(path, this.#run.signal);
      if (served) this.#ends.served(served);
      good = cause === undefined;
      if (!good) await new Promise((resolve) => setTimeout(resolve, pace));
    }
  }

  send(): void {
    if (this.#open >= inFlight) this.#tell('none-free', this.#run.clock.now());
    else void this.#attempt().catch(this.#failure.reject);
  }

  looked(): void {
    this.#run.journal.append({ kind: 'sample', metric: 'api.connect.failures', value: 0 });
  }

  /** Rejects when one failed in a way that is ours. */
  async failed(signal: AbortSignal): Promise<void> {
    const end = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    if (!signal.aborted) await Promise.race([this.#failure.promise, end]);
  }

  async #attempt(): Promise<void> {
    const at = this.#run.clock.now();
    this.#open += 1;
    try {
      const { cause, served } = await this.#connections.make(path, this.#run.signal);
      if (served) this.#ends.served(served);
      this.#tell(cause, at);
    } catch (error) {
      if (!this.#run.signal.aborted) throw error;
    } finally {
      this.#open -= 1;
    }
  }

  #tell(cause: string | undefined, at: Millis): void {
    const { journal } = this.#run;
    if (cause !== undefined)
      journal.append({ kind: 'sample', metric: 'api.connect.failures', labels: { cause }, value: 1 }, at);
    journal.append({ kind: 'sample', metric: 'api.connect.available', value: cause === undefined ? 1 : 0 }, at);
  }
}
