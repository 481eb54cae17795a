import { basename, join, resolve } from 'node:path';
import { type Scenario, ScenarioError, type VariantSpec } from '../model.ts';
import { assemble } from './assemble.ts';
import { certificateSpecs } from './certificates.ts';
import { check } from './checks.ts';
import type { Complaints } from './complaints.ts';
import { faultSpecs } from './faults.ts';
import { checkFiles, readText } from './files.ts';
import { type Known, producible } from './metrics.ts';
import { parameterValues, substitute } from './parameters.ts';
import { parse } from './parse.ts';
import { checkJudged, checkReferences } from './references.ts';
import { changeable, onSchema, scenarioSchema } from './schema.ts';
import { serverSpecs } from './servers.ts';
import { nearest } from './suggest.ts';
import { criteria } from './thresholds.ts';
import {
  asWritten,
  entriesOf,
  find,
  itemsOf,
  type MapTree,
  merge,
  offsetOf,
  only,
  type Tree,
  textOf,
  without,
} from './tree.ts';
import { askedFor, type LocatedVariant, readVariants, wronglySet } from './variants.ts';

export type { Known } from './metrics.ts';

export interface DecodeOptions {
  /** The first one of the file when absent. */
  readonly variant?: string;
  /** The provider; what the file says under `on` for it is applied. The first one that the scenario runs on when absent. */
  readonly on?: string;
  /** `--set name=value`. */
  readonly set?: Readonly<Record<string, string>>;
  /** Names of probes (with their metrics) and faults; without it they are not checked. */
  readonly known?: Known;
}

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

/**
 * Decodes a scenario with one variant and the parameters applied. All other variants are checked too.
 * Throws one ScenarioError with every complaint, each with file, line and column.
 */
export async function decode(folder: string, options: DecodeOptions): Promise<Scenario> {
  const { source, scenarios, chosen } = await decodeAll(folder, options);
  const scenario = scenarios.get(chosen);
  if (!scenario) throw new Error(`${folder}: variant ${chosen} was neither decoded nor refused`);
  const wrong = wronglySet(
    scenario.variant,
    [...scenarios.values()].map(({ variant }) => variant),
    options.set ?? {},
  );
  if (wrong.length > 0) throw new ScenarioError(wrong);
  return { ...scenario, source };
}

/**
 * The variants of a scenario that run on a provider, in the order of the file. Throws ScenarioError as `decode` does;
 * names need `known` to be checked.
 */
export async function variants(
  folder: string,
  options: Pick<DecodeOptions, 'known' | 'on'> = {},
): Promise<VariantSpec[]> {
  const { scenarios, on } = await decodeAll(folder, options);
  return [...scenarios.values()].filter(({ runsOn }) => runsOn.includes(on)).map(({ variant }) => variant);
}

interface All {
  readonly source: string;
  readonly scenarios: ReadonlyMap<string, Scenario>;
  readonly chosen: string;
  readonly on: string;
}

async function decodeAll(folder: string, { variant, on, set = {}, known }: DecodeOptions): Promise<All> {
  const file = join(folder, 'scenario.yaml');
  const source = await readText(file, "a scenario.yaml in the scenario's folder");
  const { tree, complaints } = parse(source, file);
  if (tree && tree.kind !== 'map') complaints.add(tree.at, { what: 'the file holds no map', expected: 'a map' });
  if (tree?.kind !== 'map') {
    complaints.throwIfAny();
    throw new ScenarioError([`${file}:1:1: the file is empty; expected a map`]);
  }

  const specs = readVariants(tree, complaints);
  const first = [...specs.keys()][0];
  const chosen = variant ?? first ?? '';
  if (variant !== undefined && first !== undefined && !specs.has(variant)) {
    complaints.add(offsetOf(tree, ['variants']), {
      what: `unknown variant "${variant}"`,
      word: variant,
      known: specs.keys(),
    });
  }
  const overlays = find(tree, ['on']);
  if (overlays) check(onSchema, overlays, complaints);
  const providers = textsOf(tree, 'runs-on');
  const played = on ?? providers[0] ?? '';
  const scenarios = new Map<string, Scenario>();
  for (const spec of specs.values()) {
    const setHere = spec.name === chosen ? set : {};
    const around = { tree, spec, set: setHere, known, folder, complaints };
    // What is said for other providers is checked too.
    for (const provider of new Set([played, ...entriesOf(tree, 'on').map(([name]) => name)])) {
      const scenario = await decodeVariant({ ...around, provider });
      if (scenario && provider === played) scenarios.set(spec.name, scenario);
    }
  }
  complaints.throwIfAny();
  return { source, scenarios, chosen, on: played };
}

function textsOf(tree: Tree, key: string): string[] {
  return itemsOf(tree, key).flatMap((item) => textOf(item) ?? []);
}

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

async function decodeVariant(given: {
  tree: MapTree;
  spec: LocatedVariant;
  provider: string;
  set: Readonly<Record<string, string>>;
  known: Known | undefined;
  folder: string;
  complaints: Complaints;
}): Promise<Scenario | undefined> {
  const { spec, known, folder, complaints } = given;
  const base = repair(without(given.tree, ['variants', 'on']), complaints);
  const change = spec.entry?.value;
  const merged = changed(changed(base, find(given.tree, ['on', given.provider])), change);
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
  const own = change ? textsOf(change, 'runs-on') : [];
  const runsOn = own.length > 0 ? own : textsOf(tree, 'runs-on');
  const inPods = given.provider !== 'embedded' && runsOn.includes(given.provider);
  const dns = inPods ? undefined : servers.filter((name) => portsOf(tree, name).includes('metrics'));
  const around = { phases, metrics, known, servers, dns, complaints };
  const faults = faultSpecs(tree, known?.faults, complaints);
  const evidence = criteria(tree, 'evidence', around);
  const signature = criteria(tree, 'signature', around);
  const limits = criteria(tree, 'limits', around);
  const texts = await serverSpecs(tree, decoded?.cluster.servers ?? {}, { folder, values, complaints });
  const certificates = decoded ? certificateSpecs(tree, decoded.cluster, complaints) : {};
  if (!decoded || complaints.size > 0) return undefined;
  const variant: VariantSpec = {
    name: spec.name,
    what: spec.what,
    expect: spec.expect,
    ...(asksFor.length > 0 && { asksFor }),
  };
  const judged = { evidence, signature, limits };
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
