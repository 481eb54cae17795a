import type { KubeObject } from '../kube/client.ts';

/** What random suffixes of Kubernetes are made of: no vowels, no letters or digits that look like others. */
const random = '[bcdfghjklmnpqrstvwxz2456789]';
const suffixes = [new RegExp(`-${random}{6,10}-${random}{5}$`), new RegExp(`-${random}{5}$`), /-\d+$/];
const hash = new RegExp(`-${random}{6,10}$`);

/** To what a pod belongs: its label, else the name of its owner without the hash of a ReplicaSet, else its own name. */
export function appOf({ metadata }: Pick<KubeObject, 'metadata'>): string {
  const { labels = {}, name } = metadata;
  const label = labels['app.kubernetes.io/name'] ?? labels['app'] ?? labels['k8s-app'];
  if (label) return label;
  const { ownerReferences = [] } = metadata as { ownerReferences?: readonly { kind: string; name: string }[] };
  const [owner] = ownerReferences;
  if (!owner) return name;
  if (owner.kind === 'ReplicaSet') return owner.name.replace(hash, '');
  // A mirror of a static pod is owned by its node; kubeadm names what it is.
  return owner.kind === 'Node' ? (labels['component'] ?? name) : owner.name;
}

/** The same by the name alone, where nothing else is known of the pod any more. */
export function appOfName(pod: string): string {
  for (const suffix of suffixes) if (suffix.test(pod)) return pod.replace(suffix, '');
  return pod;
}
