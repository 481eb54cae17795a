import type { Complaints } from './complaints.ts';
import type { Known } from './metrics.ts';
import type { Parameters } from './parameters.ts';
import { entriesOf, find, itemsOf, offsetOf, type Tree, textOf } from './tree.ts';

/** Names that refer to other names: phases, identities, probes, images, parameters. Works on a tree that may be wrong elsewhere. */
export function checkReferences(
  tree: Tree,
  parameters: Parameters,
  known: Known | undefined,
  complaints: Complaints,
): void {
  const phases = entriesOf(tree, 'phases').map(([name]) => name);
  const identities = itemsOf(tree, 'cluster', 'identities').map((item) => textOf(find(item, ['user'])));

  function refer(node: Tree | undefined, what: string, words: readonly string[]): void {
    const word = textOf(node);
    if (node && word !== undefined && !words.includes(word)) {
      complaints.add(node.at, { what: `unknown ${what} "${word}"`, word, known: words });
    }
  }
  function once(nodes: readonly (Tree | undefined)[], what: string): void {
    const seen = new Set<string>();
    for (const node of nodes) {
      const name = textOf(node);
      if (!node || name === undefined) continue;
      if (seen.has(name)) complaints.add(node.at, { what: `${what} "${name}" is there twice`, expected: 'it once' });
      seen.add(name);
    }
  }

  /** The probe asks whoever has a port `metrics`, and the kernel about its port `dns`. */
  function dns(name: string, server: Tree): void {
    const ports = itemsOf(server, 'ports').map(textOf);
    if (!ports.includes('metrics') || (textOf(find(server, ['program'])) === 'coredns' && ports.includes('dns')))
      return;
    complaints.add(offsetOf(server, ['ports']), {
      what: `the probe coredns-metrics takes ${name} for a CoreDNS, since it has a port "metrics"`,
      expected: 'the program coredns and a port "dns", or another name for that port',
    });
  }

  const phasesNode = find(tree, ['phases']);
  if (phasesNode?.kind === 'map' && phases.length === 0) {
    complaints.add(phasesNode.at, { what: '"phases" is empty', expected: 'at least one' });
  }
  for (const [name, { keyAt }] of entriesOf(tree, 'phases')) {
    if (name === 'run')
      complaints.add(keyAt, { what: 'a phase cannot be called "run"', expected: 'another name: run is the whole' });
  }
  for (const [name, { keyAt }] of entriesOf(tree, 'measured')) {
    const is = parameters.get(name)?.value;
    const known = [...parameters].flatMap(([one, { value }]) => (typeof value === 'number' ? [one] : []));
    if (typeof is !== 'number')
      complaints.add(keyAt, { what: `"${name}" is no parameter that is a number`, word: name, known });
  }
  const loads = itemsOf(tree, 'load');
  for (const load of loads) {
    refer(find(load, ['during']), 'phase', phases);
    refer(
      find(load, ['as']),
      'identity',
      identities.filter((user) => user !== undefined),
    );
    for (const [name, { keyAt, value }] of entriesOf(load, 'parameters')) {
      const declared = parameters.get(name)?.value;
      if (declared === undefined) {
        complaints.add(keyAt, { what: `unknown parameter "${name}"`, word: name, known: parameters.keys() });
      } else if (value.kind === 'scalar' && typeof declared !== typeof value.value && !textOf(value)?.includes('${')) {
        const expected = `a ${typeof declared}, as in "parameters"`;
        complaints.add(value.at, { what: `parameter "${name}" is ${JSON.stringify(value.value)}`, expected });
      }
    }
  }
  const installs = itemsOf(tree, 'installs');
  for (const item of [...installs, ...itemsOf(tree, 'objects')]) refer(find(item, ['during']), 'phase', phases);
  once(
    loads.map((load) => find(load, ['name'])),
    'load',
  );
  once(
    installs.map((install) => find(install, ['release'])),
    'release',
  );
  once(
    itemsOf(tree, 'cluster', 'identities').map((item) => find(item, ['user'])),
    'identity',
  );
  once(itemsOf(tree, 'probes'), 'probe');
  const probes = itemsOf(tree, 'probes').map(textOf);
  if (probes.includes('coredns-metrics'))
    for (const [name, { value }] of entriesOf(tree, 'cluster', 'servers')) dns(name, value);
  if (!known) return;
  for (const probe of itemsOf(tree, 'probes')) refer(probe, 'probe', [...known.metrics.keys()]);
  for (const image of itemsOf(tree, 'cluster', 'kind', 'images')) refer(image, 'image', known.images);
  refer(find(tree, ['cluster', 'kind', 'shape']), 'shape', known.shapes);
}

/** What a variant expects must be there to be judged. */
export function checkJudged(tree: Tree, expect: string | undefined, variantAt: number, complaints: Complaints): void {
  if (expect === 'signature' && itemsOf(tree, 'signature').length === 0) {
    const at = find(tree, ['signature']) ? offsetOf(tree, ['signature']) : variantAt;
    complaints.add(at, {
      what: 'a variant expects the signature, but "signature" is empty',
      expected: 'at least one threshold',
    });
  }
}
