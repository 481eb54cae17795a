import type { KubeClient } from '../kube/client.ts';
import {
  type Fault,
  type FaultKind,
  type FaultSpec,
  type Injected,
  RefusedError,
  type Run,
  type TheirCluster,
} from '../model.ts';
import { drainNode } from './drain.ts';
import { DrainSamples, drainMetrics } from './drain-samples.ts';
import { theirTargets } from './drain-targets.ts';
import { amount, givenAmount } from './parameter.ts';

/** What `kubectl drain` does, and whoever renews nodes one by one: kured, node pools that are upgraded, an autoscaler. */
export const drainNodes: FaultKind = {
  name: 'drain-nodes',
  help: 'nodes are cordoned and their pods evicted (Eviction API), node after node, each until it is empty or its patience ends; an empty one is uncordoned at once, the others at the end of the phase',
  parameters: {
    nodes: {
      type: 'number',
      help: 'how many, the first ones by name, all when absent; in a cluster of yours those with most of the run’s own pods, one when absent',
      optional: true,
      least: 1,
    },
    every: { type: 'duration', help: 'from a refused eviction to the next try', default: 5_000, least: 100 },
    patience: { type: 'duration', help: 'how long one node is tried', default: 60_000, least: 1_000 },
  },
  elsewhere: true,
  metrics: drainMetrics,
  theirs: {
    nodes: (spec) => amount(spec, 'nodes') ?? 1,
    does: "a node is cordoned, and the run's own pods on it are evicted",
    undone: 'uncordoned at the end, and by a process beside the harness at its deadline',
    rights: [
      { verb: 'get', group: '', resource: 'nodes' },
      { verb: 'patch', group: '', resource: 'nodes' },
      { verb: 'create', group: '', resource: 'pods/eviction' },
    ],
  },
  make,
};

function make(spec: FaultSpec): Fault {
  return {
    name: spec.name,
    async unavailable({ provider }) {
      return reasonAgainst(provider);
    },
    async inject(cluster, run) {
      const reason = reasonAgainst(cluster.provider);
      if (reason !== undefined) throw new RefusedError(`fault ${spec.name}: ${reason}`);
      const { KubeClient } = await import('../kube/client.ts');
      const client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal, paced: false });
      try {
        const nodes = cluster.theirs ? await theirTargets(spec, client, run.mark) : await targetsOf(spec, client);
        return draining(spec, nodes, client, run, cluster.theirs);
      } catch (error) {
        await client[Symbol.asyncDispose]();
        throw error;
      }
    },
  };
}

/** On a kind cluster what is owed to a node has no payer yet. */
const reasonAgainst = (provider: string): string | undefined =>
  provider === 'kind' ? 'it is for the embedded cluster and for --context, not for kind' : undefined;

async function targetsOf(spec: FaultSpec, client: KubeClient): Promise<readonly string[]> {
  interface Node {
    readonly metadata: { readonly name: string };
    readonly spec?: { readonly unschedulable?: boolean };
  }
  const { items } = await client.list<Node>('/api/v1/nodes');
  const most = amount(spec, 'nodes') ?? Math.max(1, items.length);
  if (most > items.length)
    throw new RefusedError(`fault ${spec.name}: it is for ${most} nodes, and the cluster has ${items.length}`);
  const targets = items.toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1)).slice(0, most);
  const cordoned = targets.find((node) => node.spec?.unschedulable);
  if (cordoned) throw new RefusedError(`fault ${spec.name}: node ${cordoned.metadata.name} is cordoned already`);
  return targets.map(({ metadata }) => metadata.name);
}

function draining(
  spec: FaultSpec,
  nodes: readonly string[],
  client: KubeClient,
  run: Run,
  theirs?: TheirCluster,
): Injected {
  const [ending, ended] = [new AbortController(), new AbortController()];
  const signal = AbortSignal.any([run.signal, ending.signal]);
  const samples = new DrainSamples(run, spec);
  const options = {
    ...(theirs && { theirs }),
    client,
    run,
    samples,
    every: givenAmount(spec, 'every'),
    patience: givenAmount(spec, 'patience'),
    deadline: spec.deadline,
  };
  /** Of the nodes that are cordoned still. */
  const uncordons: (() => Promise<void>)[] = [];
  const drained = (async () => {
    for (const node of nodes) {
      if (signal.aborted) return;
      const { seconds, uncordon } = await drainNode(node, { ...options, signal });
      if (seconds === undefined) uncordons.push(uncordon);
      else await uncordon();
    }
  })();
  const failure = drained.then(
    () => undefined,
    (error: unknown) => (run.signal.aborted ? undefined : error),
  );
  const written = samples.write(AbortSignal.any([run.signal, ended.signal]));
  return {
    targets: nodes,
    async failing() {
      const failed = await failure;
      if (failed !== undefined) throw failed;
    },
    async evidence() {
      ending.abort();
      await failure;
      return samples.evidence();
    },
    async end() {
      ending.abort();
      ended.abort();
      await Promise.all([failure, written]);
      for (let uncordon = uncordons.at(-1); uncordon; uncordon = uncordons.at(-1)) {
        await uncordon();
        uncordons.pop();
      }
      await client[Symbol.asyncDispose]();
    },
  };
}
