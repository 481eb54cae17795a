import { type Cluster, ClusterError, type Component, type Millis, type Probe, type Run } from '../model.ts';
import { childrenOf, type ProcessId, titleOf } from '../process.ts';
import { connectionsOf, establishedSockets } from './connections.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import { Obituaries, Sight } from './sight.ts';

const name = 'proxy-workers';
const server = 'proxy';
const metrics = metricsOf(name);
const each: Millis = 500;
const promises = () => [{ metrics, every: each }];

/** nginx changes the title of a worker that has been told to end when it has nothing left to do. */
const ending = /worker process is shutting down/;
const worker = /worker process/;

/** The worker processes of the server `proxy`, from /proc: which are to end and do not, and what they hold. */
export function proxyWorkers(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) => (proxyOf(cluster) ? undefined : `there is no server ${server} beside this cluster`),
    async observe(cluster, run) {
      const proxy = proxyOf(cluster) ?? { name: server, pid: 0 };
      const watched = new Workers(run);
      const sight = new Sight(run, name, new Obituaries(cluster, [server]));
      const look = async () => {
        const seen = childrenOf(proxy.pid).filter(({ pid }) => worker.test(titleOf(pid)));
        if (seen.length === 0) throw new ClusterError(server, 'ESRCH', `process ${proxy.pid} has no workers`);
        return () => watched.write(seen);
      };
      return poll(run, run.signal, { source: name, every: each, promises, sight, look });
    },
  };
}

const proxyOf = (cluster: Cluster): Component | undefined => cluster.components?.find((one) => one.name === server);

class Workers {
  readonly #run: Run;
  /** Since when each is to end. */
  readonly #old = new Map<number, Millis>();

  constructor(run: Run) {
    this.#run = run;
  }

  write(seen: readonly ProcessId[]): void {
    const { clock, journal } = this.#run;
    const now = clock.now();
    const established = establishedSockets();
    const held = { current: 0, old: 0 };
    const count = { current: 0, old: 0 };
    for (const { pid } of seen) {
      const connections = connectionsOf(pid, established);
      if (ending.test(titleOf(pid)) && !this.#old.has(pid)) {
        this.#old.set(pid, now);
        this.#tell(`worker ${pid} is to end and holds ${connections} connections`);
      }
      const state = this.#old.has(pid) ? 'old' : 'current';
      held[state] += connections;
      count[state] += 1;
    }
    for (const [pid, since] of this.#old) {
      if (seen.some((one) => one.pid === pid)) continue;
      this.#old.delete(pid);
      this.#tell(`worker ${pid} is gone, ${((now - since) / 1000).toFixed(1)} s after it was told to end`);
    }
    for (const state of ['current', 'old'] as const) {
      journal.append({ kind: 'sample', metric: 'proxy.workers', labels: { worker: state }, value: count[state] });
      journal.append({ kind: 'sample', metric: 'proxy.connections', labels: { worker: state }, value: held[state] });
    }
    const oldest = Math.min(now, ...this.#old.values());
    journal.append({ kind: 'sample', metric: 'proxy.outlived', value: (now - oldest) / 1000 });
  }

  #tell(detail: string): void {
    this.#run.journal.append({ kind: 'seen', what: 'other', subject: server, detail });
  }
}
