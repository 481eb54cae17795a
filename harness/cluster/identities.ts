import { randomBytes } from 'node:crypto';
import type { KubeObject } from '../kube/client.ts';
import { type IdentitySpec, RefusedError } from '../model.ts';

export { redact } from '../secrets.ts';

/** For setting up only: everything it asks is exempt from the API server's flow control. */
export const ADMIN = 'ordeal:admin';
/** Creates the scenario's objects. */
export const HARNESS = 'ordeal:harness';
export const PROBES = [
  'nodes',
  'components',
  'apiserver-metrics',
  'etcd-metrics',
  'coredns-metrics',
  'api-canary',
  'events',
  'audit',
  'probe',
  'pods',
  'kubelet',
  'node',
  'node-logs',
  'proxy-log',
  'proxy-workers',
  'certificates',
  'scheduler-metrics',
  'bindings',
  'karpenter',
] as const;
/** Must see while the server queues everybody else; the canary must queue like everybody else. */
export const OBSERVERS = [
  'nodes',
  'pods',
  'bindings',
  'events',
  'apiserver-metrics',
  'kubelet',
] as const satisfies readonly (typeof PROBES)[number][];
/** A user of the group `system:nodes`, so that flow control treats its traffic as kubelets'. */
export const NODES = 'system:node:kwok-controller';
export const GROUPS_OF_NODES = ['system:nodes', 'ordeal:kwok'];
export const CONTROLLERS = 'system:kube-controller-manager';
export const SCHEDULER = 'system:kube-scheduler';

interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
  readonly token: string;
}

/** Who may talk to the cluster, each with a random token of its own. Tokens are secrets: only files of mode 0600 hold them. */
export class Identities {
  readonly #known = new Map<string, Identity>();
  readonly #specs: readonly IdentitySpec[];

  /** Throws `RefusedError` for an identity that would be exempt from flow control, or that takes a name of ours. */
  constructor(specs: readonly IdentitySpec[]) {
    this.#specs = specs;
    this.#add(ADMIN, ['system:masters']);
    this.#add(HARNESS, []);
    this.#add(CONTROLLERS, []);
    this.#add(SCHEDULER, []);
    this.#add(NODES, GROUPS_OF_NODES);
    for (const probe of PROBES) this.#add(`ordeal:${probe}`, ['ordeal:probes']);
    for (const { user, groups } of specs) {
      if (groups.includes('system:masters')) {
        throw new RefusedError(`identity ${user}: system:masters is exempt from flow control; name other groups`);
      }
      if (this.#known.has(user)) throw new RefusedError(`identity ${user}: the name is taken`);
      this.#add(user, groups);
    }
  }

  /** Throws `RefusedError` for an unknown user, and names the known ones. */
  token(user: string): string {
    const identity = this.#known.get(user);
    if (identity) return identity.token;
    throw new RefusedError(`no identity "${user}"; there are: ${[...this.#known.keys()].join(', ')}`);
  }

  /** For `--token-auth-file`: token, user, uid, groups. */
  csv(): string {
    const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
    return [...this.#known.values()]
      .map(({ token, user, groups }) => [token, user, user, groups.join(',')].map(quote).join(','))
      .join('\n')
      .concat('\n');
  }

  /** A kubeconfig for one user, who shows a token unless something else is named; JSON, which is YAML. */
  kubeconfig(user: string, server: string, caFile: string, credential: object = { token: this.token(user) }): string {
    const name = 'ordeal';
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server, 'certificate-authority': caFile } }],
      users: [{ name, user: credential }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    };
    return `${JSON.stringify(config, undefined, 2)}\n`;
  }

  /** The rights: everything for our setting up and for the simulated kubelets, reading for probes, the scenario's own rules for the rest. */
  rights(): KubeObject[] {
    const all = { apiGroups: ['*'], resources: ['*'] };
    const nonResourceURLs = [
      '/metrics',
      '/metrics/*',
      '/healthz',
      '/healthz/*',
      '/readyz',
      '/readyz/*',
      '/livez',
      '/livez/*',
    ];
    const reading = [
      { ...all, verbs: ['get', 'list', 'watch'] },
      { nonResourceURLs, verbs: ['get'] },
    ];
    return [
      binding('ordeal:harness', 'cluster-admin', { kind: 'User', name: HARNESS }),
      // Its controllers run under its own name, and the role of that name is made for the case that they do not.
      binding('ordeal:controllers', 'cluster-admin', { kind: 'User', name: CONTROLLERS }),
      binding('ordeal:kwok', 'cluster-admin', { kind: 'Group', name: 'ordeal:kwok' }),
      role('ordeal:probes', reading),
      binding('ordeal:probes', 'ordeal:probes', { kind: 'Group', name: 'ordeal:probes' }),
      exempt(
        'ordeal-probes',
        OBSERVERS.map((probe) => ({ kind: 'User', user: { name: `ordeal:${probe}` } })),
      ),
      ...this.#specs.flatMap(({ user, rules }, index) => [
        role(`ordeal:identity-${index}`, rules),
        binding(`ordeal:identity-${index}`, `ordeal:identity-${index}`, { kind: 'User', name: user }),
      ]),
    ];
  }

  #add(user: string, groups: readonly string[]): void {
    this.#known.set(user, { user, groups, token: `ordeal.${randomBytes(24).toString('hex')}` });
  }
}

const RBAC = 'rbac.authorization.k8s.io';

function role(name: string, rules: readonly object[]): KubeObject {
  return { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name }, rules };
}

function binding(name: string, to: string, subject: { readonly kind: string; readonly name: string }): KubeObject {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: to },
    subjects: [{ apiGroup: RBAC, ...subject }],
  };
}

/** Frees these from the API server's flow control. Source: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/ */
export function exempt(name: string, subjects: readonly object[]): KubeObject {
  const everything = {
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  };
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name },
    spec: {
      priorityLevelConfiguration: { name: 'exempt' },
      matchingPrecedence: 2,
      rules: [{ subjects, ...everything }],
    },
  };
}
