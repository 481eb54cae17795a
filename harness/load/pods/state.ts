import type { KubeClient, KubeObject } from '../../kube/client.ts';
import { ClusterError } from '../../model.ts';
import type { PodEnd } from './complaints.ts';
import { podsIn } from './job.ts';

/** One pod of the Job. */
export interface PodState {
  readonly index: number;
  readonly name: string;
  readonly uid: string;
  readonly node: string | undefined;
  /** Its log can be read. */
  readonly started: boolean;
  /** Why it has not, as Kubernetes says it. */
  readonly waits: { readonly reason: string; readonly message: string } | undefined;
  readonly end: PodEnd | undefined;
}

interface Written extends KubeObject {
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase?: string;
    readonly reason?: string;
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly containerStatuses?: readonly {
      readonly state?: {
        readonly waiting?: { reason?: string; message?: string };
        readonly running?: object;
        readonly terminated?: { exitCode: number; reason?: string };
      };
    }[];
  };
}

/** A pod that waits so will wait for ever. */
export const hopeless: ReadonlySet<string> = new Set([
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

const indexLabel = 'batch.kubernetes.io/job-completion-index';

/** Throws `ClusterError`. */
export async function podsOf(client: KubeClient, namespace: string): Promise<readonly PodState[]> {
  const { items } = await client.list<Written>(podsIn(namespace), { labelSelector: indexLabel });
  return items.map(stateOf);
}

/** How its container ended; `gone` when there is no such pod, undefined while it runs. Throws `ClusterError`. */
export async function endOf(client: KubeClient, namespace: string, pod: PodState): Promise<PodEnd | undefined> {
  try {
    const now = stateOf(await client.get<Written>(`${podsIn(namespace)}/${pod.name}`));
    return now.uid === pod.uid ? now.end : { reason: 'another pod has taken its place' };
  } catch (error) {
    if (error instanceof ClusterError && error.code === 404) return { reason: 'the pod was deleted' };
    throw error;
  }
}

function stateOf({ metadata, spec, status }: Written): PodState {
  const state = status.containerStatuses?.[0]?.state;
  const unscheduled = status.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  const waiting = state?.waiting ?? unscheduled;
  return {
    index: Number(metadata.labels?.[indexLabel] ?? -1),
    name: metadata.name,
    uid: metadata.uid ?? '',
    node: spec.nodeName,
    started: state?.running !== undefined || state?.terminated !== undefined,
    waits: waiting && { reason: waiting.reason ?? 'waiting', message: (waiting.message ?? '').slice(0, 300) },
    end: ended(status),
  };
}

function ended({ phase, reason = '', containerStatuses }: Written['status']): PodEnd | undefined {
  const terminated = containerStatuses?.[0]?.state?.terminated;
  if (terminated) {
    const why = terminated.reason === 'Error' || terminated.reason === 'Completed' ? '' : (terminated.reason ?? '');
    return { exitCode: terminated.exitCode, reason: reason || why };
  }
  return phase === 'Failed' || phase === 'Succeeded' ? { reason: reason || phase } : undefined;
}
