import type { CertificateOwner, ClusterSpec, ComponentName } from '../model.ts';
import type { ToolName } from '../tools/tools.ts';
import { SET_BY_KWOKCTL, wanted } from './flags.ts';

export const COMPONENTS: readonly ComponentName[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok-controller',
];

/** The program of each component, by the name under which tools know it. */
export const PROGRAM: Readonly<Record<ComponentName, ToolName>> = {
  etcd: 'etcd',
  'kube-apiserver': 'kube-apiserver',
  'kube-controller-manager': 'kube-controller-manager',
  'kube-scheduler': 'kube-scheduler',
  'kwok-controller': 'kwok',
};

export const PORTS = [
  'etcd',
  'etcd-peer',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok-controller',
] as const;
export type Ports = Readonly<Record<(typeof PORTS)[number], number>>;

/** Absolute paths of the cluster's own files. */
export interface Files {
  readonly folder: string;
  readonly config: string;
  /** Launchers, one a component. */
  readonly bin: string;
  /** Of the programs beside it: a folder each. */
  readonly servers: string;
  /** Of the relays: a folder each. */
  readonly links: string;
  /** Which processes the components are, and how they ended. */
  readonly state: string;
  /** Made by us when the API server answers: the others start then. */
  readonly gate: string;
  readonly tokens: string;
  readonly auditPolicy: string;
  readonly schedulerConfig: string;
  /** A folder, in which kube-scheduler puts the certificate that it makes for itself. */
  readonly schedulerTls: string;
  readonly kubeconfig: (component: ComponentName | 'admin') => string;
  readonly ca: string;
  readonly caKey: string;
  /** Folder of those whose lifetime we choose. */
  readonly certificates: string;
  readonly certificate: (whose: CertificateOwner, what: 'crt' | 'key' | 'json') => string;
  readonly log: (component: ComponentName) => string;
  readonly auditLog: string;
}

/** kwokctl's name of the cluster; the folder below its KWOK_WORKDIR is made of it. */
export const NAME = 'ordeal';

export function files(folder: string): Files {
  const made = `${folder}/clusters/${NAME}`;
  return {
    folder,
    config: `${folder}/kwokctl.json`,
    bin: `${folder}/launch`,
    servers: `${folder}/servers`,
    links: `${folder}/links`,
    state: `${folder}/state`,
    gate: `${folder}/state/go`,
    tokens: `${folder}/tokens.csv`,
    auditPolicy: `${folder}/audit-policy.json`,
    schedulerConfig: `${folder}/kube-scheduler.json`,
    schedulerTls: `${folder}/kube-scheduler-tls`,
    kubeconfig: (component) => `${folder}/${component}.kubeconfig`,
    ca: `${made}/pki/ca.crt`,
    caKey: `${made}/pki/ca.key`,
    certificates: `${folder}/certificates`,
    certificate: (whose, what) => `${folder}/certificates/${whose}.${what}`,
    log: (component) => `${made}/logs/${component}.log`,
    auditLog: `${made}/logs/audit.log`,
  };
}

/** Which components the cluster consists of: what the scenario names, and what it cannot do without. */
export function componentsOf(spec: ClusterSpec): ComponentName[] {
  const always = new Set<ComponentName>(['etcd', 'kube-apiserver']);
  if (spec.nodes > 0) always.add('kwok-controller');
  return COMPONENTS.filter((name) => always.has(name) || spec.components[name]);
}

/** The KwokctlConfiguration: binary runtime, loopback only, our launchers, our ports. */
export function configuration(spec: ClusterSpec, ports: Ports, made: Files): object {
  const components = componentsOf(spec);
  const options = {
    runtime: 'binary',
    components,
    bindAddress: '127.0.0.1',
    securePort: true,
    kubeAuthorization: true,
    kubeAdmission: true,
    kubeAuditPolicy: made.auditPolicy,
    etcdPort: ports.etcd,
    etcdPeerPort: ports['etcd-peer'],
    kubeApiserverPort: ports['kube-apiserver'],
    kubeControllerManagerPort: ports['kube-controller-manager'],
    kubeSchedulerPort: ports['kube-scheduler'],
    kwokControllerPort: ports['kwok-controller'],
    etcdBinary: `${made.bin}/etcd`,
    kubeApiserverBinary: `${made.bin}/kube-apiserver`,
    kubeControllerManagerBinary: `${made.bin}/kube-controller-manager`,
    kubeSchedulerBinary: `${made.bin}/kube-scheduler`,
    kwokControllerBinary: `${made.bin}/kwok-controller`,
    kubectlBinary: `${made.bin}/kubectl`,
    cacheDir: `${made.folder}/cache`,
    // Its default of 5 stretches every heartbeat and grace period fivefold; below 0 leaves the flag to the component's own default.
    heartbeatFactor: 1,
    kubeControllerManagerNodeMonitorPeriodMilliseconds: -1,
    kubeControllerManagerNodeMonitorGracePeriodMilliseconds: -1,
  };
  const componentsPatches = components.map((name) => {
    const { flags, env } = wanted(name, spec, made);
    const override = (key: string) => SET_BY_KWOKCTL[name].includes(key);
    return {
      name,
      extraArgs: Object.entries(flags).map(([key, value]) => ({ key, value, override: override(key) })),
      extraEnvs: Object.entries(env).map(([key, value]) => ({ name: key, value })),
    };
  });
  return { apiVersion: 'config.kwok.x-k8s.io/v1alpha1', kind: 'KwokctlConfiguration', options, componentsPatches };
}

/** Who asked what, without bodies; all but the paths that are no resources, such as /metrics and /readyz. */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'None', nonResourceURLs: ['*'] }, { level: 'Metadata' }],
};
