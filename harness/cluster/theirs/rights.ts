const groups = ['apps', 'batch', 'policy', 'networking.k8s.io', 'scheduling.k8s.io', 'autoscaling'];
const verbs = ['get', 'list', 'watch', 'create', 'patch'];

/** What the harness may do in a cluster of somebody's: create what scenarios do, cordon a node, evict a pod. It deletes nothing. */
export const THEIR_RIGHTS = [
  { apiGroups: groups, resources: ['*'], verbs },
  {
    apiGroups: [''],
    resources: [
      ...['namespaces', 'pods', 'services', 'configmaps', 'serviceaccounts', 'resourcequotas', 'limitranges'],
      ...['persistentvolumeclaims', 'replicationcontrollers'],
    ],
    verbs,
  },
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
  { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch', 'patch'] },
];
