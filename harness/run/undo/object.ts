import { setTimeout as sleep } from 'node:timers/promises';
import type { Ask } from '../../access/ask.ts';
import type { Debt } from '../../model.ts';
import type { Clients } from '../../node/exec.ts';
import { type Kubectl, kubectlOf } from '../../node/kubectl.ts';
import { onNode } from './on-node.ts';
import { inCluster, type Within } from './own-api.ts';

/** Asked of a control-plane node's own kubectl, or, where nodes are reached through the API, of ours; of the embedded cluster's API server itself. */
export async function deleteObject(
  debt: Extract<Debt, { undo: 'delete-object' }>,
  { folder, ...clients }: Clients & Within,
): Promise<void> {
  const { node, resource, name } = debt;
  if (node.via === 'own-api') return inCluster(folder, (ask) => removeByApi(`${collections[resource]}/${name}`, ask));
  if (node.via === 'pod') return removeObject(resource, name, kubectlOf(node, clients));
  await onNode({ ...debt, node }, clients, (run) =>
    removeObject(resource, name, async (args) => {
      const command = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', '--request-timeout=20s', ...args];
      return (await run(`${resource} ${name} cannot be deleted`, command)).stdout;
    }),
  );
}

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const admission = '/apis/admissionregistration.k8s.io/v1';
const collections: Readonly<Record<Extract<Debt, { undo: 'delete-object' }>['resource'], string>> = {
  namespace: '/api/v1/namespaces',
  clusterrolebinding: `${rbac}/clusterrolebindings`,
  clusterrole: `${rbac}/clusterroles`,
  validatingadmissionpolicy: `${admission}/validatingadmissionpolicies`,
  validatingadmissionpolicybinding: `${admission}/validatingadmissionpolicybindings`,
};

async function removeByApi(path: string, ask: Ask): Promise<void> {
  for (let round = 0; (await ask('DELETE', path)) !== undefined; round++) {
    if (round === 300) throw new Error(`${path} is still there`);
    await sleep(100);
  }
}

async function removeObject(resource: string, name: string, kubectl: Kubectl): Promise<void> {
  const there = async () => (await kubectl(['get', resource, name, '--ignore-not-found', '-o', 'name'])) !== '';
  if (!(await there())) return;
  await kubectl(['delete', resource, name, '--ignore-not-found', '--wait=false']);
  for (let round = 0; await there(); round++) {
    if (round === 90) throw new Error(`${resource} ${name} is still there`);
    // A pod on a node that is down would hold its namespace for ever.
    if (resource === 'namespace' && round % 10 === 0) {
      await kubectl(['delete', 'pods', '--all', '-n', name, '--force', '--grace-period=0', '--wait=false']);
    }
    await sleep(1000);
  }
}
