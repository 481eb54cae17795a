import type { GoEntry } from '../catalogue.ts';
import { type Program, want } from '../wanted.ts';

function program(name: string, entry: GoEntry): Program {
  return { id: `${name}@${entry.version}`, name, version: entry.version, exact: false, entry };
}

function containerd(name: string, versionArg: string): Program {
  const module = 'github.com/containerd/containerd/v2';
  return program(name, {
    family: 'containerd',
    version: '2.4.2',
    versionArgs: [versionArg],
    goPackage: `${module}/cmd/${name}`,
    goModule: module,
    module: 'containerd',
    ldflags: (version) => `-s -w -X ${module}/version.Version=v${version} -X ${module}/version.Package=${module}`,
  });
}

function cni(name: string, kind: string): Program {
  const module = 'github.com/containernetworking/plugins';
  return program(name, {
    family: 'cni',
    version: '1.9.1',
    goPackage: `${module}/plugins/${kind}/${name}`,
    goModule: module,
    module: 'cni',
    ldflags: () => '-s -w',
  });
}

const pause = 'ordeal.invalid/tools/pause';

/** What runs on a node beside Kubernetes. */
export const cniPlugins = [
  cni('ptp', 'main'),
  cni('loopback', 'main'),
  cni('host-local', 'ipam'),
  cni('portmap', 'meta'),
];

export const runtime = [
  containerd('containerd', '--version'),
  containerd('containerd-shim-runc-v2', '-v'),
  containerd('ctr', '--version'),
  program('runc', {
    family: 'runc',
    version: '1.5.2',
    versionArgs: ['--version'],
    goPackage: 'github.com/opencontainers/runc',
    goModule: 'github.com/opencontainers/runc',
    module: 'runc',
    ldflags: () => '-s -w -linkmode external -extldflags -static',
    // Static, so that it does not matter which libc the node has.
    cgo: { tags: ['seccomp', 'netgo', 'osusergo'] },
  }),
];

export const onNode = want([{ name: 'kubelet' }, { name: 'kubeadm' }, { name: 'kubectl' }], {});

/** What runs in images of its own. */
export const inImages: readonly Program[] = [
  ...want(
    [
      { name: 'kube-apiserver' },
      { name: 'kube-controller-manager' },
      { name: 'kube-scheduler' },
      { name: 'kube-proxy' },
      { name: 'etcd' },
      { name: 'coredns' },
    ],
    {},
  ),
  program('pause', {
    family: 'pause',
    version: '3.10.2',
    goPackage: pause,
    goModule: pause,
    module: 'pause',
    ldflags: () => '-s -w',
  }),
];

export const programs: readonly Program[] = [...onNode, ...runtime, ...cniPlugins, ...inImages];
