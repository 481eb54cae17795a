import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { configMapIn, type Different, drain } from './attempts.ts';
import type { startUsersCluster } from './users-cluster.ts';

export type World = Awaited<ReturnType<typeof startUsersCluster>>;
/** Where the command line finds it. */
export interface Place {
  readonly kubeconfig: string;
  readonly at: readonly string[];
}
export interface Kubeconfig {
  readonly clusters: [{ cluster: Record<string, string> }];
  readonly users: [{ user: { token?: string } }];
}

export const theirs = fileURLToPath(new URL('scenarios/theirs', import.meta.url));
export const nodes = '/api/v1/nodes';

export interface Attempt {
  /** After `ordeal`; `run theirs` on the cluster, agreed to, when absent. */
  readonly args?: (world: Place) => readonly string[];
  readonly scenario?: Different;
  /** Of ordeal.yaml; without it the cluster is allowed, one node and a fifth of them. */
  readonly config?: (uid: string) => string;
  /** Another user of the cluster than its admin, by the rules that it has. */
  readonly rules?: readonly object[];
  /** Of the kubeconfig, as JSON, for another one. */
  readonly kubeconfig?: (config: Kubeconfig) => void;
  /** What the cluster is like; returns what makes it as it was. */
  readonly given?: (world: World) => Promise<() => Promise<unknown>>;
  readonly says: RegExp;
}

export const listed = (uid: string, more = '') => `clusters:\n  - { name: users, uid: ${uid}${more} }\n`;
const wide = (uid: string) => listed(uid, ', max-nodes: 100, max-percent: 100');
const seeing = [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }];
const fault = (text: string): Different => ({ faults: text });

const changedNodes =
  (which: (name: string) => boolean, change: object, back: object): NonNullable<Attempt['given']> =>
  async ({ kube }) => {
    const names = (await kube.list(nodes)).items.map(({ metadata }) => metadata.name).filter(which);
    const all = (patch: object) => Promise.all(names.map((name) => kube.patch(`${nodes}/${name}`, patch)));
    await all(change);
    return () => all(back);
  };
const created =
  (path: string, object: { metadata: { name: string } }): NonNullable<Attempt['given']> =>
  async ({ kube }) => {
    await kube.create(path, object);
    return () => kube.delete(`${path}/${object.metadata.name}`);
  };

export const attempts: Readonly<Record<string, Attempt>> = {
  // The wrong cluster.
  'no context': { args: () => ['run', theirs], says: /runs on kubeconfig, not on embedded/ },
  'a kubeconfig without a context': {
    args: ({ kubeconfig }) => ['run', theirs, '--kubeconfig', kubeconfig],
    says: /the current context is never used/,
  },
  'an unknown context': {
    args: ({ kubeconfig }) => ['run', theirs, '--kubeconfig', kubeconfig, '--context', 'prod'],
    says: /no context "prod"; it has ordeal/,
  },
  'an empty context': {
    args: ({ kubeconfig }) => ['run', theirs, '--kubeconfig', kubeconfig, '--context', ''],
    says: /expected the name of a context/,
  },
  'a context and a kind cluster': {
    args: ({ kubeconfig }) => ['run', theirs, '--kubeconfig', kubeconfig, '--context', 'ordeal', '--cluster', 'kind:x'],
    says: /leave --cluster/,
  },
  'a kubeconfig that is not there': {
    args: () => ['run', theirs, '--kubeconfig', '/nowhere', '--context', 'ordeal'],
    says: /cannot be read: ENOENT/,
  },
  'a kubeconfig that runs a program': {
    kubeconfig: ({ users: [{ user }] }) => Object.assign(user, { exec: { command: 'true' } }),
    says: /has exec/,
  },
  'another certificate authority': {
    kubeconfig: ({ clusters: [{ cluster }] }) => delete cluster['certificate-authority'],
    says: /does not vouch|certificate/,
  },
  'a server that does not answer': {
    kubeconfig: ({ clusters: [{ cluster }] }) => Object.assign(cluster, { server: 'https://127.0.0.1:1' }),
    says: /ECONNREFUSED/,
  },
  'no allow-list': {
    config: () => '',
    says: /is not on the allow-list: look at it with ordeal allow --context ordeal/,
  },
  'a list with another cluster': {
    config: () => listed('ffffffff-0000-4000-8000-000000000000'),
    says: /is not on the allow-list/,
  },
  'a list with the uid of another namespace': {
    config: () => listed('00000000-0000-4000-8000-000000000000'),
    says: /is not on the allow-list/,
  },
  'a list that is no YAML': { config: () => 'clusters: [', says: /^ordeal\.yaml:1:12: not YAML/m },
  'a list with an unknown word': {
    config: (uid) => listed(uid, ', max-node: 9'),
    says: /ordeal\.yaml:2:\d+: unknown key "max-node".*did you mean "max-nodes"/,
  },
  'a list with a name for a uid': { config: () => listed('users'), says: /ordeal\.yaml:2:\d+: bad value "users"/ },
  'a list that allows more than all': {
    config: (uid) => listed(uid, ', max-percent: 500'),
    says: /"max-percent" is 500; expected ≤ 100/,
  },
  'a list with the cluster twice': {
    config: (uid) => `${listed(uid)}  - { name: again, uid: ${uid} }\n`,
    says: /is there twice/,
  },
  'nobody who can be asked': { args: ({ at }) => ['run', theirs, ...at], says: /nobody can be asked.*--yes/ },
  'nobody who can be asked for a proof': {
    args: ({ at }) => ['prove', theirs, ...at],
    says: /nobody can be asked.*--yes/,
  },
  'a scenario that is for other clusters': {
    args: ({ at }) => ['run', 'list-flood', '--variant', 'stock', '--yes', ...at],
    says: /not on kubeconfig/,
  },
  'a plan for a cluster that is not allowed': {
    config: () => '',
    args: ({ at }) => ['plan', theirs, ...at],
    says: /is not on the allow-list/,
  },
  'to allow no cluster': { args: () => ['allow', '--yes'], says: /which cluster\? say --context/ },
  'to allow one without being asked': {
    config: () => '',
    args: ({ at }) => ['allow', ...at],
    says: /nobody can be asked/,
  },
  // The wrong targets.
  ...Object.fromEntries(
    ['kube-system', 'kube-public', 'kube-node-lease', 'default'].map((name): [string, Attempt] => [
      `objects in ${name}`,
      { scenario: { objects: configMapIn(name) }, says: new RegExp(`namespace ${name} belongs to the system`) },
    ]),
  ),
  'a namespace of an operator': {
    scenario: { objects: 'apiVersion: v1\nkind: Namespace\nmetadata: { name: calico-system }\n' },
    says: /namespace calico-system belongs to the system/,
  },
  'objects in a namespace of somebody’s': {
    scenario: { objects: configMapIn('work') },
    says: /which the scenario does not create/,
  },
  'two nodes': { scenario: fault(drain(2)), says: /the blast radius is 2 nodes, and max-nodes is 1/ },
  'all nodes': { scenario: fault(drain(6)), says: /100 % of the nodes \(6 of 6\), and max-percent is 20/ },
  'all workers, where many nodes are allowed': {
    scenario: fault(drain(5)),
    config: (uid) => listed(uid, ', max-nodes: 10'),
    says: /83 % of the nodes \(5 of 6\), and max-percent is 20/,
  },
  'three nodes, where half of them are allowed': {
    scenario: fault(drain(3)),
    config: (uid) => listed(uid, ', max-percent: 50'),
    says: /3 nodes, and max-nodes is 1/,
  },
  'two faults of one node each': {
    scenario: fault(`${drain(1)}, { fault: drain-nodes, name: again }`),
    says: /the blast radius is 2 nodes/,
  },
  'the control plane’s node too': {
    scenario: fault(drain(6)),
    config: wide,
    says: /too few targets .*control-plane nodes never are targets \(node-0+\)/,
  },
  'a cluster of control planes': {
    given: changedNodes(
      (name) => !/-0+$/.test(name),
      { metadata: { labels: { 'node-role.kubernetes.io/master': '' } } },
      { metadata: { labels: { 'node-role.kubernetes.io/master': null } } },
    ),
    config: wide,
    says: /no targets, .*control-plane nodes never are targets/,
  },
  'workers that are all cordoned': {
    given: changedNodes(() => true, { spec: { unschedulable: true } }, { spec: { unschedulable: null } }),
    config: wide,
    says: /no targets/,
  },
  'a node that is not Ready': {
    given: async ({ kube, kwok }) => {
      // Nobody plays it: it stays as it was made.
      process.kill(kwok, 'SIGSTOP');
      await kube.create(nodes, { metadata: { name: 'sick' } });
      return async () => {
        await kube.delete(`${nodes}/sick`);
        process.kill(kwok, 'SIGCONT');
      };
    },
    says: /the steady state is not healthy, sick not Ready/,
  },
  'an API that is not available': {
    given: created('/apis/apiregistration.k8s.io/v1/apiservices', {
      metadata: { name: 'v1.broken.example.com' },
      spec: {
        group: 'broken.example.com',
        version: 'v1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        service: { name: 'none', namespace: 'default' },
        insecureSkipTLSVerify: true,
      },
    } as { metadata: { name: string } }),
    says: /the API v1\.broken\.example\.com is not available/,
  },
  'open debts': {
    given: async ({ kube }) => {
      const mark = 'a'.repeat(22);
      await kube.create('/api/v1/namespaces', { metadata: { name: 'ordeal' } });
      const page = { metadata: { name: `ordeal-${mark}`, labels: { 'ordeal.mark': mark } }, data: { 1: '{}' } };
      await kube.create('/api/v1/namespaces/ordeal/configmaps', page);
      return async () => {
        await kube.delete('/api/v1/namespaces/ordeal');
        const isThere = async () =>
          (await kube.list('/api/v1/namespaces')).items.some(({ metadata }) => metadata.name === 'ordeal');
        while (await isThere()) await sleep(200);
      };
    },
    says: /open debts, 1 of run .*ordeal clean --context ordeal/,
  },
  // Rights.
  'a user without any right': { rules: [], says: /kube-system.*403/ },
  'a user who sees kube-system only': {
    rules: [{ apiGroups: [''], resources: ['namespaces'], verbs: ['get'] }],
    says: /does not show what must be known first \(nodes: 403/,
  },
  'a user who may look only': { rules: seeing, says: /rights are missing \(\d+: .*create clusterroles\.rbac/ },
  'a user who may not patch nodes': {
    rules: [
      ...seeing,
      {
        apiGroups: ['apps', 'policy', 'scheduling.k8s.io', 'rbac.authorization.k8s.io'],
        resources: ['*'],
        verbs: ['*'],
      },
      {
        apiGroups: [''],
        resources: ['namespaces', 'configmaps', 'serviceaccounts', 'serviceaccounts/token', 'pods', 'pods/eviction'],
        verbs: ['*'],
      },
    ],
    says: /rights are missing \(1: patch nodes\)/,
  },
  'a user who may not give the rights that probes need': {
    rules: [
      ...seeing,
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['*'], verbs: ['get', 'list', 'create', 'delete'] },
      { apiGroups: ['', 'apps', 'policy', 'scheduling.k8s.io'], resources: ['*'], verbs: ['*'] },
    ],
    says: /rights are missing \(\d+: .*get \/metrics/,
  },
  // What is not ours to break.
  'memory of a node': {
    scenario: fault('{ fault: memory-hog, workers: 1, total: 64MiB }'),
    says: /memory-hog\) takes memory or disk from nodes of your cluster/,
  },
  'a node that freezes': {
    scenario: fault('{ fault: freeze-node, workers: 1 }'),
    says: /nothing outside it could revive/,
  },
  'a kubelet that stops': {
    scenario: fault('{ fault: stop-kubelet, workers: 1 }'),
    says: /nothing outside it could revive/,
  },
  'nodes that fall silent': {
    scenario: fault('{ fault: silence-nodes, nodes: 1 }'),
    says: /breaks a control plane, and that of your cluster is not ours/,
  },
  'a flood on the API server': {
    scenario: {
      load: true,
      cluster:
        '{ nodes: 1, identities: [{ user: flooder, rules: [{ apiGroups: [""], resources: [pods], verbs: [list] }] }] }',
    },
    says: /load lists goes to the API server of your cluster, which is not ours to flood/,
  },
  'a control plane to configure': {
    scenario: { cluster: '{ nodes: 1, components: { kube-apiserver: { flags: { v: "5" } } } }' },
    says: /kube-apiserver of a cluster that you have is not ours to configure/,
  },
};
