import { join } from 'node:path';
import { type Scenario, ScenarioError, type VariantSpec } from '../model.ts';
import { type Asked, asChanged } from './asked.ts';
import { check } from './checks.ts';
import type { Complaints } from './complaints.ts';
import { decodeVariant } from './decode-variant.ts';
import { readText } from './files.ts';
import type { Known } from './metrics.ts';
import { parse } from './parse.ts';
import { onSchema } from './schema.ts';
import { entriesOf, find, type MapTree, moved, offsetOf, textsOf } from './tree.ts';
import { checkMeasured, type LocatedVariant, readVariants, wronglySet } from './variants.ts';

export type { Known } from './metrics.ts';

interface Around {
  /** The provider; what the file says under `on` for it is applied. When absent the first one that the scenario runs on, or else the variant. */
  readonly on?: string;
  /** `--set name=value`. */
  readonly set?: Readonly<Record<string, string>>;
  /** Names of probes (with their metrics) and faults; without it they are not checked. */
  readonly known?: Known;
}

export interface DecodeOptions extends Around {
  /** The first one of the file when absent. */
  readonly variant?: string;
}

export interface DecodeManyOptions extends Around {
  /** All that run there and ask for nothing when absent. */
  readonly variants?: readonly string[];
  readonly asked?: Asked;
}

/**
 * Decodes a scenario with one variant and the parameters applied. All other variants are checked too.
 * Throws one ScenarioError with every complaint, each with file, line and column.
 */
export async function decode(folder: string, { variant, ...around }: DecodeOptions): Promise<Scenario> {
  const { scenarios, chosen } = await decodeAll(folder, {
    ...around,
    wanted: variant === undefined ? 'first' : [variant],
  });
  return one(scenarios, chosen[0] ?? '');
}

export interface DecodedMany {
  /** In the order asked for. */
  readonly scenarios: readonly Scenario[];
  /** Variants that ask for parameters, and were not named. */
  readonly left: readonly VariantSpec[];
  /** Where any of its variants runs. */
  readonly runsOn: readonly string[];
}

/** As `decode`, several variants at once. */
export async function decodeMany(folder: string, { variants, ...around }: DecodeManyOptions): Promise<DecodedMany> {
  const { scenarios, chosen, on } = await decodeAll(folder, { ...around, wanted: variants ?? 'all' });
  const others = [...scenarios.values()].filter(({ variant, runsOn }) => {
    return runsOn.includes(on) && variant.asksFor !== undefined && !chosen.includes(variant.name);
  });
  return {
    scenarios: chosen.map((name) => one(scenarios, name)),
    left: others.map(({ variant }) => variant),
    runsOn: [...new Set([...scenarios.values()].flatMap(({ runsOn }) => runsOn))],
  };
}

/**
 * The variants of a scenario that run on a provider, in the order of the file. Throws ScenarioError as `decode` does;
 * names need `known` to be checked.
 */
export async function variants(
  folder: string,
  options: Pick<DecodeOptions, 'known' | 'on'> = {},
): Promise<VariantSpec[]> {
  const { scenarios, on } = await decodeAll(folder, { ...options, wanted: 'first' });
  return [...scenarios.values()].filter(({ runsOn }) => runsOn.includes(on)).map(({ variant }) => variant);
}

function one(scenarios: ReadonlyMap<string, Scenario>, name: string): Scenario {
  const scenario = scenarios.get(name);
  if (!scenario) throw new Error(`variant ${name} was neither decoded nor refused`);
  return scenario;
}

interface All {
  readonly scenarios: ReadonlyMap<string, Scenario>;
  readonly chosen: readonly string[];
  readonly on: string;
}

async function decodeAll(
  folder: string,
  { wanted, on, set = {}, asked, known }: Around & { wanted: Wanted; asked?: Asked },
): Promise<All> {
  const file = join(folder, 'scenario.yaml');
  const source = await readText(file, "a scenario.yaml in the scenario's folder");
  const { tree, complaints } = parse(source, file);
  if (tree && tree.kind !== 'map') complaints.add(tree.at, { what: 'the file holds no map', expected: 'a map' });
  if (tree?.kind !== 'map') {
    complaints.throwIfAny();
    throw new ScenarioError([`${file}:1:1: the file is empty; expected a map`]);
  }
  // What stands in the other file has its places behind those of this one.
  const behind = source.length + 1;
  if (asked) complaints.beside(behind, asked.complaints);

  const specs = readVariants(tree, complaints);
  checkMeasured(tree, complaints);
  const overlays = find(tree, ['on']);
  if (overlays) check(onSchema, overlays, complaints);
  const played = on ?? textsOf(tree, 'runs-on')[0] ?? '';
  const chosen = chosenOf(specs, { wanted, tree, played, on, asked, behind, complaints });
  const scenarios = new Map<string, Scenario>();
  for (const spec of specs.values()) {
    const plays = chosen.includes(spec.name);
    const around = { tree, spec, set: plays ? set : {}, known, folder, complaints };
    const own = textsOf(spec.entry?.value, 'runs-on');
    const here = on === undefined && own.length > 0 && !own.includes(played) ? (own[0] ?? played) : played;
    // What is said for other providers is checked too.
    for (const provider of new Set([here, ...entriesOf(tree, 'on').map(([name]) => name)])) {
      const change = asked && plays && provider === here ? moved(asked.change, behind) : undefined;
      const scenario = await decodeVariant({ ...around, change, provider });
      if (scenario && provider === here)
        scenarios.set(spec.name, change && asked ? asChanged({ ...scenario, source }, asked) : { ...scenario, source });
    }
  }
  complaints.throwIfAny();
  const all = [...scenarios.values()].map(({ variant }) => variant);
  for (const name of chosen) {
    const { variant } = one(scenarios, name);
    if (asked) {
      for (const what of wronglySet(variant, all, asked.set, (parameter) => `set: { ${parameter}: … }`))
        complaints.add(behind + asked.at, { what });
    } else for (const what of wronglySet(variant, all, set)) complaints.addWhole(what);
  }
  complaints.throwIfAny();
  return { scenarios, chosen, on: played };
}

type Wanted = 'first' | 'all' | readonly string[];

function chosenOf(
  specs: ReadonlyMap<string, LocatedVariant>,
  around: {
    wanted: Wanted;
    tree: MapTree;
    played: string;
    /** As somebody asked for; each variant runs where it can otherwise. */
    on: string | undefined;
    asked: Asked | undefined;
    behind: number;
    complaints: Complaints;
  },
): readonly string[] {
  const { wanted, tree, played, on, asked, behind, complaints } = around;
  const placesOf = (spec: LocatedVariant): readonly string[] => {
    const own = textsOf(spec.entry?.value, 'runs-on');
    return own.length > 0 ? own : textsOf(tree, 'runs-on');
  };
  const named =
    typeof wanted === 'string'
      ? asked?.variants?.map(({ name, at }) => ({ name, at: behind + at }))
      : wanted.map((name) => ({ name, at: offsetOf(tree, ['variants']) }));
  // A file without variants has one without a name, so that the rest is checked.
  if (named && !specs.has('')) {
    for (const { name, at } of named) {
      const spec = specs.get(name);
      if (!spec) complaints.add(at, { what: `unknown variant "${name}"`, word: name, known: specs.keys() });
      else if (asked && on !== undefined && !placesOf(spec).includes(on)) {
        complaints.add(at, {
          what: `variant "${name}" does not run on ${on}`,
          expected: placesOf(spec).join(', '),
        });
      }
    }
    return [...new Set(named.map(({ name }) => name))].filter((name) => specs.has(name));
  }
  const all = [...specs.values()];
  const willing = all.filter(
    (spec) => placesOf(spec).includes(played) && textsOf(spec.entry?.value, 'asks-for').length === 0,
  );
  return (wanted === 'first' ? all.slice(0, 1) : willing).map(({ name }) => name);
}
