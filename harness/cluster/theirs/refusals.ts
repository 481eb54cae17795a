import type { ClusterSpec } from '../../model.ts';

/** What cannot be had in a cluster that is not ours, one sentence each. */
export function refusals({ components, servers = [], links = [], certificates = {} }: ClusterSpec): string[] {
  const changed = Object.entries(components).filter(
    ([, spec]) =>
      spec !== undefined &&
      (spec.version !== undefined ||
        spec.memoryBytes !== undefined ||
        spec.config !== undefined ||
        Object.keys(spec.flags).length + Object.keys(spec.env).length > 0),
  );
  return [
    ...changed.map(([name]) => `kubeconfig: ${name} of a cluster that you have is not ours to configure`),
    ...(servers.length > 0 ? ['kubeconfig: servers run beside an embedded cluster only'] : []),
    ...(links.length > 0 ? ['kubeconfig: links are those of an embedded cluster only'] : []),
    ...(Object.keys(certificates).length > 0 ? ['kubeconfig: certificates are those of an embedded cluster only'] : []),
  ];
}
