/**
 * What a live cluster changes by itself, and is therefore not compared. Everything else is. What an owner (a ReplicaSet, a node) makes
 * and removes may come and go too; what of it stays is compared.
 */

/** Whole groups of the API: figures, not objects. */
export const passingGroups = /(^|\.)metrics\.k8s\.io$/;

/** Kinds that say what goes on: events, heartbeats, addresses of pods, volumes that follow pods, requests that the controllers remove. */
export const passingKinds: ReadonlySet<string> = new Set([
  'Event',
  'Event.events.k8s.io',
  'Lease.coordination.k8s.io',
  'LeaseCandidate.coordination.k8s.io',
  'Endpoints',
  'EndpointSlice.discovery.k8s.io',
  'ComponentStatus',
  'VolumeAttachment.storage.k8s.io',
  'CSIStorageCapacity.storage.k8s.io',
  'CertificateSigningRequest.certificates.k8s.io',
]);

/** Annotations that controllers and kubelets write again and again. */
export const passingAnnotations: ReadonlySet<string> = new Set([
  'control-plane.alpha.kubernetes.io/leader',
  'endpoints.kubernetes.io/last-change-trigger-time',
  'deprecated.daemonset.template.generation',
  'node.alpha.kubernetes.io/ttl',
  'volumes.kubernetes.io/controller-managed-attach-detach',
]);

/** What the controller of deployments notes in their replica sets. */
export const passingPrefix = 'deployment.kubernetes.io/';

/** Control groups, and so processes, of pods: they come and go with them, and pods are compared as objects. */
export const ofPods = /kubepods|\/cri-containerd|\/crio-|\/libpod-/;

/** Control groups of one pod or one of its containers; those of all pods stay. */
export const ofOnePod = /pod[0-9a-f]{8}[-_]|cri-containerd|crio-|libpod-/;

/** Mounts of pods, of containers and of people who are logged in. */
export const passingMounts =
  /^\/(var\/lib\/kubelet\/(pods|plugins)\/|run\/(containerd|crio|netns|docker|user|credentials)\/|var\/run\/(netns|containerd)\/|var\/lib\/(containerd|docker|containers)\/|proc\/sys\/fs\/binfmt_misc|dev\/console)/;

/** Interfaces of pods. */
export const passingDevices = /^(veth|cali|lxc|cni|tunl|flannel|cilium|azv|eni|docker)/;

/** Chains that kube-proxy, kubelets and networks of pods write when services and pods change. */
export const passingRules = /\b(KUBE|CNI|CILIUM|FLANNEL|DOCKER|KIND-MASQ|cali)[-:_]/i;

/** Tables of nftables that iptables shows as well, or that belong to those. */
export const passingTables =
  /^table (ip6? (filter|nat|mangle|raw|security)|\S+ (kube-proxy|kindnet\S*|cilium\S*|calico\S*))$/;

/** Transient units: scopes of containers, logins and what systemd starts by timers. */
export const passingUnits =
  /^(run-|session-|user@|user-runtime|cri-containerd|docker-|systemd-|apt-|logrotate|man-db|dpkg|fstrim|e2scrub)/;

/** Seconds that a process without our mark must have lived to be told: shorter ones are somebody's command. */
export const longLived = 3;

/** The namespace in which runs keep books and the kill switch stands: those answer for it. What carries the run's mark is told there too. */
export const isOrdeals = (kind: string, name: string): boolean =>
  (kind === 'Namespace' && name === 'ordeal') || name.startsWith('ordeal/');
