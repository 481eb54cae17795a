import type { Ask } from '../access/ask.ts';
import { readBooks } from '../access/books.ts';
import { isControlPlane, rolesOf } from '../kube/roles.ts';
import { ClusterError } from '../model.ts';

export interface NodeFact {
  readonly name: string;
  readonly roles: readonly string[];
  readonly controlPlane: boolean;
  readonly ready: boolean;
  readonly cordoned: boolean;
  readonly pods: number;
  /** A container of a kind cluster: its kernel is its host's. */
  readonly container: boolean;
}

/** What a cluster is, as it was read; nothing in it was changed for that. */
export interface ClusterFacts {
  readonly context: string;
  readonly server: string;
  /** Of the namespace kube-system, with the moment at which it was made. */
  readonly uid: string;
  readonly created?: string;
  readonly version: string;
  readonly nodes: readonly NodeFact[];
  readonly namespaces: readonly string[];
  readonly pods: number;
  /** Runs that owe something there, or play there now. */
  readonly debts: readonly { readonly run: string; readonly debts: number }[];
  /** What the API server itself says is not in order. */
  readonly ailing: readonly string[];
  /** What it would not show, or could not: `nodes: 403 …`. */
  readonly unseen: readonly string[];
}

interface Condition {
  readonly type: string;
  readonly status: string;
}
interface Thing {
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly unschedulable?: boolean; readonly nodeName?: string; readonly providerID?: string };
  readonly status?: { readonly conditions?: readonly Condition[]; readonly phase?: string };
}

/** Looks at a cluster. What cannot be seen is told of; throws `ClusterError` only where it does not say which cluster it is. */
export async function factsOf(
  ask: Ask,
  { context, server }: { readonly context: string; readonly server: string },
): Promise<ClusterFacts> {
  const unseen: string[] = [];
  const seen = async <T>(what: string, look: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      unseen.push(`${what}: ${error.code} ${saidBy(error)}`);
      return otherwise;
    }
  };
  const list = (what: string, path: string) =>
    seen(what, async () => {
      const answer = (await ask('GET', path)) as { items?: readonly Thing[] } | undefined;
      if (answer?.items === undefined) throw new ClusterError(`GET ${path}`, 404, 'there is no such list');
      return answer.items;
    }, []);
  const system = (await ask('GET', '/api/v1/namespaces/kube-system')) as unknown as Thing | undefined;
  const uid = system?.metadata.uid;
  if (system === undefined || uid === undefined)
    throw new ClusterError('GET namespace kube-system', 404, 'nothing tells this cluster from others');
  const [version, nodes, namespaces, pods, services, debts] = await Promise.all([
    seen('version', async () => (await ask('GET', '/version')) as { gitVersion?: string } | undefined, undefined),
    list('nodes', '/api/v1/nodes'),
    list('namespaces', '/api/v1/namespaces'),
    list('pods', '/api/v1/pods'),
    list('apiservices', '/apis/apiregistration.k8s.io/v1/apiservices'),
    seen('open debts', () => readBooks(ask), []),
  ]);
  const { creationTimestamp } = system.metadata;
  return {
    ...{ context, server, uid },
    ...(creationTimestamp !== undefined && { created: creationTimestamp }),
    version: (version?.gitVersion ?? 'unknown').replaceAll(/\s+/g, ' '),
    nodes: nodes.map((node) => nodeFact(node, pods)),
    namespaces: namespaces.map(({ metadata }) => metadata.name),
    pods: pods.length,
    debts: debts.map(({ run, debts }) => ({ run, debts: debts.length })),
    ailing: services
      .filter(({ status }) => is(status?.conditions, 'Available', 'False'))
      .map(({ metadata }) => `the API ${metadata.name} is not available`),
    unseen,
  };
}

function nodeFact({ metadata: { name, labels }, spec, status }: Thing, pods: readonly Thing[]): NodeFact {
  return {
    name,
    roles: rolesOf(labels),
    controlPlane: isControlPlane(labels),
    ready: is(status?.conditions, 'Ready', 'True'),
    cordoned: spec?.unschedulable === true,
    pods: pods.filter((pod) => pod.spec?.nodeName === name && !over(pod)).length,
    container: spec?.providerID?.startsWith('kind://') === true,
  };
}

const over = ({ status }: Thing) => status?.phase === 'Succeeded' || status?.phase === 'Failed';

const is = (conditions: readonly Condition[] = [], type: string, status: string): boolean =>
  conditions.some((one) => one.type === type && one.status === status);

/** What a `Status` object says, or the text as it came. */
function saidBy({ reason }: ClusterError): string {
  return (/"message":"((?:[^"\\]|\\.)*)/.exec(reason)?.[1] ?? reason).replaceAll('\\"', '"').slice(0, 160);
}
