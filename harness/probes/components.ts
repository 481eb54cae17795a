import type { Cluster, Component, Death, Millis, Probe, Run } from '../model.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import { type ProcessStat, processStat } from './process-stat.ts';
import { Obituaries, Sight } from './sight.ts';

const name = 'components';
const metrics = metricsOf(name);
const each: Millis = 1_000;
/** A process that cannot be read may be dying: its death is told within this time, or it is not the reason. */
const patience: Millis = 3_000;

/** Metrics of their own, for scenarios that compare one component with itself. */
const aliases: Readonly<Record<string, string>> = { etcd: 'etcd.memory', 'kube-apiserver': 'apiserver.memory' };
/** Their source: what explains one component's silence says nothing of the others. */
const sourceOf = (component: string) => `${name}/${component}`;

function promises(cluster: Cluster) {
  const all = Object.values(aliases);
  const own = (cluster.components ?? []).flatMap((component) => {
    const ofIt = metrics.filter((metric) => metric.name === aliases[component.name]);
    return ofIt.length > 0 ? [{ source: sourceOf(component.name), metrics: ofIt, every: each }] : [];
  });
  return [{ metrics: metrics.filter((metric) => !all.includes(metric.name)), every: each }, ...own];
}

/** Memory, CPU and death of the cluster's processes, from /proc each second. */
export function components(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) =>
      cluster.components?.length ? undefined : "the cluster's processes cannot be seen from here",
    async observe(cluster, run) {
      const watched = (cluster.components ?? []).map((component) => new Watched(component, cluster, run));
      const sight = new Sight(run, name, new Obituaries(cluster, []));
      const look = async () => {
        const writes = await Promise.all(watched.map((component) => component.look()));
        return () => {
          for (const write of writes) write();
        };
      };
      const promised = () => promises(cluster);
      const { ended } = await poll(run, run.signal, { source: name, every: each, promises: promised, sight, look });
      return {
        ended: ended.finally(() => {
          for (const component of watched) component.end();
        }),
      };
    },
  };
}

class Watched {
  readonly #component: Component;
  readonly #run: Run;
  #before: { readonly stat: ProcessStat; readonly at: Millis } | undefined;
  /** Until when it was seen, or it was told why not. */
  #told: Millis;
  #death: Death | undefined;
  #unread = false;
  #counted = false;

  constructor(component: Component, cluster: Cluster, run: Run) {
    this.#component = component;
    this.#run = run;
    this.#told = run.clock.now();
    // At the end of a run its processes are ended on purpose.
    void cluster.death?.(component.name).then((death) => {
      if (!run.signal.aborted) this.#death = death;
    });
  }

  async look(): Promise<() => void> {
    if (this.#death) return () => this.#writeDead();
    const stat = await processStat(this.#component.pid);
    if (stat) return () => this.#writeAlive(stat);
    return () => (this.#death ? this.#writeDead() : this.#writeUnknown(patience));
  }

  /** What is not told yet is told now. */
  end(): void {
    if (!this.#death && this.#unread) this.#writeUnknown(0);
  }

  #writeAlive(stat: ProcessStat): void {
    const component = this.#component.name;
    const at = this.#run.clock.now();
    const before = this.#before;
    // The kernel keeps the peak: when it rose since, it was between the two readings.
    const memory = before && stat.peakBytes > before.stat.peakBytes ? stat.peakBytes : stat.residentBytes;
    this.#sample('component.up', 1);
    this.#sample('component.memory', memory);
    const alias = aliases[component];
    if (alias) this.#run.journal.append({ kind: 'sample', metric: alias, value: memory });
    if (before && at > before.at)
      this.#sample('component.cpu', (1000 * (stat.cpuSeconds - before.stat.cpuSeconds)) / (at - before.at));
    this.#sample('component.deaths', 0);
    this.#before = { stat, at };
    this.#told = at;
    this.#unread = false;
  }

  /** Neither alive nor known to be dead: it is looked at again, and what is not seen meanwhile nobody explains. */
  #writeUnknown(after: Millis): void {
    this.#unread = true;
    if (this.#run.clock.now() - this.#told < after) return;
    const { name: component, pid } = this.#component;
    const reason = `${component} cannot be read (process ${pid}), and nobody saw it die`;
    const from = this.#told;
    this.#blind(sourceOf(component), from, reason, false);
    this.#blind(name, from, reason, false);
  }

  /** Its memory is no longer to be seen: a gap, and the death explains it, in what is told of this component alone. */
  #writeDead(): void {
    const { journal } = this.#run;
    const { name: component, pid } = this.#component;
    this.#blind(sourceOf(component), this.#told, `${component} is dead (process ${pid})`, true);
    this.#sample('component.up', 0);
    const death = this.#death;
    if (death && !this.#counted) {
      this.#counted = true;
      const labels = { component, cause: causeOf(death) };
      journal.append({ kind: 'sample', metric: 'component.deaths', labels, value: 1 }, death.at);
    } else this.#sample('component.deaths', 0);
  }

  #blind(source: string, from: Millis, reason: string, explained: boolean): void {
    this.#told = this.#run.clock.now();
    this.#run.journal.append({ kind: 'blind', source, from, reason, explained }, this.#told);
  }

  #sample(metric: string, value: number): void {
    const labels = { component: this.#component.name };
    this.#run.journal.append({ kind: 'sample', metric, labels, value });
  }
}

function causeOf(death: Death): string {
  if (death.oom) return 'oom';
  return death.signal ?? (death.exitCode === undefined ? 'unknown' : `exit ${death.exitCode}`);
}
