import type { Cluster, ComponentName } from '../model.ts';
import type { Files, Ports } from './kwokctl.ts';
import { schedulerEndpoint } from './scheduler.ts';

export const serverOf = (ports: Ports) => `https://127.0.0.1:${ports['kube-apiserver']}`;

/** Where the components that answer questions listen. */
export function endpointsOf(
  names: readonly ComponentName[],
  made: Files,
  ports: Ports,
): NonNullable<Cluster['endpoints']> {
  const own = { apiserver: serverOf(ports), etcd: `http://127.0.0.1:${ports.etcd}` };
  return names.includes('kube-scheduler') ? { ...own, scheduler: schedulerEndpoint(made, ports) } : own;
}
