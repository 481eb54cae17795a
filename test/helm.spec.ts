import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { helmInstall } from '../harness/load/helm.ts';
import { installMetrics } from '../harness/load/install-metrics.ts';
import type { Cluster, EventBody, InstallSpec, JournalEvent, Millis, Run } from '../harness/model.ts';
import { marked } from '../harness/process.ts';
import { startClock } from '../harness/run/clock.ts';
import { provide } from '../harness/tools/tools.ts';

const chart = fileURLToPath(new URL('../scenarios/helm-burst/chart', import.meta.url));
let helm = 'helm';

/** Nobody listens on port 1 of this host. */
const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{ name: none, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: nobody, user: {} }]
contexts: [{ name: none, context: { cluster: none, user: nobody } }]
current-context: none
`;

interface Play {
  readonly program?: string;
  readonly spec?: Partial<InstallSpec>;
  readonly duration?: Millis;
  /** The run is aborted when this holds. */
  readonly enough?: (events: readonly JournalEvent[]) => boolean;
}

const over = (events: readonly JournalEvent[]) => events.some(({ kind }) => kind === 'seen');
const afterwards = (events: readonly JournalEvent[]) =>
  events.length > 10 + events.findIndex(({ kind }) => kind === 'seen') && over(events);

async function play({ program = helm, spec, duration = 60_000, enough }: Play) {
  const folder = mkdtempSync(join(tmpdir(), 'ordeal-helm-'));
  const events: JournalEvent[] = [];
  const controller = new AbortController();
  const clock = startClock();
  const append = (body: EventBody, t: Millis = clock.now()) => void events.push({ t, ...body });
  const mark = `helm-${Math.random().toString(16).slice(2)}-mark`;
  const owe = () => expect.fail('an install owes nothing of its own');
  const run: Run = { id: 'test', folder, mark, clock, journal: { append }, ledger: { owe }, signal: controller.signal };
  const whole: InstallSpec = {
    release: 'prop',
    chart,
    namespace: 'monitoring',
    during: 'fault',
    values: { dashboards: 2 },
    timeout: 1_000,
    ...spec,
  };
  writeFileSync(join(folder, 'kubeconfig'), kubeconfig);
  const cluster = { kubeconfig: join(folder, 'kubeconfig') } as Cluster;
  const offered = helmInstall(whole, { helm: program }).offer(cluster, run, duration);
  const watching = setInterval(() => enough?.(events) && controller.abort(new Error('enough')), 50);
  await offered;
  clearInterval(watching);
  expect(marked(mark), 'processes left').to.deep.equal([]);
  const samples = (metric: string) =>
    events.flatMap((event) => (event.kind === 'sample' && event.metric === metric ? [event] : []));
  return {
    events,
    folder,
    samples,
    last: (metric: string) => samples(metric).at(-1)?.value,
    voided: events.flatMap((event) => (event.kind === 'voided' ? [event.reason] : [])),
    failures: samples('install.failed').filter(({ value }) => value > 0),
    log: () => readFileSync(join(folder, 'logs', 'helm-prop.log'), 'utf8'),
  };
}

/** A program in helm's place that does what a cluster of our own would make helm do. */
function standIn(lines: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'ordeal-helm-')), 'helm');
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

function template(...args: string[]) {
  const text = execFileSync(helm, ['template', 'prop', chart, ...args], { encoding: 'utf8' });
  return parseAllDocuments(text).flatMap((document) => (document.contents ? [document.toJS()] : []));
}

describe('an install by helm', function () {
  this.timeout(40_000);

  before(async function () {
    this.timeout(1_800_000);
    const folder = process.env['ORDEAL_TOOLS'];
    const tools = await provide([{ name: 'helm' }], {
      ...(folder && { folder }),
      cache: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ordeal'),
      path: process.env['PATH'] ?? '',
      env: process.env,
      signal: new AbortController().signal,
      progress: () => {},
    });
    helm = tools.get('helm')?.path ?? helm;
  });

  it('that the cluster does not answer is a sample with its cause, and no fault of the run', async () => {
    const { voided, failures, last, events } = await play({ enough: over });
    expect(voided).to.deep.equal([]);
    expect(failures.map(({ labels }) => labels)).to.deep.equal([{ release: 'prop', cause: 'unreachable' }]);
    expect(last('install.deployed')).to.equal(0);
    expect(events.find(({ kind }) => kind === 'seen')).to.include({ what: 'load', subject: 'helm install prop' });
  });

  it('keeps its promises: every metric, while helm is at work and afterwards', async () => {
    const { events, samples } = await play({ program: standIn('sleep 1.5'), enough: afterwards });
    const observing = events.find((event) => event.kind === 'observing');
    expect(observing).to.deep.include({ source: 'install:prop', metrics: installMetrics, every: 1_000 });
    const ended = events.find(({ kind }) => kind === 'seen')?.t ?? 0;
    for (const { name } of installMetrics) {
      const times = samples(name).map(({ t }) => t);
      expect(times.filter((time) => time < ended).length, name).to.be.at.least(2);
      expect(times.filter((time) => time > ended).length, name).to.be.at.least(2);
    }
  });

  it('of a chart that is not there, or cannot be rendered, proves nothing', async () => {
    const { voided } = await play({ spec: { chart: '/nowhere/at/all' } });
    expect(voided).to.have.length(1);
    expect(voided[0]).to.match(/^install prop: .*\/nowhere\/at\/all/);
    const wrong = await play({
      spec: { values: { images: 'none' } },
      program: standIn('echo "Error: parse error at (x)" >&2; exit 1'),
    });
    expect(wrong.voided).to.have.length(1);
  });

  it('without helm proves nothing', async () => {
    const { voided } = await play({ program: '/nowhere/helm' });
    expect(voided).to.deep.equal(['install prop: helm cannot be started: spawn /nowhere/helm ENOENT']);
  });

  it('that succeeds keeps the time that it took until its phase ends', async () => {
    const { last, samples, failures } = await play({
      program: standIn('sleep 0.3; echo "STATUS: deployed"'),
      enough: afterwards,
    });
    expect(last('install.deployed')).to.equal(1);
    expect(last('install.running')).to.equal(0);
    expect(failures).to.deep.equal([]);
    const took = samples('install.duration').slice(-2);
    expect(took[1]?.value).to.equal(took[0]?.value);
  });

  it('whose resources are not ready in time is a sample', async () => {
    const error =
      'Error: INSTALLATION FAILED: resource Deployment/monitoring/prop-grafana not ready. status: InProgress';
    const { voided, failures, log } = await play({ program: standIn(`echo '${error}' >&2; exit 1`), enough: over });
    expect(voided).to.deep.equal([]);
    expect(failures.map(({ labels }) => labels?.['cause'])).to.deep.equal(['timeout']);
    expect(log()).to.include(error);
  });

  it('is ended at the end of its phase, which is a sample too', async () => {
    const { failures, last } = await play({ program: standIn('sleep 60'), duration: 1_200 });
    expect(failures.map(({ labels }) => labels?.['cause'])).to.deep.equal(['timeout']);
    expect(last('install.running')).to.equal(0);
  });

  it('ends with the run', async () => {
    const { voided, failures } = await play({
      program: standIn('sleep 60'),
      enough: (events) => events.some(({ kind }) => kind === 'sample'),
    });
    expect([...voided, ...failures]).to.deep.equal([]);
  });

  it('uses nothing of the home of whoever runs it', async () => {
    const { folder, log } = await play({
      program: standIn('env; echo; for word in "$@"; do echo "$word"; done'),
      enough: over,
    });
    const lines = log().split('\n');
    const homes = lines.filter((line) => /^(HOME|HELM_\w+_HOME)=/.test(line));
    expect(homes).to.have.length(4);
    for (const home of homes) expect(home).to.include(`=${join(folder, 'helm')}`);
    expect(lines.some((line) => line.startsWith('ORDEAL_MARK='))).to.equal(true);
    expect(lines).to.include.members([
      'install',
      'prop',
      chart,
      '--create-namespace',
      '--wait=watcher',
      '--timeout=1s',
    ]);
    const values = lines.find((line) => line.startsWith('--values='))?.slice('--values='.length) ?? '';
    expect(JSON.parse(readFileSync(values, 'utf8'))).to.deep.equal({ dashboards: 2 });
    expect(existsSync(join(homedir(), '.config', 'helm', 'ordeal'))).to.equal(false);
  });
});

describe('the chart of helm-burst', () => {
  interface Made {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
    readonly spec: {
      readonly template?: {
        readonly spec: {
          readonly containers: readonly { image: string; name: string }[];
          readonly initContainers?: readonly { name: string }[];
        };
      };
    };
  }
  const workloads = ['Deployment', 'StatefulSet', 'DaemonSet'];

  it('has the shape of the one in the incident', () => {
    const made: Made[] = template();
    const hooks = made.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'pre-install');
    expect(hooks.filter(({ kind }) => kind === 'CustomResourceDefinition')).to.have.length(5);
    const pods = made.filter(({ kind }) => workloads.includes(kind));
    const containers = Object.fromEntries(
      pods.map(({ metadata, spec }) => [metadata.name, spec.template?.spec.containers.length]),
    );
    expect(containers).to.deep.equal({
      'prop-alertmanager': 2,
      'prop-grafana': 2,
      'prop-kube-state-metrics': 1,
      'prop-node-exporter': 1,
      'prop-operator': 2,
      'prop-prometheus': 3,
    });
  });

  it('takes every image by name from its values', () => {
    const images = [
      'workload',
      'operator',
      'prometheus',
      'configReloader',
      'alertmanager',
      'grafana',
      'kubeStateMetrics',
      'nodeExporter',
    ];
    const set = images.flatMap((name) => ['--set', `images.${name}=mine/${name}:2`]);
    const made: Made[] = template(...set);
    const used = new Set(made.flatMap(({ spec }) => spec?.template?.spec.containers.map(({ image }) => image) ?? []));
    expect([...used].sort()).to.deep.equal(images.map((name) => `mine/${name}:2`).sort());
  });

  it('writes the configuration before the server starts when it is told so', () => {
    const made: Made[] = template('--set', 'initConfig=true');
    const servers = made.filter(({ kind }) => kind === 'StatefulSet');
    expect(servers.map(({ spec }) => spec.template?.spec.initContainers?.map(({ name }) => name))).to.deep.equal([
      ['init-config-reloader'],
      ['init-config-reloader'],
    ]);
  });
});
