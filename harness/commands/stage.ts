import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ask } from '../access/ask.ts';
import {
  type Cluster,
  type ClusterProvider,
  type ObjectsSpec,
  RefusedError,
  type Run,
  type Scenario,
} from '../model.ts';
import type { Stage } from '../run/conductor.ts';
import { loadImage } from '../tools/workload-table.ts';
import type { Ambient } from './ambient.ts';
import { k6For, type Provided, reasonsAgainst, systemWishes, toolOf, versionOf, wishes } from './needs.ts';
import { contextOf, isOwn, type Target, targetFor } from './target.ts';
import { requireSafe } from './their-guard.ts';
import { labelled, requireFreeNames } from './their-objects.ts';
import { requireRoom } from './their-room.ts';

/** Chooses and wires everything that plays in a run of this scenario. Throws RefusedError with every reason. */
export async function makeStage(
  scenario: Scenario,
  provided: Provided,
  asked: Target | undefined,
  run: Run,
  env: Ambient['env'],
): Promise<Stage> {
  const [{ probes }, { faults }] = await Promise.all([import('../probes/table.ts'), import('../faults/table.ts')]);
  const system = systemWishes([scenario], asked).map((name): { name: string; version?: string } => ({ name }));
  for (const wish of [...wishes([scenario], asked), ...system]) {
    const { name, version, path, source, expected } = toolOf(provided, wish.name, wish.version);
    run.journal.append({ kind: 'tool', name, version, path, source, expected });
  }
  const { provider, kubernetes } = await providerOf(scenario, provided, targetFor(scenario, asked), env);
  const reasons = reasonsAgainst(scenario, asked, kubernetes);
  const { existing } = targetFor(scenario, asked);
  if (existing !== undefined && scenario.installs.length + scenario.objects.length > 0) {
    // Neither objects in namespaces of others nor what a chart's hooks create have an undo yet.
    reasons.push(`${scenario.id} creates objects that could not be taken back from ${existing}`);
  }
  const unavailable = await provider.unavailable(scenario.cluster);
  if (unavailable !== undefined) reasons.push(`${provider.name}: ${unavailable}`);
  refuse(reasons);
  return {
    provider,
    probes: scenario.probes.map((name) => {
      const make = probes.get(name);
      if (!make) throw new RefusedError(`no probe "${name}"`);
      return make();
    }),
    loads: [...(await loadsOf(scenario, provided)), ...(await installsOf(scenario, provided))],
    faults: scenario.faults.map((spec) => {
      const kind = faults.get(spec.fault);
      if (!kind) throw new RefusedError(`no fault "${spec.fault}"`);
      return { spec, fault: kind.make(spec) };
    }),
    // The version of an image or a cluster of the user's is known only now.
    watchSwitch: async (cluster, run, halt) => {
      const { watchSwitch, blindAtMost } = await import('../safety/switch.ts');
      const { apiOutage, haltBlindAfter = isOwn(targetFor(scenario, asked)) ? undefined : blindAtMost } = scenario;
      return watchSwitch(cluster, run, { halt, blindAfter: apiOutage ? undefined : haltBlindAfter });
    },
    admit: async (cluster, run) => {
      if (kubernetes === undefined) refuse(reasonsAgainst(scenario, asked, await versionOfCluster(cluster, run)));
    },
    // Of the run's own nothing stays.
    ...((existing !== undefined || provider.name === 'kubeconfig') && {
      residue: new (await import('../safety/residue.ts')).Watch(),
    }),
    prepare: (phase, cluster, run) => createObjects(scenario, phase, cluster, run),
  };
}

function refuse(reasons: readonly string[]): void {
  if (reasons.length > 0) throw new RefusedError(reasons.join('\n'));
}

async function versionOfCluster(cluster: Cluster, run: Run): Promise<string> {
  const { KubeClient } = await import('../kube/client.ts');
  await using client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
  const { gitVersion } = await client.get<{ gitVersion: string }>('/version');
  return gitVersion.replace(/^v/, '');
}

async function providerOf(
  scenario: Scenario,
  provided: Provided,
  target: Target,
  env: Ambient['env'],
): Promise<{ provider: ClusterProvider; kubernetes: string | undefined }> {
  const { image, archives } = provided;
  if (target.provider === 'kind') {
    const { kind } = await import('../cluster/kind.ts');
    const provider = kind({
      kind: toolOf(provided, 'kind').path,
      archives,
      env,
      ...(image === undefined ? {} : { image }),
      ...(target.existing === undefined ? {} : { existing: target.existing }),
    });
    return { provider, kubernetes: image?.kubernetes };
  }
  if (target.provider === 'kubeconfig') {
    const { theirs } = await import('../cluster/kubeconfig.ts');
    const refuse = async (ask: Ask, uid: string) => {
      // Once more: between the plan and this moment the cluster, or where the context leads, may have changed.
      await requireSafe(scenario, target, { ask, uid });
      await requireFreeNames(scenario, ask);
      await requireRoom(scenario, ask);
    };
    return { provider: theirs({ ...contextOf(target), refuse }), kubernetes: undefined };
  }
  const { embedded } = await import('../cluster/embedded.ts');
  const tool = (name: string, version?: string) => toolOf(provided, name, versionOf(scenario, name, version));
  return {
    provider: embedded((name, version) => tool(name, version).path),
    kubernetes: tool('kube-apiserver').version,
  };
}

async function loadsOf(scenario: Scenario, provided: Provided): Promise<Stage['loads']> {
  if (scenario.load.length === 0) return [];
  const [{ k6Load }, { spreadLoad }] = await Promise.all([import('../load/k6.ts'), import('../load/pods/spread.ts')]);
  return scenario.load.map((spec) => {
    const script = { ...spec, script: join(scenario.folder, spec.script) };
    const { pods } = spec;
    if (pods !== undefined) {
      const image = provided.archives.get(loadImage)?.reference;
      if (image === undefined) throw new RefusedError(`no image ${loadImage} was provided for load ${spec.name}`);
      return { during: spec.during, ...spreadLoad(script, { pods, image }) };
    }
    return { during: spec.during, offer: k6Load(script, toolOf(provided, k6For(scenario, spec)).path).offer };
  });
}

async function installsOf(scenario: Scenario, provided: Provided): Promise<Stage['loads']> {
  if (scenario.installs.length === 0) return [];
  const { helmInstall } = await import('../load/helm.ts');
  const helm = toolOf(provided, 'helm').path;
  return scenario.installs.map((spec) => {
    // A chart of the scenario's own, or anything that helm understands.
    const own = join(scenario.folder, spec.chart);
    const { offer } = helmInstall({ ...spec, chart: existsSync(own) ? own : spec.chart }, { helm });
    return { during: spec.during, offer };
  });
}

/** Creates what is to be created at the start of a phase; what names none belongs to the first. */
async function createObjects(scenario: Scenario, phase: string, cluster: Cluster, run: Run): Promise<void> {
  const first = scenario.phases[0]?.name;
  const objects = scenario.objects.filter(({ during = first }) => during === phase);
  if (objects.length === 0) return;
  const [{ KubeClient }, { applyMany, createMany }, { rolledOut }, { renderMany }] = await Promise.all([
    import('../kube/client.ts'),
    import('../kube/apply.ts'),
    import('../kube/rollout.ts'),
    import('../kube/manifest.ts'),
  ]);
  await using client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal, paced: false });
  const create = async ({ manifest, count, apply = false, after = 0 }: ObjectsSpec) => {
    await sleep(after, undefined, { signal: run.signal });
    const template = await readFile(join(scenario.folder, manifest), 'utf8');
    const started = run.clock.now();
    const rendered = renderMany(template, scenario.parameters, count);
    const all = apply ? [...rendered] : cluster.theirs ? [...rendered].map((one) => labelled(one, run.mark)) : rendered;
    const options = { concurrency: 20, signal: run.signal, ...(cluster.theirs && { ours: run.mark }) };
    const made = await (apply ? applyMany : createMany)(client, all, options);
    // What is changed serves already: from here on it is to serve as it was asked for, and nothing former beside it.
    if (apply) for (const object of all) await rolledOut(client, object, run);
    const seconds = (run.clock.now() - started) / 1000;
    run.journal.append({
      kind: 'progress',
      text: `${apply ? 'applied' : 'created'} ${made} from ${manifest} in ${seconds.toFixed(1)} s`,
    });
  };
  // In the order of the file: a namespace comes before what lies in it. What comes later holds nobody up.
  for (const spec of objects.filter(({ after }) => after === undefined)) await create(spec);
  await Promise.all(objects.filter(({ after }) => after !== undefined).map(create));
}
