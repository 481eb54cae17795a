import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { checkManifest } from '../kube/manifest.ts';
import { promised } from '../load/metrics.ts';
import { type Scenario, ScenarioError, type VariantSpec } from '../model.ts';
import { probeMetrics } from '../probes/metrics.ts';
import type { Known } from '../scenario/decode.ts';
import { discover } from '../scenario/discover.ts';
import { nearest } from '../scenario/suggest.ts';
import { type Ambient, shippedScenarios } from './ambient.ts';

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
  readonly set: Record<string, string>;
}

/** No provider announces a capability yet. */
const known: Known = { metrics: probeMetrics, promised, faults: [], capabilities: [], manifest: checkManifest };

/** Decodes one variant. Throws ScenarioError with every complaint. */
export async function load(folder: string, choice: Choice): Promise<Scenario> {
  const { decode } = await import('../scenario/decode.ts');
  return decode(folder, { ...choice, known });
}

export async function variantsOf(folder: string): Promise<readonly VariantSpec[]> {
  const { variants } = await import('../scenario/decode.ts');
  return variants(folder, known);
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
