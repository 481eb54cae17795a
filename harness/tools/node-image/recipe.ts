import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { platform } from '../catalogue.ts';
import { goKey, moduleOf } from '../module.ts';
import { inImages, onNode, programs } from './programs.ts';

/** Debian of the node. Bookworm's systemd is the last that runs on cgroup version 1 hosts. */
export const suite = 'bookworm';

export const packages: readonly string[] = [
  ...['systemd', 'systemd-sysv', 'dbus', 'mount', 'kmod', 'hostname', 'procps', 'util-linux', 'libseccomp2'],
  ...['iproute2', 'iptables', 'nftables', 'conntrack', 'ethtool', 'socat', 'iputils-ping', 'ca-certificates'],
];

/** Counted up when what the steps make of their inputs changes. */
const steps = 1;

const registry = 'registry.k8s.io';

function versionOf(name: string): string {
  return [...onNode, ...inImages].find((program) => program.name === name)?.version ?? '';
}

export const kubernetes = versionOf('kubelet');

/** The images that kubeadm's manifests name, by the program in them. */
export const components: Readonly<Record<string, { readonly reference: string; readonly program: string }>> = {
  ...Object.fromEntries(
    ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'].map((name) => [
      name,
      { reference: `${registry}/${name}:v${versionOf(name)}`, program: `usr/local/bin/${name}` },
    ]),
  ),
  // kubeadm counts the builds of an etcd version.
  etcd: { reference: `${registry}/etcd:${versionOf('etcd')}-0`, program: 'usr/local/bin/etcd' },
  coredns: { reference: `${registry}/coredns/coredns:v${versionOf('coredns')}`, program: 'coredns' },
  pause: { reference: `${registry}/pause:${versionOf('pause')}`, program: 'pause' },
};

export interface Recipe {
  /** Changes with anything that is pinned: sources of programs and how they are compiled, files, packages. */
  readonly hash: string;
  readonly reference: string;
  /** Where the Dockerfile and the node's files are. */
  readonly folder: string;
}

/** `kind-config/node-image`: beside the sources, or some folders up from what is published. */
export function recipeFolder(): string {
  let folder = import.meta.dirname;
  for (;;) {
    const found = join(folder, 'kind-config', 'node-image');
    if (existsSync(join(found, 'Dockerfile'))) return found;
    if (dirname(folder) === folder) throw new Error(`kind-config/node-image is missing above ${import.meta.dirname}`);
    folder = dirname(folder);
  }
}

export async function recipeOf(folder = recipeFolder()): Promise<Recipe> {
  const keys = await Promise.all(programs.map(async (program) => goKey(program, await moduleOf(program))));
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  hash.update(JSON.stringify([steps, platform(), suite, packages, components, keys]));
  for (const file of files) {
    const content = await readFile(file);
    hash.update(`\0${file.slice(folder.length)}\0${content.length}\0`).update(content);
  }
  const short = hash.digest('hex').slice(0, 12);
  return { hash: short, reference: `ordeal/kind-node:v${kubernetes}-${short}`, folder };
}
