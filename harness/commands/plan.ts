import { type FaultSpec, type Millis, RefusedError, type Scenario } from '../model.ts';
import { type SystemName, systemTool } from '../tools/system.ts';
import { type ToolOptions, where } from '../tools/tools.ts';
import { type Ambient, plain } from './ambient.ts';
import { refusedBeforehand } from './beforehand.ts';
import { examinedWith } from './consent.ts';
import { reasonsAgainst, systemWishes, toolOptions, wishes } from './needs.ts';
import { chosen } from './run.ts';
import { type Target, type TargetOptions, targetFor, targetOf } from './target.ts';
import { theirPlan, theirPlanText } from './their-plan.ts';

/** Prints what `run` would do. Exit 0 when it can run here, 2 when it cannot, with every reason. Starts nothing. */
export async function plan(
  name: string,
  options: { set: string[]; toolsDir?: string; variant?: string; json?: boolean } & TargetOptions,
  ambient: Ambient,
): Promise<number> {
  const scenario = await chosen(name, options, ambient);
  const asked = targetOf(options);
  const target = targetFor(scenario, asked);
  const tools = await where(wishes([scenario], asked), toolOptions(options, ambient));
  const system = await systemWhere(systemWishes([scenario], asked), toolOptions(options, ambient));
  const server = tools.find(({ wish }) => wish.name === 'kube-apiserver');
  const missing = tools.filter(({ found, would }) => found === undefined && would === undefined);
  const image = target.provider === 'kind' ? await imageFor(target, options, ambient) : undefined;
  const known = [
    ...reasonsAgainst(scenario, asked, server?.found?.version ?? server?.expected),
    ...missing.map(({ wish, why }) => `${wish.name} ${wish.version ?? ''} is not to be had: ${why}`),
    ...(await refusedBeforehand(scenario, target)),
    ...system.flatMap(({ missing }) => missing ?? []),
    ...(image?.reasons ?? []),
  ];
  const onTheirs = target.provider === 'kubeconfig' ? await examinedWith(known, [scenario], target) : undefined;
  const theirs = onTheirs?.examined[0];
  const reasons = onTheirs?.reasons ?? known;
  if (options.json) {
    const { id, variant, faults } = scenario;
    const told = {
      scenario: id,
      variant,
      target,
      faults,
      tools,
      ...(image && { image: image.text }),
      ...(theirs && (await theirPlan(theirs, target))),
      reasons,
    };
    ambient.out.write(`${JSON.stringify(told, undefined, 2)}\n`);
    return reasons.length ? 2 : 0;
  }
  const there = theirs ? await theirPlanText(theirs, target) : [];
  ambient.out.write(plain(`${[...describe(scenario, target), ...there].join('\n')}\n\ntools`));
  for (const { wish, found, would, why } of tools) {
    const from = found
      ? `${found.version}  ${found.source}  ${found.path}`
      : would
        ? `would come from ${would}`
        : `missing: ${why}`;
    ambient.out.write(`  ${wish.name.padEnd(24)}${from}\n`);
  }
  for (const { name, text } of system) ambient.out.write(plain(`  ${name.padEnd(24)}${text}`));
  if (image) ambient.out.write(plain(`  ${'node image'.padEnd(24)}${image.text}`));
  const cannot = reasons.map((reason) => `  ${reason}\n`).join('');
  ambient.out.write(plain(reasons.length ? `\ncannot run here:\n${cannot}` : '\ncan run here'));
  return reasons.length ? 2 : 0;
}

async function systemWhere(
  names: readonly SystemName[],
  options: ToolOptions,
): Promise<readonly { readonly name: SystemName; readonly text: string; readonly missing?: string }[]> {
  return Promise.all(
    names.map(async (name) => {
      try {
        const { version, source, path } = await systemTool(name, options);
        return { name, text: `${version}  ${source}  ${path}` };
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        return { name, text: `missing: ${error.message}`, missing: error.message };
      }
    }),
  );
}

/** Where the node image is or would come from, and why kind cannot be used here. */
async function imageFor(
  target: Target,
  options: { toolsDir?: string },
  ambient: Ambient,
): Promise<{ text: string; reasons: readonly string[] }> {
  const { dockerUnavailable } = await import('../docker.ts');
  const docker = await dockerUnavailable();
  const reasons = docker === undefined ? [] : [`kind: ${docker}`];
  if (target.existing !== undefined) return { text: `that of the cluster ${target.existing}`, reasons };
  if (target.image !== undefined) return { text: target.image, reasons };
  const { nodeImageWhere } = await import('../tools/node-image.ts');
  const { reference, would, why } = await nodeImageWhere(toolOptions(options, ambient));
  if (would === 'there') return { text: reference, reasons };
  if (would !== undefined) return { text: `${reference}: would ${would} it${why ? ` (${why})` : ''}`, reasons };
  return { text: `${reference}: missing`, reasons: [...reasons, `the node image is not to be had: ${why}`] };
}

function describe(scenario: Scenario, target: Target): string[] {
  const seconds = scenario.phases.reduce((sum, { duration }) => sum + duration, 0) / 1000;
  const objects = scenario.objects.map(({ manifest, count }) => `${count} × ${manifest}`).join(', ');
  const load = [
    ...scenario.load.map(({ name, script, during, as, pods }) => {
      const by = pods === undefined ? '' : ` by ${pods} ${pods === 1 ? 'pod' : 'pods'}`;
      return `${name}: ${script}${by} as ${as} during ${during}`;
    }),
    ...scenario.installs.map(({ release, chart, during }) => `helm install ${release} ${chart} during ${during}`),
  ];
  return [
    `${scenario.id}: ${scenario.question}`,
    `  incident  ${scenario.incident.from}`,
    `  variant   ${scenario.variant.name} (expect ${scenario.variant.expect}): ${scenario.variant.what}`,
    `  target    ${targetText(scenario, target)}`,
    `  objects   ${objects || 'none'}`,
    ...measuredText(scenario),
    `  phases    ${scenario.phases.map(({ name, duration }) => `${name} ${duration / 1000}s`).join(', ')} (${seconds} s)`,
    ...(target.provider === 'embedded' ? [...serversText(scenario), ...certificatesText(scenario)] : []),
    `  load      ${load.join('; ') || 'none'}`,
    `  faults    ${scenario.faults.map(faultText).join('; ') || 'none'}`,
    `  probes    ${scenario.probes.join(', ')}`,
    '  undo      every process, container, network, control group and folder, owed on disk before it is made',
  ];
}

function measuredText({ measured = {} }: Scenario): string[] {
  const all = Object.entries(measured).map(
    ([name, { dnsQueries }]) =>
      `${name}: at most what ${dnsQueries.toLocaleString('en')} DNS queries a second take here`,
  );
  return all.length === 0 ? [] : [`  measured  ${all.join(', ')}`];
}

function serversText({ cluster: { servers = [] } }: Scenario): string[] {
  const all = servers.map(({ name, program }) => `${name} (${program})`).join(', ');
  return all === '' ? [] : [`  servers   ${all}`];
}

function certificatesText({ cluster: { certificates = {} } }: Scenario): string[] {
  const seconds = (time: Millis) => `${time / 1000}s`;
  return Object.entries(certificates).map(([whose, { lifetime, renewBefore }]) => {
    const renewed = renewBefore === undefined ? 'never renewed' : `renewed ${seconds(renewBefore)} before its end`;
    return `  certs     of ${whose}, for ${seconds(lifetime)}, ${renewed}`;
  });
}

function targetText({ cluster }: Scenario, { provider, existing, context, kubeconfig }: Target): string {
  if (context !== undefined)
    return `your cluster, by the context ${context} of ${kubeconfig}: used, and left as it was`;
  if (existing !== undefined) return `your kind cluster ${existing}: used, never deleted`;
  if (provider === 'kind') return `a kind cluster of its own (${cluster.kind?.shape}), removed afterwards`;
  return `a cluster of its own on this machine, ${cluster.nodes} simulated nodes, removed afterwards`;
}

function faultText({ name, during, after, workers, parameters, deadline }: FaultSpec): string {
  const told = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
  const targets = `the first ${workers === 1 ? 'worker' : `${workers} workers`}`;
  const what = [name, ...told].join(' ');
  if (parameters['link'] !== undefined)
    return `${what}, ${after / 1000} s into ${during}; undone at its end, by itself after ${deadline / 1000} s`;
  if (workers === 0) return `${what}, ${after / 1000} s into ${during}; undone with the run`;
  return `${what} on ${targets}, ${after / 1000} s into ${during}; undone at its end, by itself after ${deadline / 1000} s`;
}
