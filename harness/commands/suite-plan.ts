import { dirname, resolve } from 'node:path';
import { RefusedError, type Scenario, ScenarioError } from '../model.ts';
import { readSuite, type SuiteEntry } from '../scenario/suite.ts';
import { entriesOf } from '../scenario/tree.ts';
import type { Ambient } from './ambient.ts';
import { type ConsentOptions, requireConsent } from './consent.ts';
import { loadMany, scenarioFolder } from './find.ts';
import { type Again, withMeasured } from './measured.ts';
import { allReasons, type Provided, provideAll } from './needs.ts';
import { tellLeft } from './prove.ts';
import { type Target, type TargetOptions, targetFor, targetOf } from './target.ts';

/** One run of a suite, as it is to be played. */
export interface PlannedRun {
  readonly scenario: Scenario;
  readonly mode: 'prove' | 'run';
  /** As `--cluster` and `--image` have it. */
  readonly target: TargetOptions;
  /** What sets it apart from a plain run: `pods=500, phases changed`; empty where nothing does. */
  readonly different: string;
  /** What decodes it once more. */
  readonly once: Again;
}

/** Decodes a suite and every scenario in it. Throws one ScenarioError with every complaint; nothing is started. */
export async function planSuite(file: string, options: TargetOptions, ambient: Ambient): Promise<PlannedRun[]> {
  const path = resolve(ambient.cwd, file);
  const context = targetOf(options)?.context;
  const { entries, complaints } = await readSuite(path, file);
  if (context !== undefined && entries.length > 0 && entries.every(({ cluster }) => cluster !== undefined))
    throw new RefusedError(`--context ${context}: every entry of ${file} names a cluster of its own`);
  const beside: string[] = [];
  const runs: PlannedRun[] = [];
  for (const entry of entries) {
    try {
      runs.push(...(await runsOf(entry, dirname(path), options, ambient)));
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      beside.push(...error.complaints);
    }
  }
  // What an entry says of itself is in both.
  const all = new Set([...complaints.lines, ...beside]);
  if (all.size > 0) throw new ScenarioError(inOrder([...all], file));
  return runs;
}

/** Those about the suite's file in the order of its lines, then those about scenarios. */
function inOrder(lines: readonly string[], file: string): string[] {
  const placed = lines.map((text) => {
    const [, line, column] = text.startsWith(`${file}:`) ? (/^:(\d+):(\d+): /.exec(text.slice(file.length)) ?? []) : [];
    return { text, place: line === undefined ? Infinity : Number(line) * 1e6 + Number(column) };
  });
  return placed.sort((one, other) => (one.place === other.place ? 0 : one.place - other.place)).map(({ text }) => text);
}

async function runsOf(
  { scenario: name, mode, cluster, asked }: SuiteEntry,
  cwd: string,
  options: TargetOptions,
  ambient: Ambient,
): Promise<PlannedRun[]> {
  const { complaints, at } = asked;
  const folder = await scenarioFolder(name, { ...ambient, cwd }).catch((error: unknown) => {
    if (!(error instanceof ScenarioError)) throw error;
    throw new ScenarioError(error.complaints.map((text) => `${complaints.where(at)}: ${text}`));
  });
  const target = targetOfEntry(cluster, options);
  const provider = targetOf(target)?.provider;
  const choice = { ...(provider === undefined ? {} : { on: provider }), asked };
  const { scenarios, left, runsOn } = await loadMany(folder, choice);
  tellLeft(name, left, ambient);
  if (scenarios.length === 0) {
    const what = `"${name}" has no variant that runs on ${provider ?? 'any cluster'} and asks for nothing`;
    complaints.add(at, { what, expected: runsOn.join(' or ') });
  } else if (mode === 'prove' && scenarios.every(({ variant }) => variant.expect === 'limits')) {
    const what = `no variant of "${name}" is played here that is to break, so that nothing would be proved`;
    complaints.add(at, { what, expected: 'mode: run, or a variant that shows the failure' });
  }
  const different = differenceOf(asked);
  const set = entriesOf(asked.change, 'parameters').map(([parameter]) => parameter);
  return scenarios.map((scenario) => {
    const again = async (found: Readonly<Record<string, string>>) => {
      const [decoded] = (await loadMany(folder, { ...choice, variants: [scenario.variant.name], set: found }))
        .scenarios;
      if (decoded?.variant.name !== scenario.variant.name)
        throw new Error(
          `${scenario.id}: ${scenario.variant.name} was decoded as ${decoded?.variant.name ?? 'nothing'}`,
        );
      return decoded;
    };
    return { scenario, mode, target, different, once: { scenario, set, again } };
  });
}

/** What an entry says goes before the command line, which goes before the scenario's own file. */
function targetOfEntry(cluster: string | undefined, options: TargetOptions): TargetOptions {
  const { cluster: asked, image, context, kubeconfig, config } = options;
  if (cluster === undefined && context !== undefined && kubeconfig !== undefined)
    return { context, kubeconfig, ...(config !== undefined && { config }) };
  if (cluster === undefined) return { ...(asked && { cluster: asked }), ...(image && { image }) };
  return { cluster, ...(cluster === 'kind' && image !== undefined && { image }) };
}

function differenceOf({ set, change }: SuiteEntry['asked']): string {
  const values = Object.entries(set).map(([parameter, value]) => `${parameter}=${value}`);
  const keys = [...change.entries.keys()].filter((key) => key !== 'parameters');
  return [...values, ...keys.map((key) => `${key} changed`)].join(', ');
}

/** Throws RefusedError with every reason against any of the runs; nothing is made to know it. */
export async function refuseSuite(runs: readonly PlannedRun[]): Promise<void> {
  const reasons = await Promise.all(groupsOf(runs).map(({ scenarios, target }) => allReasons(scenarios, target)));
  if (reasons.flat().length > 0) throw new RefusedError([...new Set(reasons.flat())].join('\n'));
}

/** Shows what would be done in a cluster that somebody has, and asks. Throws RefusedError. */
export async function requireConsentToSuite(
  runs: readonly PlannedRun[],
  options: ConsentOptions,
  ambient: Ambient,
): Promise<void> {
  for (const { scenarios, target } of groupsOf(runs)) await requireConsent(scenarios, target, options, ambient);
}

/** What each target needs, by `targetKey`. Throws ToolError and RefusedError. */
export async function provideSuite(
  runs: readonly PlannedRun[],
  options: { toolsDir?: string },
  ambient: Ambient,
): Promise<ReadonlyMap<string, Provided>> {
  const provided = new Map<string, Provided>();
  for (const { key, target, scenarios } of groupsOf(runs))
    provided.set(key, await provideAll(scenarios, target, options, ambient));
  return provided;
}

/** The runs with what this host decides filled in (measured.ts). Throws ToolError. */
export async function measuredSuite(
  runs: readonly PlannedRun[],
  provided: ReadonlyMap<string, Provided>,
  options: { readonly quiet?: boolean },
  ambient: Ambient,
): Promise<readonly PlannedRun[]> {
  const [first] = runs.filter(({ scenario }) => scenario.measured !== undefined);
  const tools = first && provided.get(targetKey(first));
  if (!tools) return runs;
  const scenarios = await withMeasured(
    runs.map(({ once }) => once),
    tools,
    options,
    ambient,
  );
  return runs.map((run, index) => ({ ...run, scenario: scenarios[index] ?? run.scenario }));
}

function groupsOf(runs: readonly PlannedRun[]) {
  return [...Map.groupBy(runs, targetKey)].map(([key, some]) => ({
    key,
    target: some[0] && targetOfRun(some[0]),
    scenarios: some.map(({ scenario }) => scenario),
  }));
}

export function targetOfRun({ scenario, target }: PlannedRun): Target {
  return targetFor(scenario, targetOf(target));
}

export function targetKey(run: PlannedRun): string {
  return JSON.stringify(targetOfRun(run));
}
