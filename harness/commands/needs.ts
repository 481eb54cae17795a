import { join } from 'node:path';
import { componentsOf, PROGRAM } from '../cluster/kwokctl.ts';
import { importsExtension } from '../load/extensions.ts';
import { type LoadSpec, RefusedError, type Scenario } from '../model.ts';
import { isSystem, type SystemName, systemTool } from '../tools/system.ts';
import type { Tool, ToolName, ToolOptions, ToolWish } from '../tools/tools.ts';
import { workloadTable } from '../tools/workload-table.ts';
import { type Ambient, placesOf } from './ambient.ts';
import { refusedBeforehand } from './beforehand.ts';
import { type Target, targetFor } from './target.ts';
import { applies } from './versions.ts';

export interface NodeImage {
  readonly reference: string;
  /** Unknown for an image that the user names. */
  readonly kubernetes?: string;
}

/** Everything from outside that scenarios need, made ready. */
export interface Provided {
  readonly tools: ReadonlyMap<string, Tool>;
  readonly image?: NodeImage;
  /** Images that are loaded into nodes, by their name. */
  readonly archives: ReadonlyMap<string, { readonly reference: string; readonly archive: string }>;
}

/** The outside programs that these scenarios need, each once. */
export function wishes(scenarios: readonly Scenario[], asked: Target | undefined): ToolWish[] {
  const all = scenarios.flatMap((scenario) => {
    const some = clusterWishes(scenario, targetFor(scenario, asked));
    if (scenario.measured !== undefined) some.push({ name: 'coredns' });
    some.push(...scenario.load.map((load) => ({ name: k6For(scenario, load) })));
    if (scenario.installs.length > 0) some.push({ name: 'helm' });
    return some;
  });
  return [...new Map(all.map((wish) => [keyOf(wish), wish])).values()];
}

function clusterWishes(scenario: Scenario, { provider }: Target): ToolWish[] {
  if (provider === 'kubeconfig') return [];
  return provider === 'kind' ? [{ name: 'kind' }] : embeddedWishes(scenario);
}

/** The k6 that a load is for: the published one, unless its script imports an extension or pods have to report what they measure. */
export function k6For({ folder }: Scenario, { script, pods }: LoadSpec): 'k6' | 'k6-ordeal' {
  return pods !== undefined || importsExtension(join(folder, script)) ? 'k6-ordeal' : 'k6';
}

function embeddedWishes(scenario: Scenario): ToolWish[] {
  const components = componentsOf(scenario.cluster).map((name): ToolWish => {
    const version = versionOf(scenario, PROGRAM[name], scenario.cluster.components[name]?.version);
    return { name: PROGRAM[name], ...(version === undefined ? {} : { version }) };
  });
  const servers = programsOf(scenario).filter((name) => !isSystem(name)) as ToolName[];
  return [{ name: 'kwokctl' }, ...components, ...servers.map((name) => ({ name }))];
}

const programsOf = ({ cluster: { servers = [] } }: Scenario) => servers.map(({ program }) => program);

/** The programs of the system's own packages that these scenarios need, each once. */
export function systemWishes(scenarios: readonly Scenario[], asked: Target | undefined): SystemName[] {
  const names = scenarios.flatMap((scenario) =>
    targetFor(scenario, asked).provider === 'embedded'
      ? programsOf(scenario)
      : (scenario.cluster.kind?.images ?? []).flatMap((image) => workloadTable.get(image)?.system ?? []),
  );
  return [...new Set(names.filter(isSystem))];
}

/** A component's own version, else for the kube-* programs that of the cluster, else the catalogue's (undefined). */
export function versionOf(scenario: Scenario, program: string, version?: string): string | undefined {
  return version ?? (program.startsWith('kube-') ? scenario.cluster.kubernetes : undefined);
}

const keyOf = ({ name, version }: { readonly name: string; readonly version?: string }): string =>
  version === undefined ? name : `${name}@${version}`;

/** One of the tools provided. Throws RefusedError. */
export function toolOf({ tools }: Provided, name: string, version?: string): Tool {
  const id = keyOf({ name, ...(version === undefined ? {} : { version }) });
  const found = tools.get(id);
  if (!found) throw new RefusedError(`no ${id} was provided`);
  return found;
}

/** Why a scenario cannot be played there with this Kubernetes; `undefined`: not known yet. */
export function reasonsAgainst(scenario: Scenario, asked: Target | undefined, kubernetes?: string): string[] {
  const { id, runsOn, appliesTo } = scenario;
  const { provider } = targetFor(scenario, asked);
  return [
    ...(runsOn.includes(provider)
      ? []
      : [`${id} (${scenario.variant.name}) runs on ${runsOn.join(', ')}, not on ${provider}`]),
    ...scenario.load.flatMap((load) => reasonsAgainstPods(load, provider)),
    ...(kubernetes === undefined || applies(appliesTo, kubernetes)
      ? []
      : [`${id} applies to Kubernetes ${appliesTo}; this is ${kubernetes}`]),
  ];
}

function reasonsAgainstPods({ name, pods, from }: LoadSpec, provider: Target['provider']): string[] {
  if (pods === undefined) return [];
  return [
    ...(provider === 'embedded'
      ? [`load ${name} is offered by ${pods} pods, and the embedded cluster has no kubelets to run them`]
      : []),
    ...(provider === 'kubeconfig'
      ? [`load ${name} is offered by ${pods} pods, whose image is in no registry from which your nodes could have it`]
      : []),
    ...(from === undefined ? [] : [`load ${name} comes from ${from}, which is none of its pods' addresses`]),
  ];
}

/** Everything that speaks against playing these scenarios there, each once; nothing is made to know it. */
export async function allReasons(scenarios: readonly Scenario[], asked: Target | undefined): Promise<string[]> {
  const reasons = scenarios.flatMap((scenario) => reasonsAgainst(scenario, asked));
  for (const scenario of scenarios) reasons.push(...(await refusedBeforehand(scenario, targetFor(scenario, asked))));
  return [...new Set(reasons)];
}

/** Provides tools and images, with progress on the terminal. Throws ToolError and RefusedError. */
export async function provideAll(
  scenarios: readonly Scenario[],
  asked: Target | undefined,
  options: { toolsDir?: string },
  ambient: Ambient,
): Promise<Provided> {
  const reasons = await allReasons(scenarios, asked);
  if (reasons.length > 0) throw new RefusedError(reasons.join('\n'));
  const { provide } = await import('../tools/tools.ts');
  const toolsFrom = { ...toolOptions(options, ambient), progress: (text: string) => ambient.err.write(`${text}\n`) };
  const onKind = scenarios.filter((scenario) => targetFor(scenario, asked).provider === 'kind');
  const own = await systemTools(systemWishes(scenarios, asked), toolsFrom);
  const all = async () => new Map<string, Tool>([...own, ...(await provide(wishes(scenarios, asked), toolsFrom))]);
  if (onKind.length === 0) return { tools: await all(), archives: new Map() };

  const { dockerUnavailable } = await import('../docker.ts');
  const unavailable = await dockerUnavailable();
  if (unavailable !== undefined) throw new RefusedError(`kind: ${unavailable}`);
  const [{ nodeImage }, { workloadImages }] = await Promise.all([
    import('../tools/node-image.ts'),
    import('../tools/workload-images.ts'),
  ]);
  const names = new Set(onKind.flatMap(({ cluster }) => cluster.kind?.images ?? []));
  const tools = await all();
  const archives = names.size > 0 ? await workloadImages([...names], toolsFrom) : new Map();
  if (asked?.existing !== undefined) return { tools, archives };
  return {
    tools,
    archives,
    image: asked?.image === undefined ? await nodeImage(toolsFrom) : { reference: asked.image },
  };
}

/** By name. Throws RefusedError with every one that is not there. */
async function systemTools(names: readonly SystemName[], options: ToolOptions): Promise<Map<string, Tool>> {
  const found = await Promise.allSettled(names.map((name) => systemTool(name, options)));
  const reasons = found.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  const other = reasons.find((reason) => !(reason instanceof RefusedError));
  if (other !== undefined) throw other;
  if (reasons.length > 0) throw new RefusedError(reasons.map(({ message }) => message).join('\n'));
  return new Map(found.flatMap((one) => (one.status === 'fulfilled' ? [[one.value.name, one.value]] : [])));
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
