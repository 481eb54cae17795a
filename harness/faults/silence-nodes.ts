import type { KubeClient } from '../kube/client.ts';
import {
  ClusterError,
  type Debt,
  type Fault,
  type FaultKind,
  type FaultSpec,
  type Injected,
  type Owed,
  RefusedError,
  type Run,
} from '../model.ts';
import { givenAmount } from './parameter.ts';
import { Leases } from './silence-leases.ts';
import { silenceBinding, silencePolicy } from './silence-policy.ts';
import { sign } from './targets.ts';
import { readyPods, wakeNodes } from './wake-nodes.ts';

const collection = '/apis/admissionregistration.k8s.io/v1';

/** What a node looks like to the cluster that is off, cut off or frozen: its agent says nothing any more. */
export const silenceNodes: FaultKind = {
  name: 'silence-nodes',
  help: 'the agents of simulated nodes fall silent (leases, status, pods: refused by an admission policy) until the phase ends',
  endangers: 'control-plane',
  parameters: { nodes: { type: 'number', help: 'how many, the first ones by name', default: 1, least: 1 } },
  elsewhere: true,
  make,
};

function make(spec: FaultSpec): Fault {
  const count = givenAmount(spec, 'nodes');
  return {
    name: spec.name,
    async unavailable({ provider }) {
      return provider === 'embedded' ? undefined : `it is for nodes that kwok plays, not for ${provider}`;
    },
    async inject(cluster, run) {
      if (cluster.provider !== 'embedded') throw new RefusedError(`fault ${spec.name}: not on ${cluster.provider}`);
      const { KubeClient } = await import('../kube/client.ts');
      const client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal, paced: false });
      try {
        const { items } = await client.list('/api/v1/nodes');
        const nodes = items.map(({ metadata }) => metadata.name).sort();
        if (nodes.length < count)
          throw new RefusedError(`fault ${spec.name}: it is for ${count} nodes, and the cluster has ${nodes.length}`);
        if (nodes.length === count)
          throw new RefusedError(
            `fault ${spec.name}: it is for all ${count} nodes, and nothing would show that their agent lives`,
          );
        return await silence(spec, nodes.slice(0, count), client, run);
      } catch (error) {
        await client[Symbol.asyncDispose]();
        throw error;
      }
    },
  };
}

async function silence(spec: FaultSpec, nodes: readonly string[], client: KubeClient, run: Run): Promise<Injected> {
  const name = `ordeal-${run.mark}-${spec.name}`;
  const leases = new Leases(client, run);
  await leases.look();
  const ready = await readyPods(nodes, client);
  const owed: Owed[] = [];
  const put = async (
    resource: Extract<Debt, { undo: 'delete-object' }>['resource'],
    plural: string,
    object: object,
  ) => {
    const debt = { undo: 'delete-object', node: { via: 'own-api' }, resource, name, mark: run.mark } as const;
    const one = await run.ledger.owe(debt);
    owed.push(one);
    await client.create(`${collection}/${plural}`, object);
    one.done();
  };
  await put('validatingadmissionpolicy', 'validatingadmissionpolicies', silencePolicy(name, nodes));
  await put('validatingadmissionpolicybinding', 'validatingadmissionpolicybindings', silenceBinding(name));
  for (const node of nodes) sign(run, spec, { name: node }, 'its agent is silent');
  const ending = new AbortController();
  let awake = false;
  const followed = leases.follow(AbortSignal.any([run.signal, ending.signal]));
  return {
    targets: nodes,
    failing: () => followed,
    async evidence() {
      // Who cannot be asked now was seen a second ago, or gives no evidence.
      await leases.look().catch((error: unknown) => {
        if (!(error instanceof ClusterError)) throw error;
      });
      return leases.evidence(nodes);
    },
    async end() {
      ending.abort();
      await followed;
      for (let one = owed.at(-1); one; one = owed.at(-1)) {
        await one.settle();
        owed.pop();
      }
      if (!awake) {
        const told = (path: string) =>
          run.journal.append({
            kind: 'seen',
            what: 'other',
            subject: path,
            detail: `fault ${spec.name}: said to be Ready again, as before`,
          });
        await wakeNodes(nodes, { client, signal: run.signal, ready, told });
      }
      awake = true;
      await client[Symbol.asyncDispose]();
    },
  };
}
