import type { KubeClient } from '../kube/client.ts';
import { ClusterError } from '../model.ts';
import { passingGroups, passingKinds } from './by-itself.ts';

/** Something that can be listed. */
export interface Resource {
  /** `Node`, `Deployment.apps`. */
  readonly kind: string;
  /** Of the list in all namespaces. */
  readonly path: string;
  /** Its content is compared, not its metadata alone. */
  readonly whole: boolean;
}

interface Listed {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly verbs?: readonly string[] }[];
}
interface Groups {
  readonly groups: readonly {
    readonly name: string;
    readonly versions: readonly { readonly groupVersion: string; readonly version: string }[];
    readonly preferredVersion?: { readonly groupVersion: string };
  }[];
}

/** Small objects that decide how a cluster behaves. Of Secrets, ConfigMaps, pods and of kinds that somebody added the metadata are enough. */
const wholeKinds = new Set([
  ...['Namespace', 'Node', 'ResourceQuota', 'LimitRange', 'ServiceAccount', 'Service'],
  ...['PersistentVolume', 'PersistentVolumeClaim'],
]);
const wholeGroups = new Set([
  ...['apps', 'autoscaling', 'batch', 'policy', 'admissionregistration.k8s.io', 'apiregistration.k8s.io'],
  ...['rbac.authorization.k8s.io', 'scheduling.k8s.io', 'storage.k8s.io', 'networking.k8s.io'],
  ...['flowcontrol.apiserver.k8s.io', 'node.k8s.io'],
]);
/** Owned by others, and as large as those. */
const partial = new Set(['ReplicaSet.apps', 'ControllerRevision.apps']);

/** Everything that the server serves and that can be listed, each once, by its preferred version; and groups that do not answer. */
export async function discover(
  client: Pick<KubeClient, 'get'>,
): Promise<{ readonly resources: readonly Resource[]; readonly unread: Readonly<Record<string, string>> }> {
  const { groups } = await client.get<Groups>('/apis');
  const found = new Map<string, Resource>();
  const unread: Record<string, string> = {};
  const read = async (root: string, group: string) => {
    try {
      const { resources = [] } = await client.get<Listed>(root);
      for (const { name, kind, verbs = [] } of resources) {
        const full = group === '' ? kind : `${kind}.${group}`;
        if (name.includes('/') || !verbs.includes('list') || passingKinds.has(full) || found.has(full)) continue;
        const whole = (group === '' ? wholeKinds.has(kind) : wholeGroups.has(group)) && !partial.has(full);
        found.set(full, { kind: full, path: `${root}/${name}`, whole });
      }
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      unread[`group ${group || 'core'}`] = `${error.code} ${error.reason}`;
    }
  };
  await read('/api/v1', '');
  for (const { name, versions, preferredVersion } of groups) {
    if (passingGroups.test(name)) continue;
    // A kind may be served in a version only that is not the preferred one.
    const all = new Set([preferredVersion?.groupVersion, ...versions.map(({ groupVersion }) => groupVersion)]);
    for (const groupVersion of all) if (groupVersion !== undefined) await read(`/apis/${groupVersion}`, name);
  }
  return { resources: [...found.values()], unread };
}
