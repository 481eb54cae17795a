import { basename, resolve } from 'node:path';
import type { Scenario, VariantSpec } from '../model.ts';
import { assemble } from './assemble.ts';
import { certificateSpecs } from './certificates.ts';
import { check } from './checks.ts';
import type { Complaints } from './complaints.ts';
import { faultSpecs } from './faults.ts';
import { checkFiles } from './files.ts';
import { checkLinks } from './links.ts';
import { type Known, producible } from './metrics.ts';
import { parameterValues, substitute } from './parameters.ts';
import { checkJudged, checkReferences } from './references.ts';
import { changeable, scenarioSchema } from './schema.ts';
import { serverSpecs } from './servers.ts';
import { stopRules } from './stop.ts';
import { nearest } from './suggest.ts';
import { criteria } from './thresholds.ts';
import {
  asWritten,
  entriesOf,
  find,
  itemsOf,
  type MapTree,
  merge,
  only,
  type Tree,
  textOf,
  textsOf,
  without,
} from './tree.ts';
import { askedFor, type LocatedVariant } from './variants.ts';

/** What is taken as it is written, so that a flag `1.10` or `false` keeps its spelling. */
const TEXTS = [
  ['applies-to'],
  ['cluster', 'kubernetes'],
  ['cluster', 'components', '*', 'version'],
  ['cluster', 'components', '*', 'flags', '*'],
  ['cluster', 'components', '*', 'env', '*'],
  ['cluster', 'servers', '*', 'env', '*'],
  ['cluster', 'servers', '*', 'args', '*'],
] as const;

/** Complains of misspelt keys and goes on as if they were right, lest all that they hold seem to be missing. */
function repair(tree: MapTree, complaints: Complaints): MapTree {
  const known = Object.keys(scenarioSchema.shape);
  const entries = new Map(tree.entries);
  for (const [key, entry] of tree.entries) {
    if (known.includes(key)) continue;
    complaints.add(entry.keyAt, { what: `unknown key "${key}"`, word: key, known: [...known, 'variants', 'on'] });
    entries.delete(key);
    const meant = nearest(key, known);
    if (meant !== undefined && !entries.has(meant)) entries.set(meant, entry);
  }
  return { ...tree, entries };
}

/** One variant on one provider; undefined where anything is wrong. */
export async function decodeVariant(given: {
  tree: MapTree;
  spec: LocatedVariant;
  provider: string;
  set: Readonly<Record<string, string>>;
  /** Merged after the variant's own. */
  change: MapTree | undefined;
  known: Known | undefined;
  folder: string;
  complaints: Complaints;
}): Promise<Scenario | undefined> {
  const { spec, known, folder, complaints } = given;
  const base = repair(without(given.tree, ['variants', 'on']), complaints);
  const change = spec.entry?.value;
  const onProvider = changed(base, find(given.tree, ['on', given.provider]));
  const merged = changed(changed(onProvider, change), given.change);
  const values = parameterValues(base, merged, given.set, complaints);
  const asksFor = change ? askedFor(change, values, complaints) : [];
  if (merged.kind !== 'map') return undefined;
  let tree = substitute(merged, values, complaints);
  for (const path of TEXTS) tree = asWritten(tree, path);

  const decoded = check(scenarioSchema, tree, complaints);
  checkReferences(tree, values, known, complaints);
  await checkFiles(tree, { folder, values, known, complaints });
  checkJudged(tree, spec.expect, spec.entry?.keyAt ?? 0, complaints);
  const metrics = known ? producible(tree, known, complaints) : undefined;
  const phases = entriesOf(tree, 'phases').map(([name]) => name);
  const servers = entriesOf(tree, 'cluster', 'servers').map(([name]) => name);
  const links = entriesOf(tree, 'cluster', 'links').map(([name]) => name);
  const own = textsOf(change, 'runs-on');
  const runsOn = own.length > 0 ? own : textsOf(tree, 'runs-on');
  const inPods = given.provider !== 'embedded' && runsOn.includes(given.provider);
  const dns = inPods ? undefined : servers.filter((name) => portsOf(tree, name).includes('metrics'));
  const around = { phases, metrics, known, servers, links, dns, complaints };
  const faults = faultSpecs(tree, known?.faults, complaints);
  const evidence = criteria(tree, 'evidence', around);
  const signature = criteria(tree, 'signature', around);
  const limits = criteria(tree, 'limits', around);
  const stop = stopRules(tree, around);
  checkLinks(tree, known?.faults, complaints);
  const texts = await serverSpecs(tree, decoded?.cluster.servers ?? {}, { folder, values, complaints });
  const certificates = decoded ? certificateSpecs(tree, decoded.cluster, complaints) : {};
  if (!decoded || complaints.size > 0) return undefined;
  const variant: VariantSpec = {
    name: spec.name,
    what: spec.what,
    expect: spec.expect,
    ...(asksFor.length > 0 && { asksFor }),
  };
  const judged = { evidence, signature, limits, ...(stop.length > 0 && { stop }) };
  return assemble(decoded, {
    id: basename(resolve(folder)),
    folder: resolve(folder),
    variant,
    values,
    faults,
    servers: texts,
    certificates,
    runsOn: own.length > 0 ? own : decoded['runs-on'],
    judged,
  });
}

const portsOf = (tree: Tree, server: string) =>
  itemsOf(tree, 'cluster', 'servers', server, 'ports').flatMap((port) => textOf(port) ?? []);

function changed(tree: Tree, change: Tree | undefined): Tree {
  return change?.kind === 'map' ? merge(tree, only(change, changeable)) : tree;
}
