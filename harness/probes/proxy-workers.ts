import { ClusterError, type Component, type Millis, type Probe, type Run } from '../model.ts';
import { childrenOf, titleOf } from '../process.ts';
import { connectionsOf, establishedSockets } from './connections.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import {
  type ProxyWorker,
  podOfProxy,
  proxyBeside,
  type Remark,
  remarksOf,
  server,
  unavailableProxy,
} from './proxy.ts';
import { Obituaries, Sight } from './sight.ts';

const name = 'proxy-workers';
const metrics = metricsOf(name);
const each: Millis = 500;
const promises = () => [{ metrics, every: each }];

/** nginx changes the title of a worker that has been told to end when it has nothing left to do. */
const ending = /worker process is shutting down/;
const worker = /worker process/;
/** Of nginx in a pod: many a client can have it complain. */
const mostComplaints = 50;

/** The worker processes of the proxy, from /proc: which are to end and do not, and what they hold. */
export function proxyWorkers(): Probe {
  return {
    name,
    metrics,
    unavailable: unavailableProxy,
    async observe(cluster, run) {
      const workers = new Workers(run);
      const sight = new Sight(run, name, new Obituaries(cluster, [server]));
      const watch = (look: () => Promise<(() => void) | undefined>, certain?: () => Millis) =>
        poll(run, run.signal, { source: name, every: each, promises, sight, look, ...(certain && { certain }) });
      const beside = proxyBeside(cluster);
      if (beside) return watch(async () => workers.seen(childrenOfProxy(beside), run.clock.now()));
      const log = podOfProxy(cluster, run, name);
      let begun = false;
      const watching = watch(async () => {
        const remarks = remarksOf(await log.lines());
        const writes = remarks.flatMap((remark) => workers.heard(remark) ?? []);
        begun ||= writes.length > 0;
        if (!begun) return undefined;
        return () => {
          for (const write of writes) write();
        };
      }, log.heard?.bind(log));
      // A pod is created by the run, when its probes observe already.
      return { ended: watching.then(({ ended }) => ended).finally(() => log.close()) };
    },
  };
}

function childrenOfProxy({ pid = 0 }: Component): ProxyWorker[] {
  const children = childrenOf(pid).filter((child) => worker.test(titleOf(child.pid)));
  const established = establishedSockets();
  return children.map(({ pid: child }) => {
    const connections = connectionsOf(child, established);
    return { pid: child, ending: ending.test(titleOf(child)), connections };
  });
}

class Workers {
  readonly #run: Run;
  /** Since when each is to end. */
  readonly #old = new Map<number, Millis>();
  #complaints = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  /** Gives what writes the samples of a moment. Throws `ClusterError` when there are none. */
  seen(all: readonly ProxyWorker[], at: Millis): () => void {
    if (all.length === 0) throw new ClusterError(server, 'ESRCH', 'it has no workers');
    return () => this.#write(all, at);
  }

  /** Likewise, of what the controller says; undefined where that is no more than news. */
  heard(remark: Remark): (() => void) | undefined {
    if (remark.ordeal === 'workers') {
      const at = this.#run.clock.fromWall(remark.at * 1000);
      const write = this.seen(remark.workers, at);
      return () => {
        write();
        this.#run.journal.append({ kind: 'sample', metric: 'proxy.backends', value: remark.pods }, at);
      };
    }
    if (remark.ordeal === 'reload') this.#tell(`it got list ${remark.number}, of ${remark.pods} pods`);
    else if (this.#complaints++ < mostComplaints) this.#tell(remark.text.slice(0, 300));
    else if (this.#complaints === mostComplaints + 1) this.#tell('it has more to say, which is not told');
    return undefined;
  }

  #write(seen: readonly ProxyWorker[], now: Millis): void {
    const { journal } = this.#run;
    const held = { current: 0, old: 0 };
    const count = { current: 0, old: 0 };
    for (const { pid, ending: ends, connections } of seen) {
      if (ends && !this.#old.has(pid)) {
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
      journal.append({ kind: 'sample', metric: 'proxy.workers', labels: { worker: state }, value: count[state] }, now);
      journal.append(
        { kind: 'sample', metric: 'proxy.connections', labels: { worker: state }, value: held[state] },
        now,
      );
    }
    const oldest = Math.min(now, ...this.#old.values());
    journal.append({ kind: 'sample', metric: 'proxy.outlived', value: (now - oldest) / 1000 }, now);
  }

  #tell(detail: string): void {
    this.#run.journal.append({ kind: 'seen', what: 'other', subject: server, detail });
  }
}
