import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Ambient } from '../harness/commands/ambient.ts';
import { load, scenarioFolder, settings, variantsOf } from '../harness/commands/find.ts';
import { reloadServer } from '../harness/faults/reload-server.ts';
import { checkManifest } from '../harness/kube/manifest.ts';
import { promised } from '../harness/load/metrics.ts';
import { ScenarioError } from '../harness/model.ts';
import { probeMetrics } from '../harness/probes/metrics.ts';
import { type DecodeOptions, decode, type Known, variants } from '../harness/scenario/decode.ts';
import { discover } from '../harness/scenario/discover.ts';
import { parseIs } from '../harness/scenario/is.ts';
import { distance, nearest } from '../harness/scenario/suggest.ts';
import { parseDuration, parseSize } from '../harness/scenario/units.ts';

const scenarios = join(import.meta.dirname, '..', 'scenarios');
const known: Known = {
  metrics: probeMetrics,
  promised,
  installed: [],
  derived: [],
  faults: new Map([
    [
      'kill-etcd',
      {
        parameters: {
          memory: { type: 'bytes', help: 'how much', default: 1024, least: 1024 },
          mode: { type: 'text', help: 'how', oneOf: ['hard', 'soft'], optional: true },
          every: { type: 'duration', help: 'how often', optional: true },
        },
      },
    ],
  ]),
  capabilities: ['prometheus'],
  images: ['workload'],
  shapes: ['one-worker'],
  manifest: checkManifest,
};

const good = `question: Does it hold?
incident: { from: "Somebody, 2020", what: It broke }
runs-on: [embedded]
parameters: { pods: 30, mode: list, quick: true }
cluster:
  nodes: 3
  components:
    etcd: { version: 3.5.12, flags: { quota: 1.10 } }
    kube-apiserver: { memory: 6GiB, flags: { watch-cache: "true" } }
  identities:
    - { user: flooder, rules: [{ resources: [pods], verbs: [list] }] }
objects:
  - { manifest: pod.yaml, count: "\${pods}" }
phases: { warmup: 5s, steady: 10s, fault: 1m, recovery: 500ms }
load:
  - { name: calm, script: load.k6.ts, during: steady, as: flooder, requests: [list], parameters: { pods: 1 } }
  - { name: flood, script: load.k6.ts, during: fault, as: flooder, requests: [list], metrics: { lag: seconds, lookups: count } }
probes: [nodes, components, api-canary, audit]
variants:
  old: { what: an old etcd, expect: signature }
  new: { what: "a new etcd, \${mode}", expect: limits, cluster: { components: { etcd: { version: 3.6.0 } } }, parameters: { pods: 40 } }
evidence:
  - { metric: list.requests, take: count, during: fault, is: ">= 100" }
signature:
  - { metric: list.duration, take: p95, during: fault, is: ">= 5x steady" }
  - any:
      - { metric: etcd.memory, take: max, during: fault, is: ">= 1.5GiB" }
      - { metric: component.deaths, labels: { component: etcd }, take: count, during: fault, is: ">= 1" }
limits:
  - { metric: etcd.memory, take: max, during: fault, is: "<= 1.5x steady", floor: 10MiB }
  - { metric: api.get.duration, take: p99, during: fault, is: "<= 300ms" }
  - { metric: node.ready, per: node, take: min, during: run, is: "== 1" }
  - { metric: audit.query-time, labels: { user: flooder }, take: share, during: fault, is: "< 50%" }
`;

const pod = 'apiVersion: v1\nkind: Pod\nmetadata: { name: "pod-{{index}}" }\n';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ordeal-scenario-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function write(yaml: string): Promise<string> {
  const here = await mkdtemp(join(folder, 'case-'));
  await writeFile(join(here, 'scenario.yaml'), yaml);
  await writeFile(join(here, 'pod.yaml'), pod);
  await writeFile(join(here, 'load.k6.ts'), '');
  return here;
}

/** The complaints without the folder, e.g. `3:1: …`. */
async function complaintsOf(yaml: string, options: DecodeOptions = {}): Promise<readonly string[]> {
  const here = await write(yaml);
  try {
    await decode(here, { known, ...options });
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return error.complaints.map((line) => line.replace(`${join(here, 'scenario.yaml')}:`, ''));
  }
  return [];
}

/** The good scenario with one text replaced by another, which must be there. */
function changed(from: string, to: string, yaml: string = good): string {
  expect(yaml).to.include(from);
  return yaml.replace(from, () => to);
}

describe('a scenario that is right', () => {
  it('decodes with the first variant, typed values and base units', async () => {
    const scenario = await decode(await write(good), { known });
    expect(scenario.variant).to.deep.equal({ name: 'old', what: 'an old etcd', expect: 'signature' });
    expect(scenario.parameters).to.deep.equal({ pods: 30, mode: 'list', quick: true });
    expect(scenario.objects).to.deep.equal([{ manifest: 'pod.yaml', count: 30 }]);
    expect(scenario.phases.map(({ duration }) => duration)).to.deep.equal([5000, 10_000, 60_000, 500]);
    expect(scenario.cluster.components['kube-apiserver']?.memoryBytes).to.equal(6 * 2 ** 30);
    expect(scenario.cluster.components.etcd?.flags, 'as written').to.deep.equal({ quota: '1.10' });
    expect(scenario.cluster.identities[0]?.rules[0]?.apiGroups).to.deep.equal(['']);
    expect(scenario.load[0]?.parameters).to.deep.equal({ pods: 1, mode: 'list', quick: true });
    expect(scenario.load[1]?.metrics.map(({ name, kind }) => `${name} ${kind}`)).to.deep.equal([
      'lag distribution',
      'lookups increment',
    ]);
    expect(scenario.source).to.equal(good);
  });

  it('has thresholds in base units, with a text for people and a line', async () => {
    const { signature, limits } = await decode(await write(good), { known });
    const [ratio, any] = signature;
    expect(ratio).to.deep.include({
      text: 'p95 of list.duration during fault >= 5x steady',
      is: { op: '>=', times: 5, of: 'steady' },
      floor: 0.001,
      line: 25,
    });
    expect(any && 'any' in any && any.any[0]?.is).to.deep.equal({ op: '>=', value: 1.5 * 2 ** 30, unit: 'bytes' });
    expect(limits[0]).to.deep.include({ floor: 10 * 2 ** 20 });
    expect(limits[1]).to.deep.include({ is: { op: '<=', value: 0.3, unit: 'seconds' } });
    expect(limits[2]).to.deep.include({ text: 'min of node.ready per node during run == 1' });
    expect(limits[3]).to.deep.include({ is: { op: '<', value: 0.5, unit: 'ratio' } });
  });

  it('applies a variant, then --set', async () => {
    const here = await write(good);
    const changedByVariant = await decode(here, { known, variant: 'new' });
    expect(changedByVariant.objects[0]?.count).to.equal(40);
    expect(changedByVariant.cluster.components.etcd).to.deep.include({ version: '3.6.0', flags: { quota: '1.10' } });
    const set = await decode(here, { known, variant: 'new', set: { pods: '50', mode: '7', quick: 'false' } });
    expect(set.parameters).to.deep.equal({ pods: 50, mode: '7', quick: false });
    expect(set.objects[0]?.count).to.equal(50);
  });

  it('keeps the spelling of a number that a parameter holds', async () => {
    const yaml = changed('pods: 30,', 'pods: 30, ev: 3.10,', changed('version: 3.5.12', `version: "\${ev}"`));
    const here = await write(yaml);
    expect((await decode(here, { known })).cluster.components.etcd?.version).to.equal('3.10');
    const set = await decode(here, { known, set: { ev: '4.20' } });
    expect(set.cluster.components.etcd?.version).to.equal('4.20');
    expect(set.parameters['ev']).to.equal(4.2);
  });

  it('has a variant only with what it asks for', async () => {
    const text = good.replace('{ what: "a new etcd', '{ asks-for: [pods], what: "a new etcd');
    const asking = await write(text);
    expect((await decode(asking, { known, variant: 'new', set: { pods: '7' } })).variant.asksFor).to.deep.equal([
      'pods',
    ]);
    const error = await decode(asking, { known, variant: 'new' }).catch((caught: unknown) => caught);
    expect(String(error)).to.contain('variant new asks for --set pods=…');
    const strange = await decode(asking, { known, variant: 'old', set: { pods: '7' } }).catch(
      (caught: unknown) => caught,
    );
    expect(String(strange)).to.contain('--set pods=…: variant old does not ask for it; new does');
    expect((await variants(asking, { known })).map(({ asksFor }) => asksFor)).to.deep.equal([undefined, ['pods']]);
  });

  it('adds durations up, those of parameters too, in phases, faults and thresholds', async () => {
    const yaml = changed(
      'pods: 30,',
      'pods: 30, grace: 16s, more: 4,',
      changed('fault: 1m', `fault: "\${grace} + \${more}s + 1m"`),
    );
    const here = await write(changed('is: "<= 300ms"', `is: "<= \${grace} + 500ms"`, yaml));
    const { phases, limits } = await decode(here, { known, set: { more: '5' } });
    expect(phases[2]).to.deep.equal({ name: 'fault', duration: 81_000 });
    expect(limits[1]).to.deep.include({ is: { op: '<=', value: 16.5, unit: 'seconds' } });
  });

  it('lists its variants', async () => {
    expect((await variants(await write(good))).map(({ name, expect }) => `${name} ${expect}`)).to.deep.equal([
      'old signature',
      'new limits',
    ]);
  });
});

describe('a scenario for real nodes', () => {
  const text = changed(
    'probes:',
    `faults:
  - kill-etcd
  - { fault: kill-etcd, name: again, workers: 2, after: 10s, memory: 1GiB, every: 2s }
installs: [{ release: prop, chart: chart, namespace: monitoring, during: fault, timeout: 30s, values: { deep: { a: 1 } } }]
on:
  kind: { phases: { fault: 30s }, faults: [] }
probes:`,
  )
    .replace('runs-on: [embedded]', 'runs-on: [embedded, kind]')
    .replace('new: {', 'new: { runs-on: [kind],');

  it('tells its faults what they need to know, in base units, with a deadline beyond their phase', async () => {
    const { faults } = await decode(await write(text), { known });
    expect(faults).to.deep.equal([
      {
        ...{ name: 'kill-etcd', fault: 'kill-etcd', during: 'fault', after: 0, workers: 1 },
        parameters: { memory: 1024 },
        deadline: 135_000,
      },
      {
        ...{ name: 'again', fault: 'kill-etcd', during: 'fault', after: 10_000, workers: 2 },
        parameters: { memory: 2 ** 30, every: 2000 },
        deadline: 125_000,
      },
    ]);
  });

  it('installs charts with values of any depth', async () => {
    const { installs } = await decode(await write(text), { known });
    expect(installs[0]).to.deep.include({ release: 'prop', timeout: 30_000, values: { deep: { a: 1 } } });
  });

  it('is decoded for where the variant runs that is named, when nobody says where', async () => {
    const { phases, runsOn } = await decode(await write(text), { known, variant: 'new' });
    expect(runsOn).to.deep.equal(['kind']);
    expect(phases.find(({ name }) => name === 'fault')?.duration).to.equal(30_000);
  });

  it('differs where it runs, before its variants differ', async () => {
    const here = await write(text);
    const { phases, faults } = await decode(here, { known, on: 'kind', variant: 'new' });
    expect(phases.find(({ name }) => name === 'fault')?.duration).to.equal(30_000);
    expect(faults).to.deep.equal([]);
    expect((await variants(here, { known, on: 'embedded' })).map(({ name }) => name)).to.deep.equal(['old']);
    expect((await variants(here, { known, on: 'kind' })).map(({ name }) => name)).to.deep.equal(['old', 'new']);
  });
});

describe('a scenario that is wrong says where', () => {
  const cases: [what: string, yaml: () => string, ...complaints: string[]][] = [
    [
      'an unknown key',
      () => changed('probes:', 'probez:'),
      '18:1: unknown key "probez"; expected one of question, incident, runs-on, applies-to, parameters, measured, cluster, objects, phases, load, installs, faults, probes, evidence, signature, limits, … (18 in all); did you mean "probes"?',
    ],
    [
      'an unknown key in a map',
      () => changed('nodes: 3', 'nodez: 3'),
      '6:3: unknown key "nodez"; expected one of kubernetes, nodes, kind, leader-election, components, identities, servers, links, certificates; did you mean "nodes"?',
    ],
    [
      'a duplicate key',
      () => changed('  nodes: 3', '  nodes: 3\n  nodes: 4'),
      '7:3: duplicate key "nodes"; expected it once',
    ],
    [
      'a measured parameter that is none, or no number',
      () => changed('phases:', 'measured: { podz: { dns-queries: 5000 } }\nphases:'),
      '14:13: "podz" is no parameter that is a number; expected pods; did you mean "pods"?',
    ],
    [
      'a measured parameter that a variant changes',
      () => changed('phases:', 'measured: { pods: { dns-queries: 5000 } }\nphases:'),
      '22:124: parameter "pods" is measured; expected it under "parameters" of the scenario alone',
    ],
    ['broken YAML', () => changed('[embedded]', '[embedded'), '4:1: not YAML: '],
    ['a file that is no map', () => '- question', '1:1: the file holds no map; expected a map'],
    ['an empty file', () => '', '1:1: the file is empty; expected a map'],
    ['a wrong type', () => changed('nodes: 3', 'nodes: three'), '6:10: "nodes" is "three"; expected a number'],
    ['no whole number', () => changed('nodes: 3', 'nodes: 2.5'), '6:10: "nodes" is 2.5; expected a whole number'],
    ['a missing key', () => changed('question: Does it hold?\n', ''), '1:1: missing "question"; expected text'],
    [
      'a missing key in a list',
      () => changed('{ manifest: pod.yaml, count', '{ count'),
      '13:5: missing "manifest"; expected text',
    ],
    [
      'a duration without a unit',
      () => changed('steady: 10s', 'steady: 10'),
      '14:31: 10 has no unit; expected a duration such as 500ms, 5s, 2m or 1h',
    ],
    [
      'a duration with another unit',
      () => changed('steady: 10s', 'steady: 10sec'),
      '14:31: bad duration "10sec"; expected a duration such as 500ms, 5s, 2m or 1h',
    ],
    [
      'a sum with something else than durations in it',
      () => changed('steady: 10s', 'steady: "10s + 5"'),
      '14:31: bad duration "10s + 5"; expected a duration such as 500ms, 5s, 2m or 1h',
    ],
    [
      'a sum of a time and a size where a time is measured',
      () => changed('is: "<= 300ms"', 'is: "<= 300ms + 1MiB"'),
      '31:63: unknown unit "ms + 1MiB"; expected a time such as 300ms or 1s',
    ],
    [
      'a misspelt size',
      () => changed('6GiB', '6GIB'),
      '9:31: bad size "6GIB"; expected a size such as 100MiB, 1GiB or 1.5GB; did you mean "GiB"?',
    ],
    [
      'an unknown provider',
      () => changed('[embedded]', '[embeded]'),
      '3:11: an item of "runs-on" is "embeded"; expected one of embedded, kind, kubeconfig; did you mean "embedded"?',
    ],
    [
      'an unknown component',
      () => changed('    kube-apiserver:', '    kube-apiservr:'),
      '9:5: unknown key "kube-apiservr"; expected one of etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok-controller; did you mean "kube-apiserver"?',
    ],
    [
      'a load in an unknown phase',
      () => changed('during: fault, as: flooder', 'during: falt, as: flooder'),
      '17:48: unknown phase "falt"; expected one of warmup, steady, fault, recovery; did you mean "fault"?',
    ],
    [
      'an unknown identity',
      () => changed('during: fault, as: flooder', 'during: fault, as: floder'),
      '17:59: unknown identity "floder"; expected flooder; did you mean "flooder"?',
    ],
    [
      'a missing script',
      () => changed('name: flood, script: load.k6.ts', 'name: flood, script: lod.k6.ts'),
      '17:28: no file "lod.k6.ts"; expected a file in the scenario\'s folder',
    ],
    [
      'a file elsewhere',
      () => changed('manifest: pod.yaml', 'manifest: ../pod.yaml'),
      '13:17: "../pod.yaml" is outside of the scenario; expected a file in its folder',
    ],
    [
      'a load from an address beyond this host',
      () => changed('during: steady, as: flooder,', 'during: steady, as: flooder, from: 10.0.0.1,'),
      '16:74: bad value "10.0.0.1"; expected a loopback address, or a range of them such as 127.0.1.1-127.0.1.5',
    ],
    [
      'an unknown probe',
      () => changed('audit]', 'audits]'),
      '18:41: unknown probe "audits"; expected one of nodes, components, apiserver-metrics, etcd-metrics, coredns-metrics, api-canary, events, audit, pods, kubelet, node, node-logs, proxy-log, proxy-workers, links, certificates, … (19 in all); did you mean "audit"?',
    ],
    [
      'an unknown fault',
      () => changed('probes:', 'faults: [kil-etcd]\nprobes:'),
      '18:10: unknown fault "kil-etcd"; expected kill-etcd; did you mean "kill-etcd"?',
    ],
    [
      'an unknown parameter of a fault',
      () => changed('probes:', 'faults: [{ fault: kill-etcd, memroy: 1GiB }]\nprobes:'),
      '18:30: unknown key "memroy"; expected one of fault, name, during, after, workers, memory, mode, every; did you mean "memory"?',
    ],
    [
      'a fault that is told too little',
      () => changed('probes:', 'faults: [{ fault: kill-etcd, memory: 10B }]\nprobes:'),
      '18:38: "memory" is "10B"; expected a size such as 100MiB, 1GiB or 1.5GB, ≥ 1024 B',
    ],
    [
      'a fault that is told a word of its own',
      () => changed('probes:', 'faults: [{ fault: kill-etcd, mode: medium }]\nprobes:'),
      '18:36: "mode" is "medium"; expected one of hard, soft',
    ],
    [
      'a fault in an unknown phase',
      () => changed('probes:', 'faults: [{ fault: kill-etcd, during: falt }]\nprobes:'),
      '18:38: unknown phase "falt"; expected one of warmup, steady, fault, recovery; did you mean "fault"?',
    ],
    [
      'a fault that begins when its phase is over',
      () => changed('probes:', 'faults: [{ fault: kill-etcd, after: 2m }]\nprobes:'),
      '18:37: "after" is "2m"; expected less than the phase lasts',
    ],
    [
      'a fault that is there twice',
      () => changed('probes:', 'faults: [kill-etcd, kill-etcd]\nprobes:'),
      '18:21: fault "kill-etcd" is there twice; expected a "name" of its own',
    ],
    [
      'an unknown shape',
      () => changed('  nodes: 3', '  nodes: 3\n  kind: { shape: one-workr }'),
      '7:18: unknown shape "one-workr"; expected one-worker; did you mean "one-worker"?',
    ],
    [
      'an unknown image',
      () => changed('  nodes: 3', '  nodes: 3\n  kind: { shape: one-worker, images: [wrkload] }'),
      '7:39: unknown image "wrkload"; expected workload; did you mean "workload"?',
    ],
    [
      'what is wrong for another provider only',
      () => changed('probes:', 'on: { kind: { probez: [nodes] } }\nprobes:'),
      '18:15: unknown key "probez"; expected one of cluster, objects, load, installs, faults, phases, probes, parameters, evidence, signature, limits; did you mean "probes"?',
    ],
    [
      'an unknown parameter',
      () => changed(`\${pods}`, `\${pod}`),
      '13:34: unknown parameter "pod"; expected one of pods, mode, quick; did you mean "pods"?',
    ],
    [
      'a parameter of a load that nobody declared',
      () => changed('parameters: { pods: 1 }', 'parameters: { podz: 1 }'),
      '16:100: unknown parameter "podz"; expected one of pods, mode, quick; did you mean "pods"?',
    ],
    [
      'a value that a variant brings',
      () => changed('parameters: { pods: 40 }', 'parameters: { pods: many }'),
      '21:130: parameter "pods" is "many"; expected a number',
    ],
    [
      'an unknown key of a variant',
      () => changed('{ what: an old etcd,', '{ what: an old etcd, clutser: {},'),
      '20:29: unknown key "clutser"; expected one of what, expect, runs-on, asks-for, cluster, objects, load, installs, faults, phases, probes, parameters, evidence, signature, limits; did you mean "cluster"?',
    ],
    [
      'a parameter asked for that there is none of',
      () => changed('{ what: an old etcd,', '{ what: an old etcd, asks-for: [podz],'),
      '20:40: unknown parameter "podz"; expected one of pods, mode, quick; did you mean "pods"?',
    ],
    [
      'an unknown expectation',
      () => changed('expect: signature', 'expect: signatur'),
      '20:37: "expect" is "signatur"; expected one of signature, limits; did you mean "signature"?',
    ],
    [
      'no variants',
      () => good.replace(/variants:\n.*\n.*\n/, 'variants: {}\n'),
      '19:11: "variants" is empty; expected at least one',
    ],
    [
      'variants in a list',
      () => good.replace(/variants:\n.*\n.*\n/, 'variants: [a, b]\n'),
      '19:11: "variants" is a list; expected a map with at least one',
    ],
    [
      'a phase of no time',
      () => changed('steady: 10s', 'steady: 0s'),
      '14:31: duration "0s" is out of bounds; expected more than 0s and at most 24h',
    ],
    [
      'a phase of days',
      () => changed('steady: 10s', 'steady: 25h'),
      '14:31: duration "25h" is out of bounds; expected more than 0s and at most 24h',
    ],
    [
      'a parameter that refers to another',
      () => changed('mode: list', `mode: "a \${quick}"`),
      `4:31: parameter "mode" is "a \${quick}"; expected a value of its own: a parameter cannot refer to another`,
    ],
    [
      'a parameter of a variant that refers to another',
      () => changed('{ pods: 40 }', `{ mode: "\${nope}" }`),
      `21:130: parameter "mode" is "\${nope}"; expected a value of its own: a parameter cannot refer to another`,
    ],
    [
      'a parameter of a load that refers to another',
      () => changed('parameters: { pods: 1 }', `parameters: { pods: "\${pods}" }`),
      `16:106: parameter "pods" is "\${pods}"; expected a value of its own: a parameter cannot refer to another`,
    ],
    [
      'a number that is not decimal',
      () => changed('pods: 30', 'pods: 0x10'),
      '4:21: parameter "pods" is 0x10; expected a decimal number such as 10 or 0.5',
    ],
    [
      'an alias of nothing',
      () => changed('[embedded]', '&one [*on]'),
      '3:15: "runs-on" is empty; expected at least 1',
      '3:16: unknown alias *on; expected one; did you mean "one"?',
    ],
    [
      'the unit of a metric of a load',
      () => changed('lookups: count', 'lookups: counts'),
      '17:120: "lookups" is "counts"; expected one of count, seconds, bytes, ratio; did you mean "count"?',
    ],
    [
      'a version of two numbers',
      () => changed('  nodes: 3', '  kubernetes: 1.36\n  nodes: 3'),
      '6:15: bad value "1.36"; expected a version of three numbers such as 1.36.3',
    ],
    [
      'a flag with dashes',
      () => changed('{ quota:', '{ --quota:'),
      '8:39: bad flag "--quota"; expected its name alone, without dashes before it; did you mean "quota"?',
    ],
    [
      'a variable that none can have',
      () => changed('{ quota: 1.10 }', '{}, env: { A-B: x }'),
      '8:48: bad value "A-B"; expected a name of letters, digits and _, no digit first',
    ],
    [
      'a verb that is none',
      () => changed('verbs: [list]', 'verbs: [lists]'),
      '11:61: an item of "verbs" is "lists"; expected one of get, list, watch, create, update, patch, delete, deletecollection, *; did you mean "list"?',
    ],
    [
      'a user who may do anything',
      () => changed('user: flooder, rules', 'user: flooder, groups: ["system:masters"], rules'),
      '11:33: group "system:masters" may do anything, whatever the rules say; expected another group, and rules',
    ],
    [
      'a memory in which nothing starts',
      () => changed('memory: 6GiB', 'memory: 6MiB'),
      '9:31: size "6MiB" is out of bounds; expected at least 16MiB and at most 1024TiB',
    ],
    ['too many nodes', () => changed('nodes: 3', 'nodes: 10001'), '6:10: "nodes" is 10001; expected ≤ 10000'],
    ['too many objects', () => changed('pods: 30', 'pods: 1000001'), '13:34: "count" is 1000001; expected ≤ 1000000'],
    ['a NUL', () => changed('It broke', 'It \0broke'), '2:46: a NUL; expected text in UTF-8'],
    [
      'a name that no file has',
      () => changed('pod.yaml', '"a\\0b"'),
      '13:17: no file "a\\u0000b"; expected a file in the scenario\'s folder',
    ],
    ['no evidence', () => good.replace(/evidence:\n.*\n/, ''), '1:1: missing "evidence"; expected a list'],
    [
      'a signature expected and absent',
      () => good.replace(/signature:\n[\s\S]*limits:\n/, 'signature: []\nlimits:\n'),
      '24:12: a variant expects the signature, but "signature" is empty; expected at least one threshold',
    ],
  ];
  for (const [what, yaml, ...expected] of cases) {
    it(what, async () => {
      const complaints = await complaintsOf(yaml());
      expect(complaints).to.have.length(expected.length);
      for (const [index, text] of expected.entries()) {
        expect(complaints[index]?.slice(0, text.endsWith(': ') ? text.length : undefined)).to.equal(text);
      }
    });
  }

  it('says everything at once, in the order of the file', async () => {
    const yaml = changed(
      'nodes: 3',
      'nodes: x',
      changed('6GiB', '6', changed('p99', 'p9z', changed('audit]', 'audi]'))),
    );
    const places = (await complaintsOf(yaml)).map((line) => line.split(': ')[0]);
    expect(places).to.deep.equal(['6:10', '9:31', '18:41', '31:39']);
  });

  it('an alias that refers to itself', async () => {
    expect(await complaintsOf(changed('[embedded]', '&here [*here]'))).to.include(
      '3:17: alias *here refers to itself; expected a value',
    );
  });
});

describe('a manifest that is wrong says where', () => {
  const cases: [what: string, text: string | Buffer, complaint: string][] = [
    ['no object', '# nothing\n', '1:1: no object; expected apiVersion, kind and metadata with a name'],
    [
      'a word of the language',
      pod.replace('Pod', `\${constructor}`),
      `2:7: unknown value \${constructor}; expected one of mode, pods, quick`,
    ],
    [
      'no name',
      `${pod}---\n${pod.replace('name', 'nam')}`,
      '5:1: no object; expected apiVersion, kind and metadata with a name',
    ],
    ['an alias of nothing', pod.replace('Pod', '*pod'), '1:1: '],
    ['after a value, by the place in the file', pod.replace('v1', `"\${mode}\${mode}" x`), '1:30: '],
    ['no text', Buffer.from('kind: \xff', 'latin1'), '1:7: no UTF-8; expected text in UTF-8'],
  ];
  for (const [what, text, expected] of cases) {
    it(what, async () => {
      const here = await write(good);
      await writeFile(join(here, 'pod.yaml'), text);
      const error: unknown = await decode(here, { known }).catch((error) => error);
      if (!(error instanceof ScenarioError)) throw error;
      expect(error.complaints).to.have.length(1);
      expect(
        error.complaints[0]
          ?.replace(`${join(here, 'pod.yaml')}:`, '')
          .slice(0, expected.endsWith(': ') ? expected.length : undefined),
      ).to.equal(expected);
    });
  }
});

describe('several objects of one manifest', () => {
  it('need names of their own', async () => {
    const here = await write(good);
    await writeFile(join(here, 'pod.yaml'), pod.replaceAll(/\{\{ *index *\}\}/g, '1'));
    const error: unknown = await decode(here, { known }).catch((error) => error);
    expect(String(error)).to.match(/:\d+:\d+: several objects would have the same name; .*\{\{index\}\}/);
  });
});

describe('a threshold that follows a parameter', () => {
  it('takes a share of a number, or less than it by another', () => {
    expect(parseIs('>= 90% of 50', 'count')).to.deep.equal({ op: '>=', value: 45, unit: 'count' });
    expect(parseIs('>= 6 - 1', 'count')).to.deep.equal({ op: '>=', value: 5, unit: 'count' });
    for (const text of ['>= 1 - 6', '>= 90% of fifty', '>= 6 - 1s']) expect(parseIs(text, 'count')).to.be.a('string');
    expect(parseIs('>= 1 - 6', 'count')).to.match(/^bad comparison ">= 1 - 6"; expected/);
    expect(parseIs('>= 90% of 50', 'seconds')).to.contain('45 has no unit');
  });
});

describe('a threshold that is wrong', () => {
  const limit = '{ metric: api.get.duration, take: p99, during: fault, is: "<= 300ms" }';
  const cases: [what: string, threshold: string, complaint: string][] = [
    ['no unit', limit.replace('300ms', '1'), '31:63: 1 has no unit; expected a time such as 300ms or 1s'],
    [
      'the wrong unit',
      limit.replace('300ms', '1MiB'),
      '31:63: "MiB" does not fit, it is measured in seconds; expected a time such as 300ms or 1s',
    ],
    [
      'an unknown unit',
      limit.replace('300ms', '300msec'),
      '31:63: unknown unit "msec"; expected a time such as 300ms or 1s',
    ],
    [
      'no comparison',
      limit.replace('<= ', '=< '),
      '31:63: bad comparison "=< 300ms"; expected a comparison such as ">= 100", "<= 300ms", ">= 1/s" or "<= 1.5x steady"; did you mean "<= 300ms"?',
    ],
    [
      'an unknown metric',
      limit.replace('api.get.duration', 'api.get.duraton'),
      '31:15: nobody produces the metric "api.get.duraton"; expected one of ',
    ],
    [
      'a metric of a probe that is not listed',
      limit.replace('api.get.duration', 'etcd.fsync.duration'),
      '31:15: nobody produces the metric "etcd.fsync.duration"; expected its probe "etcd-metrics" under "probes"',
    ],
    [
      'an unknown label',
      '{ metric: node.ready, per: nod, take: min, during: run, is: "== 1" }',
      '31:32: node.ready has no label "nod"; expected node; did you mean "node"?',
    ],
    [
      'a take that does not fit',
      limit.replace('p99', 'min'),
      '31:39: take "min" does not fit api.get.duration, which is a distribution; expected max, mean, rate, count, p50…p99.9',
    ],
    [
      'a rate without /s',
      '{ metric: list.requests, take: rate, during: fault, is: ">= 1" }',
      '31:61: 1 has no unit; expected a rate such as 100/s',
    ],
    [
      'a share without %',
      '{ metric: audit.query-time, labels: { user: x }, take: share, during: fault, is: "< 0.5" }',
      '31:86: 0.5 has no unit; expected a percentage such as 50%',
    ],
    [
      'an unknown phase',
      limit.replace('fault', 'falt'),
      '31:52: unknown phase "falt"; expected one of warmup, steady, fault, recovery, run; did you mean "fault"?',
    ],
    [
      'a ratio to an unknown phase',
      limit.replace('300ms', '2x stedy'),
      '31:63: unknown phase "stedy"; expected one of warmup, steady, fault, recovery, run; did you mean "steady"?',
    ],
    [
      'a phase in which no load runs',
      '{ metric: list.duration, take: p95, during: recovery, is: "<= 1s" }',
      '31:49: nobody produces "list.duration" during recovery; expected steady, fault or run',
    ],
    [
      'what can never fail',
      '{ metric: list.requests, take: count, during: fault, is: ">= 0" }',
      '31:62: ">= 0" can never fail: what is measured is never below 0; expected a comparison that can go both ways',
    ],
    [
      'a share that can never fail',
      '{ metric: audit.query-time, labels: { user: x }, take: share, during: fault, is: "<= 100%" }',
      '31:86: "<= 100%" can never fail: it is never above 100%; expected a comparison that can go both ways',
    ],
    [
      'the share of everything',
      '{ metric: audit.query-time, take: share, during: fault, is: "<= 50%" }',
      '31:39: the share of everything is always 100%; expected labels or per',
    ],
    [
      'a ratio of a phase to itself',
      limit.replace('300ms', '2x fault'),
      '31:63: a ratio of fault to itself is always 1; expected another phase',
    ],
    [
      'a ratio that is never exact',
      limit.replace('<= 300ms', '== 2x steady'),
      '31:63: a ratio is never exactly 2; expected <=, >=, < or >',
    ],
    [
      'labels that contradict per',
      '{ metric: node.ready, labels: { node: a }, per: node, take: min, during: run, is: "== 1" }',
      '31:48: "per: node" contradicts labels, which fix node; expected one of the two',
    ],
    [
      'a floor without a ratio',
      limit.replace(' }', ', floor: 1ms }'),
      '31:82: a floor without a ratio; expected it only where "is" compares with a phase',
    ],
    [
      'units that cannot be divided',
      '{ metric: api.get.duration, over: etcd.memory, take: max, during: fault, is: "<= 1" }',
      '31:39: api.get.duration (seconds) over etcd.memory (bytes) has no unit; expected the same unit, or a count to divide by',
    ],
    [
      'a capability that no cluster announces',
      limit.replace(' }', ', when: promethius }'),
      '31:81: unknown capability "promethius"; expected prometheus; did you mean "prometheus"?',
    ],
    [
      'more than all, never below it',
      '{ metric: api.get.available, take: mean, during: fault, is: "<= 100%" }',
      '31:65: "<= 100%" can never fail: it is never above 100%; expected a comparison that can go both ways',
    ],
    [
      'more than all',
      '{ metric: api.get.available, take: mean, during: fault, is: ">= 150%" }',
      '31:65: ">= 150%" can never hold: it is never above 100%; expected a comparison that can go both ways',
    ],
    [
      'more than ready',
      '{ metric: node.ready, per: node, take: min, during: run, is: "<= 1" }',
      '31:66: "<= 1" can never fail: it is never above 1; expected a comparison that can go both ways',
    ],
    [
      'a number beyond all',
      limit.replace('300ms', `1${'0'.repeat(400)}s`),
      '31:63: 10000000000000000000… is too large; expected a number up to 1000000000000000',
    ],
    [
      'a component that is none',
      '{ metric: component.deaths, labels: { component: etdc }, take: count, during: run, is: "== 0" }',
      '31:54: unknown component "etdc"; expected one of etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok-controller; did you mean "etcd"?',
    ],
    [
      'a cause that is none',
      '{ metric: component.deaths, labels: { cause: oomm }, take: count, during: run, is: "== 0" }',
      '31:50: unknown cause "oomm"; expected oom, a signal such as SIGKILL, or an exit status such as "exit 1"; did you mean "oom"?',
    ],
    ['any of nothing', '{ any: [] }', '31:12: "any" holds nothing; expected a list of thresholds'],
  ];
  for (const [what, threshold, expected] of cases) {
    it(what, async () => {
      const complaints = await complaintsOf(changed(limit, threshold));
      expect(complaints).to.have.length(1);
      expect(complaints[0]?.slice(0, expected.endsWith(' ') ? expected.length : undefined)).to.equal(expected);
    });
  }

  it('not CPU above 100%, nor a death by a signal', async () => {
    const cpu = '{ metric: component.cpu, per: component, take: max, during: fault, is: "<= 150%" }';
    expect(await complaintsOf(changed(limit, cpu))).to.deep.equal([]);
    const killed = '{ metric: component.deaths, labels: { cause: SIGKILL }, take: count, during: run, is: "== 0" }';
    expect(await complaintsOf(changed(limit, killed))).to.deep.equal([]);
  });

  it('a "when" as the only limit', async () => {
    const yaml = good.replace(/limits:\n[\s\S]*$/, `limits:\n  - ${limit.replace(' }', ', when: prometheus }')}\n`);
    expect(await complaintsOf(yaml)).to.deep.equal([
      '30:3: every threshold under "limits" has a "when": where the cluster lacks it, nothing is judged; expected at least one without',
    ]);
  });
});

describe('certificates of a chosen lifetime', () => {
  const given = (certificates: string, nodes = 3) =>
    changed('  nodes: 3', `  nodes: ${nodes}\n  certificates: ${certificates}`);

  it('live as long as they are told to, and are renewed where that is said', async () => {
    const file = await write(
      given('{ node-agents: { lifetime: 1m }, api-server: { lifetime: 30s, renew-before: 10s } }'),
    );
    expect((await decode(file, { known })).cluster.certificates).to.deep.equal({
      'node-agents': { lifetime: 60_000 },
      'api-server': { lifetime: 30_000, renewBefore: 10_000 },
    });
  });

  it('are of somebody, last for a while, are renewed before they end, and are held by node agents that are there', async () => {
    const said = async (certificates: string, nodes?: number) =>
      (await complaintsOf(given(certificates, nodes))).join('\n');
    expect(await said('{ node-agent: { lifetime: 1m } }')).to.equal(
      '7:19: unknown key "node-agent"; expected one of node-agents, api-server; did you mean "node-agents"?',
    );
    expect(await said('{ api-server: { lifetime: 60 } }')).to.match(/60 has no unit/);
    expect(await said('{ api-server: { lifetime: 2s } }')).to.match(/"lifetime" is "2s"; expected at least 5s/);
    expect(await said('{ api-server: { lifetime: 9s, renew-before: 9s } }')).to.match(
      /^7:\d+: "renew-before" is "9s"; expected less than "lifetime"$/,
    );
    expect(await said('{ node-agents: { lifetime: 1m } }', 0)).to.match(/there are no node agents; expected "nodes"/);
  });
});

describe('a threshold on what is beside the cluster', () => {
  const servers = `
  servers:
    one: { program: coredns, ports: [dns, metrics], ready: { port: dns } }
    partner: { program: coredns, ports: [dns], ready: { port: dns } }
    proxy: { program: nginx, ports: [http], ready: { port: http } }`;
  const base = changed('api-canary, audit]', 'api-canary, audit, coredns-metrics, proxy-log]').replace(
    '  nodes: 3',
    `  nodes: 3${servers}`,
  );
  const judged = (metric: string, labels: string) =>
    `${base}  - { metric: ${metric}, labels: { ${labels} }, take: count, during: fault, is: "== 0" }\n`;
  const saidOf = async (yaml: string, options?: DecodeOptions) => (await complaintsOf(yaml, options)).join('\n');

  it('may hold what can be, and nothing that never is', async () => {
    expect(await saidOf(judged('coredns.responses', 'server: one'))).to.equal('');
    expect(await saidOf(judged('coredns.responses', 'server: partner'))).to.match(
      /unknown server "partner"; expected one$/,
    );
    expect(await saidOf(judged('proxy.answers', 'cause: limit-conn, worker: old'))).to.equal('');
    expect(await saidOf(judged('proxy.answers', 'cause: limitconn'))).to.match(
      /unknown cause "limitconn"; expected one of ok, limit-conn, .*did you mean "limit-conn"/,
    );
    expect(await saidOf(judged('proxy.answers', 'worker: older'))).to.match(
      /unknown worker "older"; expected one of current, old/,
    );
  });

  it('names no server where servers are pods', async () => {
    const onKind = judged('coredns.requests', 'server: one').replace('[embedded]', '[embedded, kind]');
    expect(await saidOf(onKind, { on: 'embedded' })).to.equal('');
    expect(await saidOf(onKind, { on: 'kind' })).to.match(/where this runs they are pods; expected "per: server"/);
  });

  it('has servers that are what the probe takes them for', async () => {
    const said = /the probe coredns-metrics takes one for a CoreDNS/;
    expect(
      await saidOf(base.replace('ports: [dns, metrics]', 'ports: [dos, metrics]').replace('port: dns', 'port: dos')),
    ).to.match(said);
    expect(await saidOf(base.replace('one: { program: coredns', 'one: { program: workload'))).to.match(said);
  });
});

describe('a fault that has no nodes as targets', () => {
  it('is told none', async () => {
    const fault = '{ fault: reload-server, server: proxy, file: a, by: b, workers: 3 }';
    const faults = new Map([['reload-server', reloadServer]]);
    const complaints = await complaintsOf(`${good}faults: [${fault}]\n`, { known: { ...known, faults } });
    expect(complaints.join('\n')).to.match(/the fault has no nodes as targets; expected no "workers"/);
  });
});

describe('words of the command line', () => {
  it('an unknown variant', async () => {
    expect(await complaintsOf(good, { variant: 'odl' })).to.deep.equal([
      '20:3: unknown variant "odl"; expected one of old, new; did you mean "old"?',
    ]);
  });
  it('an unknown parameter and a wrong type', async () => {
    expect(await complaintsOf(good, { set: { pod: '1', pods: 'many', quick: 'yes' } })).to.have.members([
      '--set pod=1: unknown parameter "pod"; expected one of pods, mode, quick; did you mean "pods"?',
      '--set pods=many: bad value "many"; expected a number',
      '--set quick=yes: bad value "yes"; expected true or false',
    ]);
  });
  it('numbers are decimal, and a value stands alone', async () => {
    for (const pods of ['0x10', '1e3', 'Infinity', 'NaN', '']) {
      expect(await complaintsOf(good, { set: { pods } })).to.deep.equal([
        `--set pods=${pods}: bad value "${pods}"; expected a number`,
      ]);
    }
    expect(await complaintsOf(good, { set: { mode: `\${pods}` } })).to.deep.equal([
      `--set mode=\${pods}: bad value "\${pods}"; expected a value of its own: a parameter cannot refer to another`,
    ]);
  });
  it('each name once', () => {
    expect(settings(['pods=1', 'mode=a=b'])).to.deep.equal({ pods: '1', mode: 'a=b' });
    expect(() => settings(['pods=1', 'mode', 'pods=2'])).to.throw(
      ScenarioError,
      '--set mode: expected name=value\n--set pods=2: parameter "pods" is set twice; expected it once',
    );
  });
  it('a scenario by its id, its folder or its file', async () => {
    const ambient = { cwd: join(scenarios, 'list-flood') } as Ambient;
    for (const name of ['.', 'scenario.yaml', 'list-flood']) {
      expect(await scenarioFolder(name, ambient)).to.equal(join(scenarios, 'list-flood'));
    }
    const error: unknown = await scenarioFolder('list-flod', ambient).catch((error) => error);
    expect(error).to.be.instanceOf(ScenarioError).with.property('message').that.includes('did you mean "list-flood"?');
  });
  it('a folder without a scenario', async () => {
    try {
      await decode(join(folder, 'nowhere'), { known });
      expect.fail('decoded');
    } catch (error) {
      expect(error).to.be.instanceOf(ScenarioError);
    }
  });
});

describe('the scenarios of the house', () => {
  it('decode in every variant', async function () {
    this.timeout('2m');
    const found = await discover([scenarios]);
    expect(found).not.to.be.empty;
    for (const { folder: here, runsOn } of found) {
      for (const on of runsOn) {
        for (const { name: variant, asksFor = [] } of await variantsOf(here, on)) {
          const set = Object.fromEntries(asksFor.map((name) => [name, '1']));
          expect((await load(here, { variant, on, set })).variant.name).to.equal(variant);
        }
      }
    }
  });
  it('are found without reading more than two keys', async () => {
    const here = join(folder, 'many');
    await mkdir(join(here, 'b'), { recursive: true });
    await mkdir(join(here, 'a'));
    await mkdir(join(here, 'empty'));
    await writeFile(
      join(here, 'a', 'scenario.yaml'),
      'question: >-\n  Does it,\n  or not?\nruns-on:\n- kind\nbroken: [\n',
    );
    await writeFile(join(here, 'b', 'scenario.yaml'), 'runs-on: [embedded, kind]\n');
    expect(await discover([here, join(here, 'a'), join(here, 'nowhere')])).to.deep.equal([
      { id: 'a', folder: join(here, 'a'), question: 'Does it, or not?', runsOn: ['kind'] },
      { id: 'b', folder: join(here, 'b'), question: '(no question: the file is broken)', runsOn: ['embedded', 'kind'] },
    ]);
    const ids = (await discover([scenarios])).map(({ id }) => id);
    expect(ids).to.deep.equal((await readdir(scenarios)).sort());
  });
});

describe('small things', () => {
  it('units', () => {
    expect(
      ['500ms', '5s', '2m', '1h', '1.5s', '5', 's', '-5s', '5 weeks', '5constructor'].map(parseDuration),
    ).to.deep.equal([500, 5000, 120_000, 3_600_000, 1500, ...Array(5).fill(undefined)]);
    expect(['100MiB', '1GiB', '1.5GB', '1', '1gb'].map(parseSize)).to.deep.equal([
      100 * 2 ** 20,
      2 ** 30,
      1.5e9,
      undefined,
      undefined,
    ]);
  });
  it('suggestions', () => {
    expect(distance('phases', 'phasse')).to.equal(1);
    expect(distance('', 'abc')).to.equal(3);
    expect(nearest('etcd-metric', ['audit', 'etcd-metrics'])).to.equal('etcd-metrics');
    expect(nearest('something', ['audit', 'etcd-metrics'])).to.equal(undefined);
  });
});
