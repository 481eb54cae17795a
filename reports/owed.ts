/** What a debt is about, for people: the path, the object, the container or the unit. */
import type { Debt, NodeRef, OwnApi } from '../harness/model.ts';

export function debtText(debt: Debt): string {
  const parts = [
    'node' in debt ? nodeText(debt.node) : '',
    'container' in debt ? `container ${debt.container.slice(0, 12)}` : '',
    'pid' in debt ? `process ${debt.pid}` : '',
    'unit' in debt ? debt.unit : '',
    'device' in debt ? `device ${debt.device}` : '',
    'resource' in debt ? debt.resource : '',
    'name' in debt ? debt.name : '',
    'path' in debt ? debt.path : '',
    'cluster' in debt && debt.cluster ? `of context ${debt.cluster.context}` : '',
  ];
  return parts.filter(Boolean).join(' ');
}

function nodeText(node: NodeRef | OwnApi): string {
  if (node.via === 'own-api') return '';
  return node.via === 'docker' ? `container ${node.container.slice(0, 12)}` : `pod ${node.namespace}/${node.pod}`;
}
