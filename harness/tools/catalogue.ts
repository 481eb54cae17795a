import { ownModule } from './own.ts';
import type { ToolName } from './tools.ts';

/** What a Go build of a program needs. */
export interface GoEntry {
  /** Names the module that is generated for a version which is not checked in. */
  readonly family: string;
  /** The version that is used unless a wish names another. */
  readonly version: string;
  /** Makes the program tell its version; absent when it has none. */
  readonly versionArgs?: readonly string[];
  /** The main package. */
  readonly goPackage: string;
  /** The Go module that holds `goPackage`. */
  readonly goModule: string;
  /** The checked-in module that builds `version`; all that share it are compiled together. */
  readonly module: string;
  /** Checked-in modules of other versions. */
  readonly others?: { readonly [version: string]: string };
  /** Where the module is when it is not among the checked-in ones. */
  readonly folder?: string;
  /** The same for all that share a module. */
  readonly ldflags: (version: string) => string;
  /** Present when C is compiled in; the build tags. */
  readonly cgo?: { readonly tags: readonly string[] };
}

/** Where the official build of a tool is published, unless it is ours, and what a Go build of it needs. */
export interface CatalogueEntry extends GoEntry {
  readonly release?: (version: string, platform: string) => Release;
  /** Published SHA-256 of what `release` names, by version and platform. What is not here is not downloaded. */
  readonly checksums: { readonly [versionAndPlatform: string]: string };
}

export interface Release {
  readonly host: string;
  readonly path: string;
  /** Where the program is inside the archive; absent when the download is the program itself. */
  readonly member?: string;
}

/** As release pages spell it: `linux-amd64`, `linux-arm64`, `darwin-arm64`. */
export function platform(): string {
  const arch: { [node: string]: string } = { x64: 'amd64', arm64: 'arm64' };
  return `${process.platform}-${arch[process.arch] ?? process.arch}`;
}

// Neither Kubernetes nor kwok knows its version unless the linker is told; etcd and k6 hold it in their sources.
function linked(kubernetes: string, kwok: string): string {
  const [major, minor] = kubernetes.split('.');
  const set = 'k8s.io/component-base/version';
  return [
    '-s -w',
    `-X ${set}.gitVersion=v${kubernetes} -X ${set}.gitMajor=${major} -X ${set}.gitMinor=${minor}`,
    `-X ${set}.gitTreeState=clean -X sigs.k8s.io/kwok/pkg/consts.Version=v${kwok}`,
  ].join(' ');
}

const kubernetesVersion = '1.36.3';
const kwokVersion = '0.8.0';

// One archive holds the three programs, so they share its checksums. 3.6.8: none found that could be cross-checked.
const etcdChecksums = {
  '3.5.12 linux-amd64': 'f2ff0cb43ce119f55a85012255609b61c64263baea83aa7c8e6846c0938adca5',
  '3.5.12 linux-arm64': '31f30c01918771ece28d6e553e0f33be9483ced989896ecf6bbe1edb07786141',
};

function etcd(name: string, versionArg: string, goModule: string): CatalogueEntry {
  return {
    family: 'etcd',
    version: '3.6.8',
    versionArgs: [versionArg],
    goPackage: goModule,
    goModule,
    module: 'kubernetes',
    others: name === 'etcd' ? { '3.5.12': 'etcd-3.5' } : {},
    ldflags: () => linked(kubernetesVersion, kwokVersion),
    release: (version, on) => ({
      host: 'https://github.com',
      path: `/etcd-io/etcd/releases/download/v${version}/etcd-v${version}-${on}.tar.gz`,
      member: `etcd-v${version}-${on}/${name}`,
    }),
    checksums: etcdChecksums,
  };
}

function kubernetes(
  name: string,
  versionArgs: readonly string[],
  checksums: CatalogueEntry['checksums'] = {},
): CatalogueEntry {
  return {
    family: 'kubernetes',
    version: kubernetesVersion,
    versionArgs,
    goPackage: `k8s.io/kubernetes/cmd/${name}`,
    goModule: 'k8s.io/kubernetes',
    module: 'kubernetes',
    ldflags: (version) => linked(version, kwokVersion),
    release: (version, on) => ({
      host: 'https://dl.k8s.io',
      path: `/release/v${version}/bin/${on.replace('-', '/')}/${name}`,
    }),
    checksums,
  };
}

function kwok(name: string, checksums: CatalogueEntry['checksums']): CatalogueEntry {
  return {
    family: 'kwok',
    version: kwokVersion,
    versionArgs: ['--version'],
    goPackage: `sigs.k8s.io/kwok/cmd/${name}`,
    goModule: 'sigs.k8s.io/kwok',
    module: 'kubernetes',
    ldflags: (version) => linked(kubernetesVersion, version),
    release: (version, on) => ({
      host: 'https://github.com',
      path: `/kubernetes-sigs/kwok/releases/download/v${version}/${name}-${on}`,
    }),
    checksums,
  };
}

/** Every outside program that a scenario may need. */
export const catalogue: { readonly [name in ToolName]: CatalogueEntry } = {
  etcd: etcd('etcd', '--version', 'go.etcd.io/etcd/server/v3'),
  etcdctl: etcd('etcdctl', 'version', 'go.etcd.io/etcd/etcdctl/v3'),
  etcdutl: etcd('etcdutl', 'version', 'go.etcd.io/etcd/etcdutl/v3'),
  'kube-apiserver': kubernetes('kube-apiserver', ['--version']),
  'kube-controller-manager': kubernetes('kube-controller-manager', ['--version']),
  'kube-scheduler': kubernetes('kube-scheduler', ['--version']),
  'kube-proxy': kubernetes('kube-proxy', ['--version']),
  kubelet: kubernetes('kubelet', ['--version']),
  kubeadm: kubernetes('kubeadm', ['version', '-o', 'short']),
  kubectl: kubernetes('kubectl', ['version', '--client'], {
    '1.36.3 linux-amd64': 'ebbd080e7c2e275093b55915722043257eb24004363e20acb3c4d71919f88336',
    '1.36.3 linux-arm64': '3d86f24401c41ae5a46ac50eef8865fe891d3647d324a0836f6c63757a126e62',
    '1.36.3 darwin-amd64': '158b3b46cf74e8b6bd9b1d7cd30f665e3efb2bc1ec3c843ec925bcfdd2930de0',
    '1.36.3 darwin-arm64': 'fc8582acde13869a606730a79379d6515f30c68afcced0b5ac8789d5d002b7d6',
  }),
  kwok: kwok('kwok', {
    '0.8.0 linux-amd64': 'f5a4385a2ae1b9dd7f8acae18e002a75c0ebba124ae9d7259aa8dadb50711f46',
    '0.8.0 linux-arm64': '628f7d277860f524a2a775c217adcc58828e7b59ab0933680315784f1b8b0e37',
    '0.8.0 darwin-arm64': '69a064ec98d37844d9d742b5b28ff57825659a983ccc3e208daa6948b94d64ba',
  }),
  kwokctl: kwok('kwokctl', {
    '0.8.0 linux-amd64': 'd5743166c657283d6e827c7c4c20cacfd9009fd94830f06718ca7b2c7099461f',
    '0.8.0 linux-arm64': '5a642b27d3e975f36040d215640cd90fb4a63cb6fca0ad5865a61bcd9c81051b',
    '0.8.0 darwin-arm64': '9323a59adb9c27854bd2a76652ad00258bcbb68acc40aba0dc21e362b67b7d6a',
  }),
  k6: {
    family: 'k6',
    version: '1.8.1',
    versionArgs: ['version'],
    goPackage: 'go.k6.io/k6',
    goModule: 'go.k6.io/k6',
    module: 'kubernetes',
    ldflags: () => linked(kubernetesVersion, kwokVersion),
    release: (version, on) => ({
      host: 'https://github.com',
      path: `/grafana/k6/releases/download/v${version}/k6-v${version}-${on}.tar.gz`,
      member: `k6-v${version}-${on}/k6`,
    }),
    checksums: {},
  },
  // k6 with the extensions of this tree: scenarios that do not need them use k6 as it is published.
  'k6-ordeal': {
    family: 'k6-ordeal',
    version: '1.8.1',
    versionArgs: ['version'],
    goPackage: 'ordeal.invalid/k6/cmd/k6',
    goModule: 'ordeal.invalid/k6',
    module: 'k6-ordeal',
    folder: ownModule('k6'),
    ldflags: () => '-s -w',
    checksums: {},
  },
  kind: {
    family: 'kind',
    version: '0.33.0',
    versionArgs: ['version'],
    goPackage: 'sigs.k8s.io/kind',
    goModule: 'sigs.k8s.io/kind',
    module: 'kind',
    ldflags: () => '-s -w',
    release: (version, on) => ({
      host: 'https://github.com',
      path: `/kubernetes-sigs/kind/releases/download/v${version}/kind-${on}`,
    }),
    checksums: {},
  },
  helm: {
    family: 'helm',
    version: '4.3.1',
    versionArgs: ['version', '--short'],
    goPackage: 'helm.sh/helm/v4/cmd/helm',
    goModule: 'helm.sh/helm/v4',
    module: 'helm',
    ldflags: (version) => `-s -w -X helm.sh/helm/v4/internal/version.version=v${version}`,
    release: (version, on) => ({
      host: 'https://get.helm.sh',
      path: `/helm-v${version}-${on}.tar.gz`,
      member: `${on}/helm`,
    }),
    checksums: {},
  },
  // Not the official build, most of whose plugins talk to clouds.
  coredns: {
    family: 'coredns',
    version: '1.14.2',
    versionArgs: ['-version'],
    goPackage: 'ordeal.invalid/tools/coredns',
    goModule: 'ordeal.invalid/tools/coredns',
    module: 'coredns',
    ldflags: () => '-s -w -X github.com/coredns/coredns/coremain.GitCommit=offline',
    checksums: {},
  },
  workload: {
    family: 'workload',
    version: '1',
    goPackage: 'ordeal.invalid/workload',
    goModule: 'ordeal.invalid/workload',
    module: 'workload',
    folder: ownModule('kind-config', 'workload'),
    ldflags: () => '-s -w',
    checksums: {},
  },
  // With the provider whose nodes kwok plays; nobody publishes a build of it.
  'karpenter-kwok': {
    family: 'karpenter',
    version: '1.14.0',
    versionArgs: ['--version'],
    goPackage: 'ordeal.invalid/tools/karpenter',
    goModule: 'ordeal.invalid/tools/karpenter',
    module: 'karpenter',
    ldflags: (version) => `-s -w -X sigs.k8s.io/karpenter/pkg/operator.Version=${version}`,
    checksums: {},
  },
};
