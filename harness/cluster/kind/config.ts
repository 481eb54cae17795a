import type { ClusterSpec, ComponentName, Json } from '../../model.ts';
import type { Shape } from './shape.ts';

/** What the patches depend on besides the scenario. */
export interface Ground {
  readonly cgroup: 1 | 2;
  /** The node image is our own (`kind-config/node-image`). */
  readonly ours: boolean;
}

/** Where kubeadm takes the arguments of a component; the others have none in kind. */
const SECTION: Readonly<Partial<Record<ComponentName, readonly string[]>>> = {
  etcd: ['etcd', 'local'],
  'kube-apiserver': ['apiServer'],
  'kube-controller-manager': ['controllerManager'],
  'kube-scheduler': ['scheduler'],
};

type Kubelet = Readonly<Record<string, Json>>;

/**
 * What the kubelets are to be configured with: what the ground needs, and the scenario's own over it; it is read back.
 * kind sets `evictionHard` to 0 % for nodefs and imagefs, that is no eviction; this is merged over it, value by value.
 * The kubelet's own defaults (memory.available 100Mi…) are gone as soon as any value is set: name all that you want.
 */
export function kubeletConfiguration(spec: ClusterSpec, ground: Ground): Kubelet {
  return {
    // Kubernetes 1.35 and later refuse to run on version 1 without it; before 1.31 the field is unknown.
    ...(ground.cgroup === 1 && { failCgroupV1: false }),
    // The image's containerd is configured for it; its resolver is no address inside the pod (docker's own would be).
    ...(ground.ours && { cgroupDriver: 'cgroupfs', resolvConf: '/kind/pod-resolv.conf' }),
    ...spec.kind?.kubelet,
  };
}

/** The configuration for `kind create cluster`: the shape's file, and what is asked for over it. `meminfo` is a file for the workers. */
export function kindConfiguration(shape: Shape, spec: ClusterSpec, ground: Ground, meminfo?: string): Shape {
  const mount = { hostPath: meminfo, containerPath: '/proc/meminfo', readOnly: true };
  const patches = [
    { kind: 'KubeletConfiguration', ...kubeletConfiguration(spec, ground) },
    { kind: 'ClusterConfiguration', ...componentArguments(spec) },
  ];
  return {
    ...shape,
    nodes: shape.nodes.map((node) =>
      meminfo === undefined || node.role !== 'worker'
        ? node
        : { ...node, extraMounts: [...listOf(node['extraMounts']), mount] },
    ),
    // JSON is YAML. Without apiVersion kind fits them to the kubeadm version, lists of arguments (v1beta4) too.
    kubeadmConfigPatches: [
      ...listOf(shape['kubeadmConfigPatches']),
      ...patches.filter((patch) => Object.keys(patch).length > 1).map((patch) => JSON.stringify(patch)),
    ],
  };
}

function componentArguments(spec: ClusterSpec): Record<string, Json> {
  const sections: Record<string, Json> = {};
  for (const [name, component] of Object.entries(spec.components)) {
    const [outer, inner] = SECTION[name as ComponentName] ?? [];
    if (outer === undefined || Object.keys(component.flags).length === 0) continue;
    const section = { extraArgs: component.flags };
    sections[outer] = inner === undefined ? section : { [inner]: section };
  }
  return sections;
}

/** What the scenario asks of the components and kind cannot give, one sentence each. */
export function beyondKind(spec: ClusterSpec): string[] {
  return [
    ...Object.entries(spec.components).flatMap(([name, { version, env, memoryBytes, flags, config }]) => [
      ...(version === undefined ? [] : [`${name} ${version}: its version comes with the node image`]),
      ...(Object.keys(env).length === 0 ? [] : [`${name}: its environment cannot be set on kind`]),
      ...(memoryBytes === undefined ? [] : [`${name}: its memory cannot be limited on kind`]),
      ...(config === undefined ? [] : [`${name}: its configuration file cannot be given on kind`]),
      ...(SECTION[name as ComponentName] === undefined && Object.keys(flags).length > 0
        ? [`${name}: kind has none`]
        : []),
    ]),
    ...(spec.links ?? []).map(({ name }) => `link ${name}: only the embedded cluster has links`),
    ...Object.keys(spec.certificates ?? {}).map(
      (whose) => `${whose}: the lifetime of its certificate cannot be chosen on kind`,
    ),
    ...spec.identities
      .filter(({ groups }) => groups.length > 0)
      .map(({ user }) => `identity ${user}: groups cannot be given on kind, where it is a service account`),
  ];
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
