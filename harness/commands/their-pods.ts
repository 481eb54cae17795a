import type { KubeObject } from '../kube/client.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What lets a pod reach its node, or choose it. */
const pod = ['hostNetwork', 'hostPID', 'hostIPC', 'nodeName', 'priority', 'tolerations'];
const service = ['externalIPs', 'loadBalancerIP', 'externalName'];

/**
 * Why an object would reach beyond the run's own namespaces in a cluster of somebody's, one phrase each: its pods their node or the place of
 * other pods, a service the network outside. `classes`: the PriorityClasses that the scenario itself creates.
 */
export function reachesOut(object: KubeObject, classes: ReadonlySet<string>): string[] {
  const { kind = '', metadata } = object;
  const what = `${kind} ${metadata.name}`;
  const spec = fieldsOf(object['spec']);
  if (kind === 'Service') {
    const type = spec['type'] ?? 'ClusterIP';
    return [
      ...(type === 'ClusterIP' ? [] : [`${what} is of the type ${String(type)}: it would be seen from outside`]),
      ...service.filter((field) => spec[field] !== undefined).map((field) => `${what} has ${field}`),
    ];
  }
  const of = kind === 'Pod' ? spec : podSpecIn(spec);
  if (of === undefined) return [];
  const { priorityClassName: name } = of;
  const volumes = [of['volumes']].flat().filter((volume) => fieldsOf(volume)['hostPath'] !== undefined);
  const containers = ['containers', 'initContainers'].flatMap((field) => [of[field] ?? []].flat());
  const privileged = containers.some((one) => {
    const { privileged, capabilities } = fieldsOf(fieldsOf(one)['securityContext']);
    return privileged === true || fieldsOf(capabilities)['add'] !== undefined;
  });
  return [
    ...pod
      .filter((field) => of[field] !== undefined && of[field] !== false)
      .map((field) => `pods of ${what} have ${field}`),
    ...(volumes.length > 0 ? [`pods of ${what} have a hostPath`] : []),
    ...(privileged ? [`pods of ${what} are privileged, or have capabilities added`] : []),
    ...(name === undefined || classes.has(String(name))
      ? []
      : [`pods of ${what} have the priority class ${String(name)}, which the scenario does not create`]),
  ];
}

/** Of a template, or of a CronJob's. */
function podSpecIn(spec: Fields): Fields | undefined {
  const template = fieldsOf(spec['template'] ?? fieldsOf(fieldsOf(spec['jobTemplate'])['spec'])['template']);
  return template['spec'] === undefined ? undefined : fieldsOf(template['spec']);
}

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
