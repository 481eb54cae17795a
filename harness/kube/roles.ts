type Labels = Readonly<Record<string, string>>;

const ROLE = 'node-role.kubernetes.io/';
const CONTROLLING = new Set(['control-plane', 'master', 'etcd', 'controlplane']);

/** The roles that a node's labels give it. */
export function rolesOf(labels: Labels = {}): readonly string[] {
  return Object.keys(labels).flatMap((label) => (label.startsWith(ROLE) ? label.slice(ROLE.length) : []));
}

/** Whether the control plane, or what it keeps its state in, runs there. */
export const isControlPlane = (labels?: Labels): boolean => rolesOf(labels).some((role) => CONTROLLING.has(role));
