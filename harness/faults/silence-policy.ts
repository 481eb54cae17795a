import type { KubeObject } from '../kube/client.ts';

/** By which user kwok speaks for all nodes of the embedded cluster; if it is another one, the evidence says that leases are renewed. */
const agent = 'system:node:kwok-controller';
const apiVersion = 'admissionregistration.k8s.io/v1';

/**
 * Refuses what the agent says of these nodes and does for their pods: lease, status, the end of a pod that was told to go. Everybody
 * else is served as before, so for the cluster it is as if the agents were dead.
 */
export function silencePolicy(name: string, nodes: readonly string[]): KubeObject {
  const these = JSON.stringify(nodes);
  const rule = (apiGroup: string, resources: readonly string[], operations: readonly string[]) => ({
    apiGroups: [apiGroup],
    apiVersions: ['v1'],
    resources,
    operations,
  });
  return {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      // Who cannot be judged is let through: nobody else must be refused by it.
      failurePolicy: 'Ignore',
      matchConstraints: {
        resourceRules: [
          rule('coordination.k8s.io', ['leases'], ['CREATE', 'UPDATE']),
          rule('', ['nodes', 'nodes/status'], ['UPDATE']),
          rule('', ['pods', 'pods/status'], ['UPDATE', 'DELETE']),
        ],
      },
      matchConditions: [
        { name: 'by-the-agent', expression: `request.userInfo.username == ${JSON.stringify(agent)}` },
        {
          name: 'of-a-silent-node',
          expression:
            `request.resource.resource == "pods" ? has(oldObject.spec.nodeName) && oldObject.spec.nodeName in ${these} : ` +
            `request.name in ${these}`,
        },
      ],
      validations: [{ expression: 'false', message: 'the agent of this node is silent', reason: 'Forbidden' }],
    },
  };
}

export function silenceBinding(name: string): KubeObject {
  return {
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  };
}
