import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { componentsOf, PROGRAM } from '../cluster/kwokctl.ts';
import { type Cluster, RefusedError, type Run, type Scenario } from '../model.ts';
import type { Stage } from '../run/conductor.ts';
import type { Tool, ToolWish } from '../tools/tools.ts';
import { type Ambient, placesOf } from './ambient.ts';
import { applies } from './versions.ts';

/** The outside programs that these scenarios need, each once. */
export function wishes(scenarios: readonly Scenario[]): ToolWish[] {
  const all = scenarios.flatMap((scenario): ToolWish[] => [
    { name: 'kwokctl' },
    ...componentsOf(scenario.cluster).map((name) => {
      const version = versionOf(scenario, PROGRAM[name], scenario.cluster.components[name]?.version);
      return { name: PROGRAM[name], ...(version === undefined ? {} : { version }) };
    }),
    ...(scenario.load.length > 0 ? [{ name: 'k6' } as const] : []),
  ]);
  return [...new Map(all.map((wish) => [key(wish.name, wish.version), wish])).values()];
}

/** A component's own version, else for the kube-* programs that of the cluster, else the catalogue's (undefined). */
function versionOf(scenario: Scenario, program: string, version?: string): string | undefined {
  return version ?? (program.startsWith('kube-') ? scenario.cluster.kubernetes : undefined);
}

const key = (name: string, version?: string): string => (version === undefined ? name : `${name}@${version}`);

/** Why a scenario cannot be played on the embedded cluster with this Kubernetes; `undefined`: not known yet. */
export function reasonsAgainst(scenario: Scenario, kubernetes?: string): string[] {
  const { id, runsOn, appliesTo } = scenario;
  return [
    ...(runsOn.includes('embedded') ? [] : [`${id} runs on ${runsOn.join(', ')}, not on the embedded cluster`]),
    ...(kubernetes === undefined || applies(appliesTo, kubernetes)
      ? []
      : [`${id} applies to Kubernetes ${appliesTo}; this is ${kubernetes}`]),
  ];
}

/** Provides all tools, with progress on the terminal. Throws ToolError. */
export async function provideTools(
  scenarios: readonly Scenario[],
  options: { toolsDir?: string },
  ambient: Ambient,
): Promise<Map<string, Tool>> {
  const reasons = scenarios.flatMap((scenario) => reasonsAgainst(scenario));
  if (reasons.length > 0) throw new RefusedError(reasons.join('\n'));
  const { provide } = await import('../tools/tools.ts');
  return provide(wishes(scenarios), {
    ...toolOptions(options, ambient),
    progress: (text) => ambient.err.write(`${text}\n`),
  });
}

export function toolOptions(options: { toolsDir?: string }, ambient: Ambient) {
  return {
    ...(options.toolsDir === undefined ? {} : { folder: options.toolsDir }),
    cache: placesOf(ambient).cache,
    path: ambient.env['PATH'] ?? '',
    signal: ambient.signal,
    env: ambient.env,
    progress: (_: string) => {},
  };
}

/** Chooses and wires everything that plays in a run of this scenario. */
export async function makeStage(scenario: Scenario, tools: ReadonlyMap<string, Tool>, run: Run): Promise<Stage> {
  const [{ embedded }, { probes }, { k6Load }] = await Promise.all([
    import('../cluster/embedded.ts'),
    import('../probes/table.ts'),
    import('../load/k6.ts'),
  ]);
  const tool = (name: string, version?: string): Tool => {
    const id = key(name, versionOf(scenario, name, version));
    const found = tools.get(id);
    if (!found) throw new RefusedError(`no ${id} was provided`);
    return found;
  };
  for (const wish of wishes([scenario])) {
    const { name, version, path, source, expected } = tool(wish.name, wish.version);
    run.journal.append({ kind: 'tool', name, version, path, source, expected });
  }
  const provider = embedded((name, version) => tool(name, version).path);
  const reasons = reasonsAgainst(scenario, tool('kube-apiserver').version);
  const unavailable = await provider.unavailable(scenario.cluster);
  if (unavailable !== undefined) reasons.push(`${provider.name}: ${unavailable}`);
  if (reasons.length > 0) throw new RefusedError(reasons.join('\n'));
  return {
    provider,
    probes: scenario.probes.map((name) => {
      const make = probes.get(name);
      if (!make) throw new RefusedError(`no probe "${name}"`);
      return make();
    }),
    loads: scenario.load.map((spec) => {
      const script = { ...spec, script: join(scenario.folder, spec.script) };
      return { spec, offer: k6Load(script, tool('k6').path).offer };
    }),
    faults: [],
    prepare: (cluster, run) => createObjects(scenario, cluster, run),
  };
}

async function createObjects(scenario: Scenario, cluster: Cluster, run: Run): Promise<void> {
  const [{ KubeClient }, { createMany }, { renderMany }] = await Promise.all([
    import('../kube/client.ts'),
    import('../kube/apply.ts'),
    import('../kube/manifest.ts'),
  ]);
  await using client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
  for (const { manifest, count } of scenario.objects) {
    const template = await readFile(join(scenario.folder, manifest), 'utf8');
    const started = run.clock.now();
    const objects = renderMany(template, scenario.parameters, count);
    const made = await createMany(client, objects, { concurrency: 20, signal: run.signal });
    const seconds = (run.clock.now() - started) / 1000;
    run.journal.append({ kind: 'progress', text: `created ${made} from ${manifest} in ${seconds.toFixed(1)} s` });
  }
}
