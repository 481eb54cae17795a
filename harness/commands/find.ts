import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { faults } from '../faults/table.ts';
import { checkManifest } from '../kube/manifest.ts';
import { installMetrics } from '../load/install-metrics.ts';
import { promised } from '../load/metrics.ts';
import { type Scenario, ScenarioError, type VariantSpec } from '../model.ts';
import { probeMetrics } from '../probes/metrics.ts';
import type { DecodeManyOptions, Known } from '../scenario/decode.ts';
import { discover } from '../scenario/discover.ts';
import { nearest } from '../scenario/suggest.ts';
import { workloadNames } from '../tools/workload-table.ts';
import { failureMetrics } from '../verdict/failure-metrics.ts';
import { type Ambient, kindConfig, shippedScenarios } from './ambient.ts';

/** A scenario's folder, by its path or by the id of one that is shipped. Throws ScenarioError with the ids there are. */
export async function scenarioFolder(name: string, ambient: Ambient): Promise<string> {
  const path = resolve(ambient.cwd, name);
  if (existsSync(join(path, 'scenario.yaml'))) return path;
  if (basename(path) === 'scenario.yaml' && existsSync(path)) return dirname(path);
  const shipped = join(shippedScenarios(), name);
  if (!name.includes('/') && existsSync(join(shipped, 'scenario.yaml'))) return shipped;
  const ids = (await discover([shippedScenarios()])).map(({ id }) => id);
  const meant = nearest(basename(name), ids);
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  throw new ScenarioError([
    `no scenario "${name}": expected a folder with a scenario.yaml, or one of ${ids.join(', ')}${hint}`,
  ]);
}

export interface Choice {
  readonly variant?: string;
  /** The provider; the first one that the scenario runs on when absent. */
  readonly on?: string;
  readonly set: Record<string, string>;
}

const known: Known = {
  metrics: probeMetrics,
  promised,
  installed: installMetrics,
  derived: failureMetrics,
  faults,
  // What the kind provider announces.
  capabilities: ['psi', 'cgroup-v2', 'oom-score-adj', 'kubelet'],
  images: workloadNames,
  shapes: shapes(),
  manifest: checkManifest,
};

/** Decodes one variant. Throws ScenarioError with every complaint. */
export async function load(folder: string, choice: Choice): Promise<Scenario> {
  const { decode } = await import('../scenario/decode.ts');
  return decode(folder, { ...choice, known });
}

/** Decodes several variants of one scenario at once. Throws ScenarioError with every complaint. */
export async function loadMany(folder: string, options: Omit<DecodeManyOptions, 'known'>) {
  const { decodeMany } = await import('../scenario/decode.ts');
  return decodeMany(folder, { ...options, known });
}

/** The variants that run there. */
export async function variantsOf(folder: string, on?: string): Promise<readonly VariantSpec[]> {
  const { variants } = await import('../scenario/decode.ts');
  return variants(folder, { known, ...(on === undefined ? {} : { on }) });
}

/** The kind clusters that `kind-config` describes. */
function shapes(): string[] {
  return readdirSync(kindConfig())
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => basename(name, '.yaml'));
}

/** `["pods=20", …]` to a record. Throws ScenarioError. */
export function settings(pairs: readonly string[]): Record<string, string> {
  const values = new Map<string, string>();
  const complaints: string[] = [];
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at);
    if (at < 1) complaints.push(`--set ${pair}: expected name=value`);
    else if (values.has(name)) complaints.push(`--set ${pair}: parameter "${name}" is set twice; expected it once`);
    else values.set(name, pair.slice(at + 1));
  }
  if (complaints.length > 0) throw new ScenarioError(complaints);
  return Object.fromEntries(values);
}
