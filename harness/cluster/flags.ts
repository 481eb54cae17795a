import type { ClusterSpec, ComponentName, ComponentSpec } from '../model.ts';
import type { Files } from './kwokctl.ts';

export type Wanted = Readonly<Record<'flags' | 'env', Readonly<Record<string, string>>>>;

/** What each component is to be started with: our defaults, and the scenario's flags over them. All of it is read back. */
export function wanted(component: ComponentName, spec: ClusterSpec, made: Files): Wanted {
  const asked: Partial<ComponentSpec> = spec.components[component] ?? {};
  const elect: Record<string, string> = spec.leaderElection ? {} : { 'leader-elect': 'false' };
  const kubeconfig = { kubeconfig: made.kubeconfig(component) };
  const serving: Record<string, string> = spec.certificates?.['api-server']
    ? {
        'tls-cert-file': made.certificate('api-server', 'crt'),
        'tls-private-key-file': made.certificate('api-server', 'key'),
      }
    : {};
  const defaults: Readonly<Record<ComponentName, Readonly<Record<string, string>>>> = {
    etcd: {},
    'kube-apiserver': {
      'token-auth-file': made.tokens,
      ...serving,
      // It is a local process that can reach neither ClusterIPs nor pods: services are resolved to their endpoints here.
      'enable-aggregator-routing': 'true',
      // Else it looks for a default route and publishes this host's address, on which it does not listen.
      'advertise-address': '127.0.0.1',
      'endpoint-reconciler-type': 'none',
      // In MB. 0 means 100 to the library beneath; a rotated log would be lost to who follows it.
      'audit-log-maxsize': '100000',
    },
    'kube-controller-manager': { ...kubeconfig, ...elect },
    'kube-scheduler': {
      ...kubeconfig,
      ...elect,
      ...(asked.config && { config: made.schedulerConfig }),
      // Who asks it something has an identity there too, and can tell that it is the one that was started.
      'authentication-kubeconfig': made.kubeconfig(component),
      'authorization-kubeconfig': made.kubeconfig(component),
      // Its answers must not wait for the API server's.
      'authentication-token-webhook-cache-ttl': '10m',
      'cert-dir': made.schedulerTls,
    },
    // As a kubelet's: the lease lives 40 s and is renewed after a quarter of that.
    'kwok-controller': { ...kubeconfig, 'node-lease-duration-seconds': '40' },
  };
  return { flags: { ...defaults[component], ...asked.flags }, env: asked.env ?? {} };
}

/**
 * Flags that kwokctl 0.8.0 sets itself: these it replaces when told `override`, all others it then drops with a warning.
 * If this table is wrong, reading back says so.
 */
export const SET_BY_KWOKCTL: Readonly<Record<ComponentName, readonly string[]>> = {
  etcd: [
    'name',
    'auto-compaction-retention',
    'quota-backend-bytes',
    'data-dir',
    'initial-advertise-peer-urls',
    'listen-peer-urls',
    'advertise-client-urls',
    'listen-client-urls',
    'initial-cluster',
  ],
  'kube-apiserver': [
    'etcd-prefix',
    'allow-privileged',
    'etcd-servers',
    'authorization-mode',
    'bind-address',
    'secure-port',
    'tls-cert-file',
    'tls-private-key-file',
    'client-ca-file',
    'service-account-key-file',
    'service-account-signing-key-file',
    'service-account-issuer',
    'proxy-client-key-file',
    'proxy-client-cert-file',
    'audit-policy-file',
    'audit-log-path',
  ],
  'kube-controller-manager': [
    'kubeconfig',
    'authorization-always-allow-paths',
    'bind-address',
    'secure-port',
    'root-ca-file',
    'service-account-private-key-file',
  ],
  'kube-scheduler': ['kubeconfig', 'authorization-always-allow-paths', 'bind-address', 'secure-port'],
  'kwok-controller': [
    'manage-all-nodes',
    'kubeconfig',
    'config',
    'tls-cert-file',
    'tls-private-key-file',
    'node-ip',
    'node-name',
    'node-port',
    'server-address',
    'node-lease-duration-seconds',
  ],
};
