import type { KubeObject } from '../kube/client.ts';

interface Terminated {
  readonly reason?: string;
  readonly exitCode?: number;
  readonly finishedAt?: string;
  readonly containerID?: string;
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: Terminated;
}

export interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export type Pod = KubeObject & {
  readonly metadata: KubeObject['metadata'] & { readonly deletionTimestamp?: string };
  readonly spec?: { readonly nodeName?: string; readonly schedulerName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
};

/** Waiting for one of these is how a container begins. */
const beginning = new Set(['ContainerCreating', 'PodInitializing']);

export function conditionOf({ status }: Pod, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/**
 * Why the kubelet evicted it, if it did. Its phase says nothing of that: one whose containers end well when they are told to has
 * succeeded.
 */
export function evictionOf(pod: Pod): string | undefined {
  const { reason, message } = pod.status ?? {};
  const target = conditionOf(pod, 'DisruptionTarget');
  const byKubelet = target?.status === 'True' && target.reason === 'TerminationByKubelet';
  if (reason !== 'Evicted' && !byKubelet) return undefined;
  return message ?? target?.message ?? 'no message';
}

export const isReady = (pod: Pod) => conditionOf(pod, 'Ready')?.status === 'True';

export function containersOf({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

export function restartsOf(pod: Pod): number {
  return containersOf(pod).reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
}

export interface Ending extends Terminated {
  readonly container: string;
  /** Tells one end of a container from another. */
  readonly id: string;
}

/** How its containers ended, as far as the status still says it. */
export function endingsOf(pod: Pod): readonly Ending[] {
  return containersOf(pod).flatMap(({ name, state, lastState }) =>
    [lastState?.terminated, state?.terminated].flatMap((terminated) =>
      terminated
        ? [{ ...terminated, container: name, id: `${name} ${terminated.containerID ?? terminated.finishedAt}` }]
        : [],
    ),
  );
}

/** Why its containers do not start. */
export function troublesOf(pod: Pod): readonly { container: string; reason: string; message: string }[] {
  return containersOf(pod).flatMap(({ name, state }) => {
    const { reason = '', message = '' } = state?.waiting ?? {};
    return reason && !beginning.has(reason) ? [{ container: name, reason, message }] : [];
  });
}
