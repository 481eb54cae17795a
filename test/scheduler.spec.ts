import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { wanted } from '../harness/cluster/flags.ts';
import { beyondKind } from '../harness/cluster/kind/config.ts';
import { files } from '../harness/cluster/kwokctl.ts';
import { configDifferences, schedulerDifferences, schedulerFile } from '../harness/cluster/scheduler.ts';
import {
  type Cluster,
  type ClusterSpec,
  type JournalEvent,
  type Json,
  type Run,
  ScenarioError,
} from '../harness/model.ts';
import { BindingView } from '../harness/probes/bindings.ts';
import type { Pod } from '../harness/probes/pod-status.ts';
import { sources } from '../harness/probes/scheduler-metrics.ts';
import { Scrapes } from '../harness/probes/scrape.ts';
import { probes } from '../harness/probes/table.ts';
import { decode } from '../harness/scenario/decode.ts';
import { send, serve } from './api-server.ts';

const root = mkdtempSync(join(tmpdir(), 'ordeal-scheduler-'));

const yaml = (scheduler: string) => `question: Does it hold?
incident: { from: "Somebody, 2020", what: It broke }
runs-on: [embedded]
parameters: { percentage: 5 }
cluster:
  nodes: 3
  components:
    kube-scheduler:
      ${scheduler}
phases: { fault: 10s }
variants:
  sound: { what: it, expect: limits }
evidence: [{ metric: a, take: max, during: fault, is: ">= 1" }]
limits: [{ metric: a, take: max, during: fault, is: "<= 1" }]
`;

async function decoded(scheduler: string) {
  const folder = mkdtempSync(join(root, 'scenario-'));
  writeFileSync(join(folder, 'scenario.yaml'), yaml(scheduler));
  return decode(folder, {});
}

async function complaints(scheduler: string): Promise<readonly string[]> {
  try {
    await decoded(scheduler);
    return [];
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return error.complaints.map((line) => line.replace(/^.*scenario\.yaml:/, ''));
  }
}

describe("the scheduler's configuration in a scenario", () => {
  it('is decoded, parameters filled in as numbers', async () => {
    const { cluster } = await decoded(
      `config: { clientConnection: { qps: 0.5, burst: 1 }, profiles: [{ schedulerName: a, percentageOfNodesToScore: "\${percentage}" }] }`,
    );
    expect(cluster.components['kube-scheduler']?.config).to.deep.equal({
      clientConnection: { qps: 0.5, burst: 1 },
      profiles: [{ schedulerName: 'a', percentageOfNodesToScore: 5 }],
    });
  });

  it('has only words that the scheduler knows', async () => {
    expect(await complaints('config: { percentageOfNodeToScore: 5 }')).to.deep.equal([
      '9:17: unknown key "percentageOfNodeToScore"; expected one of parallelism, percentageOfNodesToScore, podInitialBackoffSeconds, podMaxBackoffSeconds, delayCacheUntilActive, clientConnection, profiles; did you mean "percentageOfNodesToScore"?',
    ]);
    expect(await complaints('config: { percentageOfNodesToScore: 101 }')).to.deep.equal([
      '9:43: "percentageOfNodesToScore" is 101; expected ≤ 100',
    ]);
    expect(await complaints('config: { clientConnection: { kubeconfig: /etc/x } }')).to.deep.equal([
      '9:37: unknown key "kubeconfig"; expected one of acceptContentTypes, contentType, qps, burst',
    ]);
  });

  it('is of the scheduler alone', async () => {
    const folder = mkdtempSync(join(root, 'scenario-'));
    const other = yaml('config: { parallelism: 1 }').replace('kube-scheduler:', 'kube-controller-manager:');
    writeFileSync(join(folder, 'scenario.yaml'), other);
    const refused = await decode(folder, {}).catch((error: ScenarioError) => error.complaints[0]);
    expect(refused).to.match(/9:7: unknown key "config"; expected one of version, flags, env, memory$/);
  });

  it('refuses flags that would have no effect beside it', async () => {
    expect(await complaints('flags: { kube-api-qps: "100" }')).to.deep.equal([]);
    expect(await complaints('{ flags: { kube-api-qps: "100", v: "2" }, config: { parallelism: 4 } }')).to.deep.equal([
      '9:32: kube-scheduler ignores --kube-api-qps where it has a configuration file; expected it within "config"',
    ]);
    expect(await complaints('flags: { config: /etc/scheduler.yaml }')).to.deep.equal([
      '9:24: "config" is a file that is written from what stands under "config"; expected a map "config" beside "flags"',
    ]);
  });
});

describe("the scheduler's configuration in a cluster", () => {
  const made = files('/run/cluster');
  const spec = (config?: Readonly<Record<string, Json>>): ClusterSpec => ({
    nodes: 1,
    components: { 'kube-scheduler': { flags: {}, env: {}, ...(config && { config }) } },
    leaderElection: false,
    identities: [],
  });

  it('is a file with the kubeconfig in it, named by a flag that is read back; without one there is no such flag', () => {
    expect(wanted('kube-scheduler', spec({ parallelism: 4 }), made).flags).to.include({
      config: '/run/cluster/kube-scheduler.json',
      'leader-elect': 'false',
    });
    expect(wanted('kube-scheduler', spec(), made).flags).not.to.have.property('config');
    expect(JSON.parse(schedulerFile({ parallelism: 4, clientConnection: { qps: 9 } }, made))).to.deep.equal({
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      parallelism: 4,
      clientConnection: { qps: 9, kubeconfig: '/run/cluster/kube-scheduler.kubeconfig' },
    });
  });

  it('is in force when /configz says so, whatever defaults stand beside it', () => {
    const asked = {
      clientConnection: { qps: 100 },
      profiles: [{ schedulerName: 'b', percentageOfNodesToScore: 5, pluginConfig: [{ name: 'X', args: { y: 1 } }] }],
    };
    const actual = {
      parallelism: 16,
      clientConnection: { qps: 100, burst: 100 },
      profiles: [
        { schedulerName: 'a' },
        {
          schedulerName: 'b',
          percentageOfNodesToScore: 5,
          pluginConfig: [{ name: 'W' }, { name: 'X', args: { y: 1, z: 2 } }],
        },
      ],
    };
    expect(configDifferences(asked, actual, 'config')).to.deep.equal([]);
  });

  it('is not when a value differs, is missing, or a profile is not there', async () => {
    const config = {
      clientConnection: { qps: 100, burst: 200 },
      profiles: [{ schedulerName: 'a', percentageOfNodesToScore: 5 }],
    };
    const actual = { clientConnection: { qps: 50 }, profiles: [{ schedulerName: 'default-scheduler' }] };
    await using server = await serve((request, response) => {
      if (request.url === '/configz') send(response, 200, { componentconfig: actual });
      else send(response, 404, {});
    });
    const { signal } = new AbortController();
    expect(await schedulerDifferences(undefined, server.connection, signal)).to.deep.equal([]);
    expect(await schedulerDifferences(config, server.connection, signal)).to.deep.equal([
      'kube-scheduler: config.clientConnection.qps 100 was asked for, /configz has 50',
      'kube-scheduler: config.clientConnection.burst 200 was asked for, /configz has none',
      'kube-scheduler: config.profiles[a] {"schedulerName":"a","percentageOfNodesToScore":5} was asked for, /configz has none',
    ]);
  });

  it('is refused on kind, whose scheduler has a file of its own', () => {
    expect(beyondKind(spec({ parallelism: 4 }))).to.deep.equal([
      'kube-scheduler: its configuration file cannot be given on kind',
    ]);
    expect(beyondKind(spec())).to.deep.equal([]);
  });

  it('is not in force when the scheduler does not say', async () => {
    await using silent = await serve((_, response) => send(response, 403, { reason: 'Forbidden' }));
    const { signal } = new AbortController();
    const asked = schedulerDifferences({ parallelism: 4 }, silent.connection, signal);
    expect(await asked.catch((error: Error) => error.name)).to.equal('ClusterError');
    await using empty = await serve((_, response) => send(response, 200, {}));
    expect(await schedulerDifferences({ parallelism: 4 }, empty.connection, signal)).to.have.length(1);
  });
});

/** A journal in memory, with a clock that is set. */
function journal() {
  const events: JournalEvent[] = [];
  const clock = { at: 0 };
  const run = {
    clock: { now: () => clock.at, fromWall: () => 0 },
    journal: { append: (body: object, at = clock.at) => void events.push({ t: at, ...body } as JournalEvent) },
  } as unknown as Run;
  const values = (metric: string) =>
    events.flatMap((event) => (event.kind === 'sample' && event.metric === metric ? [event.value] : []));
  return { events, clock, run, values };
}

describe('what the scheduler says of itself', () => {
  /** /metrics of kube-scheduler 1.36.3 in the middle of a burst, without what nobody reads. */
  const text = readFileSync(join(import.meta.dirname, 'fixtures', 'kube-scheduler-1.36.3.txt'), 'utf8');

  it('is read by profile: attempts, nodes examined, time, and who waits', () => {
    const { events, run } = journal();
    new Scrapes(run, sources).write(text);
    const value = (metric: string, labels: object) =>
      events.flatMap((event) =>
        event.kind === 'sample' && event.metric === metric && JSON.stringify(event.labels) === JSON.stringify(labels)
          ? [event.value]
          : [],
      )[0];
    expect(value('scheduler.attempts', { result: 'scheduled', profile: 'part' })).to.equal(810);
    expect(value('scheduler.nodes-examined', { profile: 'all-nodes' }), 'not those of other filters').to.equal(759_979);
    expect(value('scheduler.nodes-examined', { profile: 'part' })).to.equal(88_442);
    expect(value('scheduler.pending', { queue: 'active' })).to.equal(127);
    expect(value('scheduler.point.time', { extension_point: 'Filter', profile: 'part' })).to.be.closeTo(0.609, 0.001);
    const histograms = events.flatMap((event) => (event.kind === 'buckets' ? [event] : []));
    const of = (metric: string) =>
      histograms.filter((one) => one.metric === metric).map(({ labels, counts }) => ({ labels, count: counts.at(-1) }));
    expect(of('scheduler.algorithm.duration')).to.deep.equal([{ labels: {}, count: 1569 }]);
    expect(of('scheduler.pod.duration')).to.deep.equal([{ labels: {}, count: 1565 }]);
    expect(of('scheduler.point.duration')).to.have.length(4);
  });

  it('produces every metric that is promised, with the labels that are', () => {
    const { events, run } = journal();
    new Scrapes(run, sources).write(text);
    const probe = probes.get('scheduler-metrics')?.();
    for (const { name, labels = [] } of probe?.metrics ?? []) {
      const found = events.find((event) => 'metric' in event && event.metric === name);
      expect(found, name).to.exist;
      expect(Object.keys((found as { labels?: object }).labels ?? {}), name).to.deep.equal(labels);
    }
  });

  it('cannot be asked where its port is unknown', () => {
    const cluster = { endpoints: { apiserver: 'https://127.0.0.1:1' } } as Cluster;
    expect(probes.get('scheduler-metrics')?.().unavailable(cluster)).to.match(/cannot be reached/);
  });
});

describe('what the API says of bindings', () => {
  const pod = (name: string, nodeName?: string): Pod => ({
    metadata: { name, namespace: 'ns', uid: name },
    spec: { schedulerName: 'quick', ...(nodeName && { nodeName }) },
  });

  it('counts pods that wait and that get their node, and times those that it saw from their start', () => {
    const { events, clock, run, values } = journal();
    const view = new BindingView(run);
    view.see(pod('old'));
    view.see(pod('bound-before', 'node-1'));
    view.synced = true;
    view.see(pod('new'));
    view.see(pod('doomed'));
    view.write();
    clock.at = 4_000;
    for (const name of ['old', 'new', 'new', 'bound-before']) view.see(pod(name, 'node-1'));
    view.gone(pod('doomed').metadata);
    view.write();
    expect(values('pods.unbound')).to.deep.equal([3, 0]);
    expect(values('pods.bound').reduce((sum, value) => sum + value, 0)).to.equal(2);
    const times = events.flatMap((event) => (event.kind === 'histogram' ? [event] : []));
    expect(
      times.map(({ metric, labels, histogram: { count, sum } }) => ({ metric, labels, count, sum })),
    ).to.deep.equal([{ metric: 'pod.bound-after', labels: { namespace: 'ns', scheduler: 'quick' }, count: 1, sum: 4 }]);
  });

  it('says that none waits where there are no pods', () => {
    const { run, values } = journal();
    new BindingView(run).write();
    expect(values('pods.unbound')).to.deep.equal([0]);
  });
});
