import { type NodeRef, ToolError } from '../model.ts';

export type PodRef = Extract<NodeRef, { via: 'pod' }>;

/** Of a Node object, what is needed here. */
export interface NodeObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly status: {
    readonly nodeInfo: { readonly architecture: string };
    readonly images?: readonly { readonly names?: readonly string[]; readonly sizeBytes?: number }[];
  };
}

export interface PodOptions {
  /** Must hold `sleep` and `nsenter`. When absent, an image that the node has already serves, with the node's own programs in it. */
  readonly image?: string;
  /** Until the pod is ended by its kubelet, whoever lives. */
  readonly seconds: number;
  readonly critical: boolean;
}

/** Labels of every object that we make in a cluster. */
const labels = (mark: string) => ({ 'app.kubernetes.io/managed-by': 'ordeal', 'ordeal.mark': mark });

/** A namespace whose admission lets a privileged pod in. */
export const namespaceOf = (name: string, mark: string): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { ...labels(mark), 'pod-security.kubernetes.io/enforce': 'privileged' } },
});

/**
 * Sleeps on one node with the node's processes in sight, for as long as it may. `nodeName` passes the scheduler by; it tolerates
 * every taint; as node-critical it is not the first that the kernel kills.
 */
export function podOf(ref: PodRef, node: NodeObject, mark: string, { image, seconds, critical }: PodOptions): object {
  const folders = image === undefined ? programFolders(node) : [];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: ref.pod, namespace: ref.namespace, labels: labels(mark) },
    spec: {
      nodeName: ref.node,
      hostPID: true,
      restartPolicy: 'Never',
      activeDeadlineSeconds: seconds,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      ...(critical && { priorityClassName: 'system-node-critical' }),
      containers: [
        {
          name: 'node',
          image: image ?? imageThereAlready(node),
          imagePullPolicy: image === undefined ? 'Never' : 'IfNotPresent',
          command: ['sleep', String(seconds)],
          env: [{ name: 'PATH', value: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }],
          securityContext: { privileged: true, runAsUser: 0 },
          volumeMounts: folders.map((path) => ({ name: volumeOf(path), mountPath: path, readOnly: true })),
        },
      ],
      volumes: folders.map((path) => ({ name: volumeOf(path), hostPath: { path, type: 'Directory' } })),
    },
  };
}

/** Where the node's programs are, their libraries, and what loads them; a folder that is not there would keep the pod from starting. */
function programFolders({ status }: NodeObject): readonly string[] {
  return status.nodeInfo.architecture === 'arm64' ? ['/usr', '/lib'] : ['/usr', '/lib', '/lib64'];
}

const volumeOf = (path: string): string => `node-${path.slice(1)}`;

/** Nothing of it runs, so any would do: the pause image by preference (a kubelet tells of its 50 largest only), else the smallest. */
function imageThereAlready({ metadata, status }: NodeObject): string {
  const images = [...(status.images ?? [])].sort((one, other) => (one.sizeBytes ?? 0) - (other.sizeBytes ?? 0));
  const names = images.flatMap((image) => image.names?.findLast((name) => name !== '') ?? []);
  const chosen = names.find((name) => /\/pause[:@]/.test(name)) ?? names[0];
  if (chosen !== undefined) return chosen;
  const command = `kubectl get node ${metadata.name} -o jsonpath={.status.images}`;
  throw new ToolError(`node ${metadata.name} tells of no image that a pod could use; name one`, { command });
}
