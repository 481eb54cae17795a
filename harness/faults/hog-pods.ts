import type { KubeObject } from '../kube/client.ts';
import type { Millis } from '../model.ts';

/** Bytes and milliseconds; `pods` of a node. */
export interface Hogs {
  readonly pods: number;
  readonly total: number;
  readonly step: number;
  readonly every: Millis;
  readonly guaranteed: boolean;
  readonly request?: number;
  readonly limit?: number;
  readonly restart: string;
  /** Into a memory-backed volume, which stays when the process that filled it is killed. */
  readonly volume: boolean;
  readonly image: string;
  readonly deadline: Millis;
}

/** The hogs of one node, in a namespace of their own. They go to the node directly: the scheduler would ask whether they fit. */
export function hogPods(namespace: string, node: string, hogs: Hogs): readonly KubeObject[] {
  const pods = Array.from({ length: hogs.pods }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `hog-${index}`, namespace, labels: { app: 'ordeal-hog' } },
    spec: {
      nodeName: node,
      activeDeadlineSeconds: Math.max(1, Math.ceil(hogs.deadline / 1000)),
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: hogs.restart,
      containers: [
        {
          name: 'hog',
          image: hogs.image,
          imagePullPolicy: 'Never',
          args: [
            ...['hog', '--step', bytes(hogs.step), '--every', `${hogs.every}ms`, '--total', bytes(hogs.total)],
            ...(hogs.volume ? ['--dir', '/hog'] : []),
          ],
          ...(hogs.volume && { volumeMounts: [{ name: 'memory', mountPath: '/hog' }] }),
          resources: resourcesOf(hogs),
        },
      ],
      ...(hogs.volume && { volumes: [{ name: 'memory', emptyDir: { medium: 'Memory' } }] }),
    },
  }));
  return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, ...pods];
}

/** As the workload reads sizes and as Kubernetes does: a plain number. */
const bytes = (count: number) => String(Math.round(count));

function resourcesOf({ guaranteed, request, limit }: Hogs): object {
  const cpu = guaranteed && { cpu: '50m' };
  const asked = guaranteed ? limit : request;
  return {
    ...(asked !== undefined && { requests: { ...cpu, memory: bytes(asked) } }),
    ...(limit !== undefined && { limits: { ...cpu, memory: bytes(limit) } }),
  };
}
