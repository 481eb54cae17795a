import type { KubeObject } from '../kube/client.ts';

interface Container {
  readonly name: string;
  readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> };
  readonly state?: { readonly running?: object };
}

/** A pod of kube-dns, as far as it matters here. */
export interface DnsPod extends KubeObject {
  readonly spec?: { readonly containers?: readonly Container[] };
  readonly status?: { readonly containerStatuses?: readonly Container[] };
}

const container = 'coredns';
/** A quantity of Kubernetes: so many of these are one. */
const parts: Readonly<Record<string, number>> = { n: 1e9, u: 1e6, m: 1e3 };

/** Whether its CoreDNS runs, Ready or not. */
export function isRunning({ status }: DnsPod): boolean {
  return status?.containerStatuses?.find(({ name }) => name === container)?.state?.running !== undefined;
}

/** CPU time that its CoreDNS may use per time: as the kubelet says it is in force where it says so, else as it was asked for. Undefined: without a limit. */
export function cpuLimitOf({ status, spec }: DnsPod): number | undefined {
  const [actual, asked] = [status?.containerStatuses, spec?.containers].map(
    (all) => all?.find(({ name }) => name === container)?.resources,
  );
  const limit = (actual ?? asked)?.limits?.['cpu'];
  if (limit === undefined) return undefined;
  const [, digits, suffix = ''] = /^(\d+(?:\.\d+)?)([num]?)$/.exec(String(limit)) ?? [];
  return digits === undefined ? undefined : Number(digits) / (parts[suffix] ?? 1);
}
