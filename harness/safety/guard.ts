import type { AllowedCluster, FaultKind, Right, TheirDeed } from '../model.ts';
import type { ClusterFacts, NodeFact } from './facts.ts';
import { rightText } from './rights.ts';

/** What a scenario would do in a cluster of somebody's. */
export interface Doing {
  readonly scenario: string;
  /** Namespaces that it creates, or in which it places objects. */
  readonly namespaces: readonly string[];
  readonly faults: readonly {
    readonly name: string;
    readonly fault: string;
    readonly endangers?: FaultKind['endangers'];
    /** Absent: it does not say what it does there. */
    readonly deed?: Pick<TheirDeed, 'does' | 'undone'> & { readonly nodes: number };
  }[];
  /** Loads that go to the API server. */
  readonly floods: readonly string[];
  readonly rights: readonly Right[];
}

export const DEFAULT_CAP = { maxNodes: 1, maxPercent: 20 };

const system = [
  /^(default|kube-.*|ordeal|ordeal-.*)$/,
  /^(.*-system|openshift(-.*)?|gke-.*|gmp-.*|aks-.*|amazon-.*|cattle-.*|fleet-.*|tigera-operator|cert-manager)$/,
];

/** Whether a namespace is the cluster's own, or its operator's. */
export const isSystemNamespace = (name: string): boolean => system.some((pattern) => pattern.test(name));

/** The nodes that a fault may choose from: never a control plane's, a cordoned one or one that is not Ready. */
export const eligible = ({ nodes }: ClusterFacts): readonly NodeFact[] =>
  nodes.filter(({ controlPlane, cordoned, ready }) => !controlPlane && !cordoned && ready);

/** How many nodes are broken at most at a time, and how much of the cluster that is, in percent. */
export function radiusOf({ nodes }: ClusterFacts, { faults }: Doing): { nodes: number; percent: number } {
  const most = faults.reduce((sum, { deed }) => sum + (deed?.nodes ?? 0), 0);
  return { nodes: most, percent: most === 0 ? 0 : (most / Math.max(1, nodes.length)) * 100 };
}

/** Everything that speaks against it, all at once, each one sentence with what to do. Empty: it may be done. */
export function guard(
  facts: ClusterFacts,
  doing: Doing,
  missing: readonly Right[],
  allowed: readonly AllowedCluster[],
): string[] {
  const listed = allowed.find(({ uid }) => uid === facts.uid);
  return [
    ...againstCluster(facts, listed),
    ...againstState(facts),
    ...againstTargets(facts, doing),
    ...againstRadius(facts, doing, listed ?? DEFAULT_CAP),
    ...againstDangers(facts, doing),
    ...againstRights(missing),
  ];
}

function againstCluster({ context, uid }: ClusterFacts, listed: AllowedCluster | undefined): string[] {
  if (listed !== undefined) return [];
  return [
    `the cluster of context ${context} (${uid}) is not on the allow-list: look at it with ordeal allow --context ${context}, which puts it into ordeal.yaml`,
  ];
}

function againstState({ context, nodes, debts, ailing, unseen }: ClusterFacts): string[] {
  const sick = nodes.filter(({ ready }) => !ready).map(({ name }) => name);
  return [
    ...unseen.map((what) => `the cluster does not show what must be known first (${what}): use a user who may see it`),
    ...(sick.length > 0
      ? [`the steady state is not healthy, ${some(sick)} not Ready: wait until every node is, or remove it`]
      : []),
    ...ailing.map((what) => `the steady state is not healthy, ${what}: repair or remove it first`),
    ...debts.map(
      ({ run, debts }) =>
        `the cluster has open debts, ${debts} of run ${run}, which died or plays there now: wait, or pay with ordeal clean --context ${context}`,
    ),
  ];
}

function againstTargets(facts: ClusterFacts, { namespaces, faults }: Doing): string[] {
  const own = [...new Set(namespaces)].filter(isSystemNamespace);
  const fit = eligible(facts);
  const control = facts.nodes.filter(({ controlPlane }) => controlPlane).map(({ name }) => name);
  const never = control.length > 0 ? `; control-plane nodes never are targets (${some(control)})` : '';
  return [
    ...own.map((name) => `namespace ${name} belongs to the system: put objects into namespaces of the scenario's own`),
    ...(namespaces.length === 0 && faults.length === 0
      ? ['there are no targets, since the scenario neither creates anything there nor breaks it: choose another one']
      : []),
    ...faults.flatMap(({ name, deed }) => {
      if (deed === undefined || deed.nodes === 0 || deed.nodes <= fit.length) return [];
      const what = fit.length === 0 ? 'no targets' : `too few targets (${some(fit.map((node) => node.name))})`;
      return [
        `fault ${name} has ${what}, it is for ${count(deed.nodes)} and ${fit.length} are Ready and take pods${never}: ask for fewer`,
      ];
    }),
  ];
}

function againstRadius(facts: ClusterFacts, doing: Doing, cap: typeof DEFAULT_CAP): string[] {
  const { nodes, percent } = radiusOf(facts, doing);
  const raise = 'break less, or raise it in ordeal.yaml';
  return [
    ...(nodes > cap.maxNodes
      ? [`the blast radius is ${count(nodes)}, and max-nodes is ${cap.maxNodes}: ${raise}`]
      : []),
    ...(percent > cap.maxPercent
      ? [
          `the blast radius is ${Math.round(percent)} % of the nodes (${nodes} of ${facts.nodes.length}), and max-percent is ${cap.maxPercent}: ${raise}`,
        ]
      : []),
  ];
}

function againstDangers({ nodes }: ClusterFacts, { faults, floods }: Doing): string[] {
  const shared = nodes.some(({ container }) => container)
    ? "which are containers and share their host's kernel"
    : 'whose kernel may be shared';
  const why = {
    kernel: `takes memory or disk from nodes of your cluster, ${shared}`,
    'control-plane': 'breaks a control plane, and that of your cluster is not ours',
    machine: 'breaks a machine that nothing outside it could revive',
  };
  return [
    ...faults.flatMap(({ name, fault, endangers, deed }) => {
      const instead = `play it with --cluster ${endangers === 'control-plane' ? 'embedded' : 'kind'}`;
      if (endangers !== undefined) return [`fault ${name} (${fault}) ${why[endangers]}: ${instead}`];
      return deed === undefined
        ? [`fault ${name} (${fault}) does not say what it does in a cluster that you have: play it elsewhere`]
        : [];
    }),
    ...floods.map(
      (name) =>
        `load ${name} goes to the API server of your cluster, which is not ours to flood: play it with --cluster embedded or kind`,
    ),
  ];
}

function againstRights(missing: readonly Right[]): string[] {
  if (missing.length === 0) return [];
  return [`rights are missing (${missing.length}: ${some(missing.map(rightText))}): use a user who has them`];
}

const LISTED = 12;
const count = (nodes: number) => `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
const some = (names: readonly string[]) =>
  names.length > LISTED ? `${names.slice(0, LISTED).join(', ')} and ${names.length - LISTED} more` : names.join(', ');
