import type { KubeClient, KubeObject } from '../../kube/client.ts';
import { type Debt, type IdentitySpec, type Node, RefusedError, ToolError } from '../../model.ts';
import { exempt, HARNESS, OBSERVERS, PROBES } from '../identities.ts';

const RBAC = 'rbac.authorization.k8s.io';
const ADMIN_KUBECTL = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];
/** Longer than any run, in seconds. */
const LIFETIME = 6 * 3600;

const READ = ['get', 'list', 'watch'];
/** What probes may see: no secrets, so that they can be let into a cluster that somebody uses. */
export const PROBING = [
  {
    apiGroups: [''],
    resources: ['nodes', 'pods', 'pods/log', 'events', 'namespaces', 'services', 'endpoints', 'persistentvolumeclaims'],
    verbs: READ,
  },
  {
    apiGroups: [''],
    resources: ['proxy', 'metrics', 'stats', 'log', 'healthz', 'configz', 'pods'].map((part) => `nodes/${part}`),
    verbs: ['get'],
  },
  { apiGroups: [''], resources: ['pods/proxy'], verbs: ['get'] },
  {
    apiGroups: [
      'apps',
      'batch',
      'coordination.k8s.io',
      'discovery.k8s.io',
      'events.k8s.io',
      'policy',
      'metrics.k8s.io',
    ],
    resources: ['*'],
    verbs: READ,
  },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: READ },
  {
    nonResourceURLs: ['metrics', 'healthz', 'readyz', 'livez', 'version'].flatMap((path) => [`/${path}`, `/${path}/*`]),
    verbs: ['get'],
  },
];
/** What scenarios create, in a kind cluster that somebody uses; in one that we made, the harness is its admin. */
const CREATING = [
  {
    apiGroups: ['', 'apps', 'batch', 'policy', 'networking.k8s.io', 'scheduling.k8s.io', 'autoscaling'],
    resources: ['*'],
    verbs: ['*'],
  },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['*'] },
];

export interface Accounts {
  readonly namespace: string;
  /** Users as the scenario and the probes call them → the names of their service accounts. */
  readonly names: ReadonlyMap<string, string>;
  readonly objects: readonly KubeObject[];
  /** What deletes them; they contain the mark. */
  readonly debts: (node: Node) => readonly Debt[];
}

/**
 * Our users as service accounts in a namespace of their own. `admin`: in a cluster that we made; else `creating` is what the harness may do
 * besides reading. Throws `RefusedError` for a taken name.
 */
export function accountsOf(
  specs: readonly IdentitySpec[],
  mark: string,
  { admin, creating = CREATING }: { readonly admin: boolean; readonly creating?: readonly object[] },
): Accounts {
  const namespace = `ordeal-${mark}`;
  const names = new Map([[HARNESS, 'harness'], ...PROBES.map((probe) => [`ordeal:${probe}`, probe] as const)]);
  specs.forEach(({ user }, index) => {
    if (names.has(user)) throw new RefusedError(`identity ${user}: the name is taken`);
    names.set(user, `identity-${index}`);
  });
  const roles: readonly Role[] = [
    {
      name: `${namespace}-harness`,
      ...(admin ? { to: 'cluster-admin' } : { rules: [...creating, ...PROBING] }),
      who: ['harness'],
    },
    { name: `${namespace}-probes`, rules: PROBING, who: PROBES },
    ...specs.map(({ rules }, index) => ({ name: `${namespace}-identity-${index}`, rules, who: [`identity-${index}`] })),
  ];
  const objects: KubeObject[] = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'ordeal.mark': mark } } },
    ...[...names.values()].map((name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } })),
    ...roles.flatMap((role) => bound(role, namespace)),
    ...(admin
      ? [
          exempt(
            namespace,
            OBSERVERS.map((name) => ({ kind: 'ServiceAccount', serviceAccount: { name, namespace } })),
          ),
        ]
      : []),
  ];
  const debts = (node: Node) =>
    [
      { resource: 'namespace', name: namespace } as const,
      ...roles.filter(({ rules }) => rules).map(({ name }) => ({ resource: 'clusterrole', name }) as const),
      ...roles.map(({ name }) => ({ resource: 'clusterrolebinding', name }) as const),
    ].map((object) => ({ undo: 'delete-object', node: node.ref, ...object, mark }) as const);
  return { namespace, names, objects, debts };
}

interface Role {
  readonly name: string;
  readonly to?: string;
  readonly rules?: readonly object[];
  readonly who: readonly string[];
}

function bound({ name, to, rules, who }: Role, namespace: string): KubeObject[] {
  const meta = { apiVersion: `${RBAC}/v1`, metadata: { name } };
  const roleRef = { apiGroup: RBAC, kind: 'ClusterRole', name: to ?? name };
  const subjects = who.map((account) => ({ kind: 'ServiceAccount', name: account, namespace }));
  return [
    ...(rules ? [{ ...meta, kind: 'ClusterRole', rules }] : []),
    { ...meta, kind: 'ClusterRoleBinding', roleRef, subjects },
  ];
}

/** Makes the accounts with the control plane's own kubectl; gives the token of the harness. Throws `ToolError`. */
export async function createAccounts(control: Node, accounts: Accounts, signal: AbortSignal): Promise<string> {
  const list = { apiVersion: 'v1', kind: 'List', items: accounts.objects };
  const kubectl = async (args: readonly string[], input?: string) => {
    const command = [...ADMIN_KUBECTL, ...args];
    const options = { signal, timeout: 60_000, ...(input !== undefined && { input }) };
    const { exitCode, stdout, stderr } = await control.exec(command, options);
    if (exitCode === 0) return stdout.trim();
    const details = { command: command.join(' '), exitCode, lastLines: stderr.trim().split('\n').slice(-5) };
    throw new ToolError(`kubectl ${args[0]} failed on ${control.name}`, details);
  };
  await kubectl(['apply', '-f', '-'], JSON.stringify(list));
  return kubectl(['create', 'token', 'harness', '--namespace', accounts.namespace, `--duration=${LIFETIME}s`]);
}

/** A token for every account, by user. Throws `ClusterError`. */
export async function tokensOf(harness: KubeClient, { namespace, names }: Accounts): Promise<Map<string, string>> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: LIFETIME } };
  const tokens = [...names].map(async ([user, name]) => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    return [user, (await harness.create<{ status: { token: string } }>(path, body)).status.token] as const;
  });
  return new Map(await Promise.all(tokens));
}
