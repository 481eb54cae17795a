import { KubeClient, type KubeObject } from '../kube/client.ts';
import { Lookout, watch } from '../kube/watch.ts';
import type { Labels, Millis, Probe, Run } from '../model.ts';
import { together, untilAborted } from './every.ts';
import { compareVersions, Hearing } from './hearing.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import { Obituaries, Sight } from './sight.ts';

const name = 'nodes';
const metrics = metricsOf(name);
const each: Millis = 1_000;
const paths = { nodes: '/api/v1/nodes', leases: '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases' };
/** Leases are renewed each ten seconds by each node; when they are not, that is news, or their watch is deaf. */
const hearings = {
  nodes: { path: paths.nodes, silence: 900, compareEvery: 10_000, ask: askForOne },
  leases: { path: paths.leases, silence: 10_000, compareEvery: 10_000 },
};
/** Beyond this many nodes each by itself is sampled only this often; sums and changes are not affected. */
const many = 100;
const rarely: Millis = 10_000;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly lastTransitionTime?: string;
}
interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}
type Node = KubeObject & {
  readonly spec?: { readonly taints?: readonly Taint[] };
  readonly status?: { readonly conditions?: readonly Condition[] };
};
type Lease = KubeObject & { readonly spec?: { readonly renewTime?: string } };

/** Watches nodes and their leases: every change of a condition or taint as it is seen, and where all stand each second. */
export function nodes(): Probe {
  return {
    name,
    metrics,
    unavailable: () => undefined,
    async observe(cluster, run) {
      const client = new KubeClient(cluster.connect(`ordeal:${name}`), { signal: run.signal, timeout: 5_000 });
      const sight = new Sight(run, name, new Obituaries(cluster, ['kube-apiserver', 'etcd']));
      const view = new View(run);
      const synced = { nodes: Promise.withResolvers<void>(), leases: Promise.withResolvers<void>() };
      const hearing = (kind: keyof typeof paths) => {
        const compare = () => compareVersions(client, paths[kind]);
        return new Hearing(client, new Lookout(), { clock: run.clock, ...hearings[kind], compare });
      };
      const heard = { nodes: hearing('nodes'), leases: hearing('leases') };
      const all = Object.values(heard);
      const follow = async <T extends KubeObject>(
        kind: keyof typeof paths,
        signal: AbortSignal,
        see: (object: Pick<KubeObject, 'metadata'> & Partial<T>, gone: boolean) => void,
      ) => {
        const { lookout } = heard[kind];
        const options = { clock: run.clock, lookout, onGap: sight.gap.bind(sight) };
        for await (const event of watch<T>(client, paths[kind], options, signal)) {
          if (event.type === 'SYNCED') synced[kind].resolve();
          else see(event.object, event.type === 'DELETED');
        }
      };
      const look = async () => {
        await Promise.all(all.map((each) => each.check()));
        return all.every(({ lookout }) => lookout.sees) ? () => view.write() : undefined;
      };
      const first = Promise.withResolvers<void>();
      const ended = together(
        run.signal,
        (signal) => follow<Node>('nodes', signal, (node, gone) => view.node(node, gone)),
        (signal) => follow<Lease>('leases', signal, (lease, gone) => view.lease(lease, gone)),
        async (signal) => {
          await untilAborted(Promise.all([synced.nodes.promise, synced.leases.promise]), signal);
          if (signal.aborted) return;
          view.synced = true;
          const promises = () => view.promises();
          const certain = () => heard.nodes.certain;
          const polling = await poll(run, signal, { source: name, every: each, promises, sight, certain, look });
          first.resolve();
          await polling.ended;
        },
      ).finally(() => client[Symbol.asyncDispose]());
      await Promise.race([first.promise, ended]);
      return { ended };
    },
  };
}

/** What is known of the nodes. */
class View {
  readonly #run: Run;
  readonly #conditions = new Map<string, ReadonlyMap<string, Condition>>();
  readonly #taints = new Map<string, ReadonlyMap<string, Taint>>();
  readonly #renewed = new Map<string, { readonly wall: string | undefined; readonly at: Millis }>();
  readonly #changed = new Set<string>();
  #all: Millis = Number.NEGATIVE_INFINITY;
  /** From now on what appears is news. */
  synced = false;

  constructor(run: Run) {
    this.#run = run;
  }

  node({ metadata, spec, status }: Pick<KubeObject, 'metadata'> & Partial<Node>, gone: boolean): void {
    const node = metadata.name;
    const before = this.#conditions.get(node);
    if (gone) {
      this.#conditions.delete(node);
      this.#taints.delete(node);
      this.#renewed.delete(node);
      this.#seen(node, 'the node was deleted', { node });
      return;
    }
    const now = new Map(status?.conditions?.map((condition) => [condition.type, condition]));
    this.#conditions.set(node, now);
    this.#tainted(node, spec?.taints ?? []);
    if (!this.synced) return;
    for (const [type, { status: is, reason = '', lastTransitionTime }] of now) {
      const was = before?.get(type)?.status ?? 'absent';
      if (was === is) continue;
      this.#changed.add(node);
      const labels = { node, condition: type, status: is, reason };
      this.#seen(node, `${type}: ${was} → ${is}${reason && ` (${reason})`}`, labels, lastTransitionTime);
    }
  }

  #tainted(node: string, taints: readonly Taint[]): void {
    const before = this.#taints.get(node) ?? new Map<string, Taint>();
    const now = new Map(taints.map((taint) => [`${taint.key}:${taint.effect}`, taint]));
    this.#taints.set(node, now);
    if (!this.synced) return;
    for (const [name, { key, effect }] of now)
      if (!before.has(name)) this.#seen(node, `taint ${name} added`, { node, taint: key, effect });
    for (const [name, { key, effect }] of before)
      if (!now.has(name)) this.#seen(node, `taint ${name} removed`, { node, untainted: key, effect });
  }

  lease({ metadata, spec }: Pick<KubeObject, 'metadata'> & Partial<Lease>, gone: boolean): void {
    if (gone) this.#renewed.delete(metadata.name);
    else if (this.#renewed.get(metadata.name)?.wall !== spec?.renewTime || !this.#renewed.has(metadata.name))
      this.#renewed.set(metadata.name, { wall: spec?.renewTime, at: this.#run.clock.now() });
  }

  promises() {
    if (this.#conditions.size <= many) return [{ metrics, every: each }];
    const ofEach = metrics.filter(({ labels }) => labels?.includes('node'));
    const ofAll = metrics.filter((metric) => !ofEach.includes(metric));
    return [
      { metrics: ofAll, every: each },
      { metrics: ofEach, every: rarely },
    ];
  }

  write(): void {
    const now = this.#run.clock.now();
    const full = this.#conditions.size <= many || now - this.#all >= rarely;
    if (full) this.#all = now;
    let ready = 0;
    for (const [node, conditions] of this.#conditions) {
      const isReady = conditions.get('Ready')?.status === 'True';
      if (isReady) ready += 1;
      if (!full && !this.#changed.has(node)) continue;
      this.#sample('node.ready', isReady ? 1 : 0, { node });
      const renewed = this.#renewed.get(node);
      if (renewed) this.#sample('node.lease-age', (now - renewed.at) / 1000, { node });
    }
    this.#changed.clear();
    this.#sample('nodes.ready', ready);
    this.#sample('nodes.not-ready', this.#conditions.size - ready);
  }

  #sample(metric: string, value: number, labels?: Labels): void {
    this.#run.journal.append({ kind: 'sample', metric, value, ...(labels && { labels }) });
  }

  #seen(subject: string, detail: string, labels: Labels, wall?: string): void {
    this.#run.journal.append({ kind: 'seen', what: 'node', subject, detail, labels, ...(wall && { wall }) });
  }
}

/** One node from the server's cache: needs the right to list nodes, and is cheap with any number of them. */
function askForOne(client: KubeClient, { known }: Lookout): Promise<unknown> {
  const node = known.values().next().value?.name ?? 'none';
  return client.get(paths.nodes, { fieldSelector: `metadata.name=${node}`, resourceVersion: 0 });
}
