import type { FaultKind } from '../model.ts';
import type { Complaints } from './complaints.ts';
import { TAKEN } from './servers.ts';
import { entriesOf, find, itemsOf, type Tree, textOf } from './tree.ts';

/** What can be wrong with `cluster.links`, and with the links that faults name, although each word is known. */
export function checkLinks(
  tree: Tree,
  kinds: ReadonlyMap<string, Pick<FaultKind, 'parameters'>> | undefined,
  complaints: Complaints,
): void {
  const links = entriesOf(tree, 'cluster', 'links');
  const names = links.map(([name]) => name);
  const servers = entriesOf(tree, 'cluster', 'servers').map(([name]) => name);
  const used = new Set<string>();
  for (const [name, { keyAt, value }] of links) {
    if (TAKEN.includes(name) || servers.includes(name)) {
      const expected = 'another name: a component or a server has it';
      complaints.add(keyAt, { what: `a link cannot be called "${name}"`, expected });
    }
    const [from, to] = [find(value, ['from']), find(value, ['to'])];
    const [near, far] = [textOf(from), textOf(to)];
    if (near === undefined || far === undefined || !from || !to) continue;
    const right = near === 'kube-apiserver' ? 'etcd' : 'kube-apiserver';
    if (far !== right && ['kube-apiserver', 'etcd'].includes(far))
      complaints.add(to.at, { what: `${near} does not speak to ${far}`, expected: right });
    if (used.has(near)) complaints.add(from.at, { what: `${near} has two links`, expected: 'one' });
    used.add(near);
    if (!present(tree, near))
      complaints.add(from.at, { what: `this cluster has no ${near}`, expected: 'it among its components' });
  }
  for (const item of itemsOf(tree, 'faults')) {
    const node = find(item, ['link']);
    const named = textOf(node);
    if (!node || named === undefined || !kinds?.get(textOf(find(item, ['fault'])) ?? '')?.parameters['link']) continue;
    if (!names.includes(named)) complaints.add(node.at, { what: `unknown link "${named}"`, word: named, known: names });
  }
}

/** As `componentsOf` of the embedded cluster has it; what is misspelt is told elsewhere. */
function present(tree: Tree, component: string): boolean {
  if (component === 'kube-apiserver' || !TAKEN.includes(component)) return true;
  if (find(tree, ['cluster', 'components', component])) return true;
  const nodes = find(tree, ['cluster', 'nodes']);
  return component === 'kwok-controller' && nodes?.kind === 'scalar' && nodes.value !== 0;
}
