import { type Cluster, type FaultKind, type FaultSpec, type NodeRef, RefusedError, type Run } from '../model.ts';
import { hogEvidence } from './hog-evidence.ts';
import { type Hogs, hogPods } from './hog-pods.ts';
import { refuseHogs } from './memory-bounds.ts';
import { memoryBeforehand, memoryOf } from './node-memory.ts';
import { amount, givenAmount, givenText, inMiB } from './parameter.ts';
import { nodeFault, sign } from './targets.ts';

const MiB = 1024 ** 2;

/** Pods that take memory step by step and hold it. Their own deadline ends them, whoever lives. */
export const memoryHog: FaultKind = {
  name: 'memory-hog',
  help: 'pods on each of the nodes take memory step by step and hold it until the phase ends',
  endangers: 'kernel',
  parameters: {
    qos: {
      type: 'text',
      help: 'their class',
      default: 'BestEffort',
      oneOf: ['BestEffort', 'Burstable', 'Guaranteed'],
    },
    pods: { type: 'number', help: 'how many on each node', default: 1, least: 1, most: 50 },
    total: { type: 'bytes', help: 'what each pod takes in all', least: MiB },
    step: { type: 'bytes', help: 'what it takes at a time', default: 4 * MiB, least: 4096 },
    every: { type: 'duration', help: 'pause between two steps', default: 100, least: 1 },
    request: { type: 'bytes', help: 'memory request (Burstable)', optional: true, least: MiB },
    limit: { type: 'bytes', help: 'memory limit (Guaranteed: the request too)', optional: true, least: MiB },
    restart: {
      type: 'text',
      help: 'whether a killed hog starts again',
      default: 'Always',
      oneOf: ['Always', 'Never'],
    },
    medium: {
      type: 'text',
      help: 'its heap, which the kernel gets back by killing it, or a memory-backed volume, which goes only with the pod',
      default: 'heap',
      oneOf: ['heap', 'volume'],
    },
    image: { type: 'text', help: 'an image that knows `hog`, on the nodes', default: 'localhost/ordeal/workload:1' },
  },
  make: (spec) => make(spec, hogsOf(spec)),
  async refuse(spec, cluster, beside) {
    const { total, pods } = hogsOf(spec);
    const others = beside.map((other) => {
      const hogs = hogsOf(other);
      return { aNode: hogs.total * hogs.pods, inAll: hogs.total * hogs.pods * other.workers };
    });
    const sum = (key: 'aNode' | 'inAll') => others.reduce((all, other) => all + other[key], 0);
    const nodes = await memoryBeforehand(spec, cluster);
    return refuseHogs(total, pods, nodes, { aNode: sum('aNode'), inAll: sum('inAll') });
  },
};

function hogsOf(spec: FaultSpec): Hogs {
  const [qos, request, limit] = [givenText(spec, 'qos'), amount(spec, 'request'), amount(spec, 'limit')];
  const wrong =
    (qos === 'BestEffort' && (request ?? limit) !== undefined && 'a BestEffort pod has neither request nor limit') ||
    (qos === 'Burstable' && (request ?? limit) === undefined && 'a Burstable pod needs a request or a limit') ||
    (qos === 'Burstable' &&
      limit !== undefined &&
      request === limit &&
      'request and limit must differ for Burstable') ||
    (qos === 'Guaranteed' && limit === undefined && 'a Guaranteed pod needs a limit') ||
    (qos === 'Guaranteed' && (request ?? limit) !== limit && 'request and limit must be the same for Guaranteed');
  if (wrong) throw new RefusedError(`fault ${spec.name}: ${wrong}`);
  return {
    pods: givenAmount(spec, 'pods'),
    total: givenAmount(spec, 'total'),
    step: givenAmount(spec, 'step'),
    every: givenAmount(spec, 'every'),
    guaranteed: qos === 'Guaranteed',
    ...(request !== undefined && { request }),
    ...(limit !== undefined && { limit }),
    restart: givenText(spec, 'restart'),
    volume: givenText(spec, 'medium') === 'volume',
    image: givenText(spec, 'image'),
    deadline: spec.deadline,
  };
}

const make = (spec: FaultSpec, hogs: Hogs) =>
  nodeFault(spec, {
    async refuse(nodes, cluster) {
      const reason = refuseHogs(hogs.total, hogs.pods, await Promise.all(nodes.map(memoryOf)));
      if (reason !== undefined) throw new RefusedError(`fault ${spec.name}: ${reason}`);
      controlPlaneOf(cluster, spec);
    },
    async break(node, cluster, run) {
      const namespace = namespaceOf(run, spec, node.name);
      const evidence = await hogEvidence(node, namespace, hogs, cluster, run);
      const owed = await run.ledger.owe(
        {
          undo: 'delete-object',
          node: controlPlaneOf(cluster, spec),
          resource: 'namespace',
          name: namespace,
          mark: run.mark,
        },
        { within: spec.deadline },
      );
      await create(hogPods(namespace, node.name, hogs), cluster, run);
      owed.done();
      sign(run, spec, node, `${hogs.pods} pods created that take ${inMiB(hogs.total)} each`);
      return { evidence, end: () => owed.settle() };
    },
  });

async function create(objects: ReturnType<typeof hogPods>, cluster: Cluster, run: Run): Promise<void> {
  const [{ KubeClient }, { createMany }] = await Promise.all([import('../kube/client.ts'), import('../kube/apply.ts')]);
  await using client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
  await createMany(client, objects, { signal: run.signal });
}

function controlPlaneOf(cluster: Cluster, spec: FaultSpec): NodeRef {
  const node = cluster.nodes?.find(({ role }) => role === 'control-plane');
  if (node) return node.ref;
  throw new RefusedError(`fault ${spec.name}: no control plane can be reached that could delete the hogs`);
}

const namespaceOf = (run: Run, spec: FaultSpec, node: string) =>
  `ordeal-${run.mark}-${spec.name}-${node}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .slice(0, 63)
    .replace(/-+$/, '');
