import { ClusterError } from '../model.ts';
import type { KubeClient, KubeObject } from './client.ts';

interface Kind {
  readonly plural: string;
  readonly namespaced: boolean;
}

const namespaced = (plural: string): Kind => ({ plural, namespaced: true });
const clusterwide = (plural: string): Kind => ({ plural, namespaced: false });

/** The kinds that scenarios create most; others are asked of the server. */
const KINDS: Readonly<Record<string, Kind>> = {
  'v1/Namespace': clusterwide('namespaces'),
  'v1/Node': clusterwide('nodes'),
  'v1/PersistentVolume': clusterwide('persistentvolumes'),
  'v1/Pod': namespaced('pods'),
  'v1/ConfigMap': namespaced('configmaps'),
  'v1/Secret': namespaced('secrets'),
  'v1/ServiceAccount': namespaced('serviceaccounts'),
  'v1/Service': namespaced('services'),
  'v1/Event': namespaced('events'),
  'v1/ResourceQuota': namespaced('resourcequotas'),
  'v1/PersistentVolumeClaim': namespaced('persistentvolumeclaims'),
  'apps/v1/Deployment': namespaced('deployments'),
  'apps/v1/ReplicaSet': namespaced('replicasets'),
  'apps/v1/StatefulSet': namespaced('statefulsets'),
  'apps/v1/DaemonSet': namespaced('daemonsets'),
  'batch/v1/Job': namespaced('jobs'),
  'coordination.k8s.io/v1/Lease': namespaced('leases'),
  'policy/v1/PodDisruptionBudget': namespaced('poddisruptionbudgets'),
  'rbac.authorization.k8s.io/v1/Role': namespaced('roles'),
  'rbac.authorization.k8s.io/v1/RoleBinding': namespaced('rolebindings'),
  'rbac.authorization.k8s.io/v1/ClusterRole': clusterwide('clusterroles'),
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': clusterwide('clusterrolebindings'),
  'apiextensions.k8s.io/v1/CustomResourceDefinition': clusterwide('customresourcedefinitions'),
  'flowcontrol.apiserver.k8s.io/v1/FlowSchema': clusterwide('flowschemas'),
  'scheduling.k8s.io/v1/PriorityClass': clusterwide('priorityclasses'),
};

const discovered = new WeakMap<KubeClient, Map<string, Kind>>();

/** The path of the collection that the object belongs to: where to POST it. Throws `ClusterError` 404 for a kind that the server does not serve. */
export async function collectionOf(client: KubeClient, object: KubeObject): Promise<string> {
  const { apiVersion = 'v1', kind = '' } = object;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { plural, namespaced } = KINDS[`${apiVersion}/${kind}`] ?? (await discover(client, root, apiVersion, kind));
  return namespaced ? `${root}/namespaces/${object.metadata.namespace ?? 'default'}/${plural}` : `${root}/${plural}`;
}

async function discover(client: KubeClient, root: string, apiVersion: string, kind: string): Promise<Kind> {
  const cache = discovered.get(client) ?? new Map<string, Kind>();
  discovered.set(client, cache);
  const id = `${apiVersion}/${kind}`;
  const cached = cache.get(id);
  if (cached) return cached;
  const { resources } = await client.get<{ resources: { name: string; kind: string; namespaced: boolean }[] }>(root);
  const found = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
  if (!found) throw new ClusterError(`kind ${id}`, 404, `the server serves no ${kind} in ${apiVersion}`);
  const known = { plural: found.name, namespaced: found.namespaced };
  cache.set(id, known);
  return known;
}
