import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { embedded } from '../../harness/cluster/embedded.ts';
import { ending, launched, launcher } from '../../harness/cluster/launcher.ts';
import { listeners } from '../../harness/cluster/proc.ts';
import { createMany } from '../../harness/kube/apply.ts';
import { KubeClient, type KubeObject } from '../../harness/kube/client.ts';
import { renderMany } from '../../harness/kube/manifest.ts';
import { watch } from '../../harness/kube/watch.ts';
import {
  type Cluster,
  type ClusterSpec,
  type ComponentSpec,
  type JournalEvent,
  RefusedError,
  type Run,
  ToolError,
} from '../../harness/model.ts';
import { marked } from '../../harness/process.ts';
import { startClock } from '../../harness/run/clock.ts';
import { makeRunFolder } from '../../harness/run/folder.ts';
import { type OpenJournal, openJournal } from '../../harness/run/journal.ts';
import { type OpenLedger, openLedger, readLedger } from '../../harness/run/ledger.ts';
import { provide, type ToolName } from '../../harness/tools/tools.ts';
import { skip } from '../skip.ts';

const MIB = 1024 * 1024;
const runs: TestRun[] = [];
const root = mkdtempSync(join(tmpdir(), 'ordeal-embedded-'));
const paths = new Map<string, string>();
const provider = embedded((name, version) => paths.get(version ? `${name}@${version}` : name) ?? `no ${name}`);
const component = (spec: Partial<ComponentSpec> = {}): ComponentSpec => ({ flags: {}, env: {}, ...spec });

function clusterSpec(spec: Partial<ClusterSpec> = {}): ClusterSpec {
  return { nodes: 0, components: {}, leaderElection: false, identities: [], ...spec };
}

function newRun(signal = new AbortController().signal): TestRun {
  const { id, folder, mark } = makeRunFolder({ runs: join(root, 'runs'), state: join(root, 'state') }, 'embedded');
  const events: JournalEvent[] = [];
  const clock = startClock();
  const failed = (error: Error) => {
    throw error;
  };
  const journal = openJournal(folder, clock, (event) => events.push(event), failed);
  const run = { id, folder, mark, clock, journal, ledger: openLedger(folder), signal, events };
  runs.push(run);
  return run;
}
type TestRun = Run & { readonly journal: OpenJournal; readonly ledger: OpenLedger; readonly events: JournalEvent[] };

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );
}

function expectNothingLeft(run: TestRun, ports: readonly number[] = []) {
  expect(marked(run.mark), 'processes').to.deep.equal([]);
  expect(existsSync(join(run.folder, 'cluster')), 'folder').to.equal(false);
  const accounts = readLedger(run.folder);
  expect(accounts).to.not.be.empty;
  for (const { debt, settled } of accounts) {
    expect(settled, JSON.stringify(debt)).to.equal(true);
    if (debt.undo === 'remove-cgroup') expect(existsSync(debt.path), debt.path).to.equal(false);
  }
  const open = execFileSync('ss', ['-ltnH'], { encoding: 'utf8' });
  for (const port of ports) expect(open).to.not.include(`127.0.0.1:${port} `);
}

const deaths = ({ events }: TestRun) => events.filter((event) => event.kind === 'seen' && event.what === 'death');

after(async () => {
  // A test that failed half-way must not leave a cluster behind.
  for (const run of runs) {
    await run.ledger.payAll();
    run.journal[Symbol.dispose]();
  }
  await rm(root, { recursive: true, force: true });
});

describe('the embedded cluster', function () {
  this.timeout(90_000);

  before(async function () {
    this.timeout(1_800_000);
    const folder = process.env['ORDEAL_TOOLS'];
    const names: ToolName[] = [
      'etcd',
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
      'kwok',
      'kwokctl',
    ];
    const tools = await provide([...names.map((name) => ({ name })), { name: 'etcd', version: '3.5.12' }], {
      ...(folder && { folder }),
      cache: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ordeal'),
      path: process.env['PATH'] ?? '',
      env: process.env,
      signal: new AbortController().signal,
      progress: (text) => console.log(text),
    });
    for (const [key, { path }] of tools) paths.set(key, path);
  });

  describe('with every component, an old etcd and changed flags', () => {
    const run = newRun();
    let cluster: Cluster;
    let took: number;

    before(async () => {
      const identity = {
        user: 'flooder',
        groups: ['tenants'],
        rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }],
      };
      const spec = clusterSpec({
        nodes: 10,
        identities: [identity],
        components: {
          etcd: component({
            version: '3.5.12',
            memoryBytes: 1024 * MIB,
            flags: { 'quota-backend-bytes': '1073741824' },
          }),
          'kube-apiserver': component({ flags: { 'watch-cache': 'false' }, env: { GOGC: '90' } }),
          'kube-controller-manager': component({ flags: { 'kube-api-qps': '50' } }),
          'kube-scheduler': component(),
        },
      });
      const began = performance.now();
      cluster = await provider.create(spec, run);
      took = performance.now() - began;
    });

    const client = (user: string) => new KubeClient(cluster.connect(user), { signal: run.signal });

    it('is ready with all nodes', async () => {
      console.log(`      ready in ${(took / 1_000).toFixed(1)} s`);
      await using kube = client('ordeal:nodes');
      const { items } = await kube.list('/api/v1/nodes');
      const ready = items.filter((node) => JSON.stringify(node).includes('"reason":"KubeletReady"'));
      expect(ready).to.have.length(10);
      const lease = await kube.get('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-0');
      expect((lease['spec'] as { leaseDurationSeconds: number }).leaseDurationSeconds).to.equal(40);
    });

    it('journals what each component really is', () => {
      const facts = run.events.find((event) => event.kind === 'cluster');
      if (facts?.kind !== 'cluster') return expect.fail('no cluster event');
      const named = Object.fromEntries(facts.components.map((fact) => [fact.name, fact]));
      expect(Object.keys(named)).to.deep.equal(cluster.components?.map(({ name }) => name));
      expect(named['etcd']?.version).to.equal('3.5.12');
      expect(named['etcd']?.args).to.include('--quota-backend-bytes=1073741824');
      expect(named['etcd']?.memoryLimitBytes ?? named['etcd']?.unlimited).to.be.oneOf([
        1024 * MIB,
        named['etcd']?.unlimited,
      ]);
      expect(named['kube-apiserver']?.args).to.include('--watch-cache=false');
      expect(named['kube-controller-manager']?.args)
        .to.include('--leader-elect=false')
        .and.include('--kube-api-qps=50');
      for (const { version } of facts.components) expect(version).to.match(/^\d+\.\d+\.\d+/);
      expect(facts.notes).to.include('leader election is off');
    });

    it('listens on loopback only', () => {
      const sockets = listeners(marked(run.mark));
      expect(sockets.length).to.be.at.least(6);
      for (const { address } of sockets) expect(address).to.equal('127.0.0.1');
      const seen = execFileSync('ss', ['-ltnH'], { encoding: 'utf8' });
      for (const { port } of sockets) expect(seen).to.include(`127.0.0.1:${port} `);
    });

    it('publishes no address of this host', async () => {
      await using kube = client('ordeal:probe');
      const { items } = await kube.list('/apis/discovery.k8s.io/v1/endpointslices');
      expect(items).to.deep.equal([]);
    });

    it('creates many objects quickly', async () => {
      await using harness = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal, connections: 20 });
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'crowd' } };
      expect(await createMany(harness, [namespace, namespace], { signal: run.signal })).to.equal(2);
      const template = `
apiVersion: v1
kind: Pod
metadata: { name: "pod-{{index}}", namespace: crowd, labels: { app: crowd } }
spec: { nodeName: "node-\${node}", containers: [{ name: main, image: "\${image}" }] }`;
      const began = performance.now();
      const pods = renderMany(template, { node: 3, image: 'example.invalid/none' }, 600);
      expect(await createMany(harness, pods, { signal: run.signal })).to.equal(600);
      console.log(`      ${Math.round(600_000 / (performance.now() - began))} pods/s`);
      const { items } = await harness.list('/api/v1/namespaces/crowd/pods');
      expect(items).to.have.length(600);
    });

    it('gives each identity its rights and no more', async () => {
      await using flooder = client('flooder');
      expect((await flooder.list('/api/v1/pods')).items).to.have.length(600);
      expect(await failureOf(flooder.list('/api/v1/nodes'))).to.include({ name: 'ClusterError', code: 403 });
      await using probe = client('ordeal:apiserver-metrics');
      expect(await probe.text('/metrics')).to.include('apiserver_request_total');
      expect(await failureOf(probe.delete('/api/v1/nodes/node-0'))).to.include({ code: 403 });
      expect(() => cluster.connect('nobody')).to.throw(RefusedError, 'flooder');
    });

    it('names everybody in the audit log', () => {
      const lines = readFileSync(cluster.auditLog ?? '', 'utf8')
        .trim()
        .split('\n');
      const entries = lines.map(
        (line) => JSON.parse(line) as { user: { username: string }; requestURI: string; stage: string },
      );
      const users = new Set(entries.map(({ user }) => user.username));
      expect([...users]).to.include.members([
        'flooder',
        'ordeal:harness',
        'ordeal:nodes',
        'system:kube-controller-manager',
        'system:kube-scheduler',
        'system:node:kwok-controller',
      ]);
      expect(entries.filter(({ stage }) => stage === 'RequestReceived')).to.deep.equal([]);
      expect(entries.filter(({ requestURI }) => requestURI.startsWith('/readyz'))).to.deep.equal([]);
    });

    it('has flow control treat simulated kubelets as nodes, and nobody as a master once it is set up', async () => {
      await using probe = client('ordeal:apiserver-metrics');
      expect(await probe.text('/metrics')).to.match(
        /flowcontrol_dispatched_requests_total\{flow_schema="system-node-high"/,
      );
      const audit = readFileSync(cluster.auditLog ?? '', 'utf8')
        .trim()
        .split('\n');
      const masters = audit.map((line) => JSON.parse(line) as { user: { username: string; groups: string[] } });
      const exempt = masters
        .filter(({ user }) => user.groups.includes('system:masters'))
        .map(({ user }) => user.username);
      expect([...new Set(exempt)].sort()).to.deep.equal(['ordeal:admin', 'system:apiserver']);
    });

    it('shows no token on a command line or in a log', async () => {
      const tokens = ['flooder', 'ordeal:harness', 'ordeal:admin', 'system:kube-scheduler'].map(
        (user) => cluster.connect(user).token,
      );
      const said = execFileSync('ps', ['-eww', '-o', 'args'], { encoding: 'utf8', maxBuffer: 64 * MIB });
      const logs = join(run.folder, 'logs');
      await cluster.collectLogs(logs);
      const files = [...(cluster.components ?? []).map(({ name }) => `${name}.log`), 'audit.log'];
      const all = [
        said,
        ...files.map((file) => readFileSync(join(logs, file), 'utf8')),
        JSON.stringify(run.events),
      ].join('\n');
      for (const token of tokens) expect(all.includes(token)).to.equal(false);
      const mode = execFileSync('stat', ['-c', '%a', join(run.folder, 'cluster', 'tokens.csv')], { encoding: 'utf8' });
      expect(mode.trim()).to.equal('600');
    });

    it('watches: what exists, that this is all, then news', async () => {
      await using kube = client('ordeal:events');
      await using harness = client('ordeal:harness');
      const stop = new AbortController();
      const seen: string[] = [];
      for await (const event of watch(
        kube,
        '/api/v1/namespaces/crowd/configmaps',
        { clock: run.clock, onGap: () => {} },
        stop.signal,
      )) {
        seen.push(event.type === 'SYNCED' ? 'SYNCED' : `${event.type} ${event.object.metadata.name}`);
        const path = '/api/v1/namespaces/crowd/configmaps';
        const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'news' } };
        if (event.type === 'SYNCED') await harness.create(path, object);
        if (seen.at(-1) === 'ADDED news') await harness.patch(`${path}/news`, { data: { a: 'b' } });
        if (seen.at(-1) === 'MODIFIED news') await harness.delete(`${path}/news`);
        if (seen.at(-1) === 'DELETED news') break;
      }
      expect(seen.slice(seen.indexOf('SYNCED'))).to.deep.equal([
        'SYNCED',
        'ADDED news',
        'MODIFIED news',
        'DELETED news',
      ]);
    });

    it('notices the death of a component whose launcher was killed first', async () => {
      const pid = cluster.components?.find(({ name }) => name === 'kube-scheduler')?.pid ?? 0;
      const launcher = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      process.kill(launcher, 'SIGKILL');
      process.kill(pid, 'SIGKILL');
      expect(await cluster.death?.('kube-scheduler')).to.include({ component: 'kube-scheduler' });
    });

    it('notices within 500 ms that etcd was killed, and says how', async () => {
      const pid = cluster.components?.find(({ name }) => name === 'etcd')?.pid ?? 0;
      const killed = run.clock.now();
      process.kill(pid, 'SIGKILL');
      const death = await cluster.death?.('etcd');
      expect(run.clock.now() - killed).to.be.below(500);
      expect(death).to.include({ component: 'etcd', signal: 'SIGKILL' });
      expect(death?.at).to.be.within(killed - 20, killed + 200);
      expect(death?.lastLines).to.have.length.within(1, 5);
      expect(deaths(run).find((event) => event.kind === 'seen' && event.subject === 'etcd')).to.deep.include({
        labels: { cause: 'signal' },
      });
    });

    it('leaves nothing behind, within 1.5 s', async () => {
      const ports = listeners(marked(run.mark)).map(({ port }) => port);
      const before = deaths(run).length;
      const began = performance.now();
      await cluster[Symbol.asyncDispose]();
      expect(performance.now() - began).to.be.below(1_500);
      expectNothingLeft(run, ports);
      await sleep(300);
      expect(deaths(run), 'deaths of our own doing').to.have.length(before);
    });
  });

  it('runs two side by side', async () => {
    const both = [newRun(), newRun()];
    const spec = clusterSpec({ nodes: 2 });
    const clusters = await Promise.all(both.map((run) => provider.create(spec, run)));
    try {
      const ports = both.map((run) => listeners(marked(run.mark)).map(({ port }) => port));
      expect(new Set(ports.flat()).size).to.equal(ports.flat().length);
      await clusters[0]?.[Symbol.asyncDispose]();
      await using kube = new KubeClient((clusters[1] as Cluster).connect('ordeal:nodes'), {
        signal: new AbortController().signal,
      });
      expect((await kube.list('/api/v1/nodes')).items).to.have.length(2);
    } finally {
      for (const cluster of clusters) await cluster[Symbol.asyncDispose]();
    }
    for (const run of both) expectNothingLeft(run);
  });

  it('refuses a folder whose path holds a blank, of which kwokctl would take a part', async () => {
    const run = newRun();
    const folder = `${run.folder} b`;
    expect(String(await failureOf(provider.create(clusterSpec(), { ...run, folder })))).to.include(
      `${folder} holds a blank`,
    );
    expect(readLedger(run.folder)).to.deep.equal([]);
  });

  it('refuses a version that did not take effect', async () => {
    const run = newRun();
    const lying = embedded((name) => paths.get(name) ?? '');
    const spec = clusterSpec({ components: { etcd: component({ version: '3.5.12' }) } });
    const error = await failureOf(lying.create(spec, run));
    expect(error).to.be.instanceOf(RefusedError);
    expect(String(error)).to.match(/etcd: version 3\.5\.12 was asked for, 3\.\d+\.\d+ runs/);
    expectNothingLeft(run);
  });

  it('refuses a component that other machines could reach', async () => {
    const run = newRun();
    const spec = clusterSpec({ components: { 'kube-scheduler': component({ flags: { 'bind-address': '0.0.0.0' } }) } });
    const error = await failureOf(provider.create(spec, run));
    expect(error).to.be.instanceOf(RefusedError);
    expect(String(error)).to.match(/kube-scheduler listens on \S+:\d+/);
    expectNothingLeft(run);
  });

  it('says which component died of an unknown flag, with its last words', async () => {
    const run = newRun();
    const spec = clusterSpec({ components: { 'kube-apiserver': component({ flags: { 'no-such-flag': '1' } }) } });
    const error = await failureOf(provider.create(spec, run));
    expect(error).to.be.instanceOf(ToolError);
    expect(String(error))
      .to.match(/kube-apiserver died while the cluster started: exit 1/)
      .and.include('no-such-flag');
    expectNothingLeft(run);
  });

  it('takes other ports when one was taken meanwhile', async () => {
    const run = newRun();
    const program = join(root, 'unlucky');
    const real = paths.get('kwok');
    const once = `[ "$1" = --version ] || [ -e "$0.tried" ] || { : > "$0.tried"; echo 'bind: address already in use'; exit 1; }`;
    writeFileSync(program, `#!/bin/sh\n${once}\nexec '${real}' "$@"\n`, { mode: 0o700 });
    const unlucky = embedded((name) => (name === 'kwok' ? program : (paths.get(name) ?? '')));
    await using cluster = await unlucky.create(clusterSpec({ nodes: 1 }), run);
    await using kube = new KubeClient(cluster.connect('ordeal:nodes'), { signal: run.signal });
    expect((await kube.list('/api/v1/nodes')).items).to.have.length(1);
  });

  it('stops at once when interrupted while it starts; the ledger pays', async () => {
    const interrupt = new AbortController();
    const run = newRun(interrupt.signal);
    const creating = failureOf(provider.create(clusterSpec({ nodes: 5 }), run));
    await sleep(1_200);
    const began = performance.now();
    interrupt.abort(new Error('interrupted'));
    const error = await creating;
    const took = performance.now() - began;
    expect(await run.ledger.payAll()).to.deep.equal([]);
    expect(error).to.equal(interrupt.signal.reason);
    expect(took).to.be.below(1_500);
    expectNothingLeft(run);
  });

  it('knows an out-of-memory kill from another', async function () {
    const run = newRun();
    const spec = clusterSpec({ components: { etcd: component({ memoryBytes: 96 * MIB }) } });
    await using cluster = await provider.create(spec, run);
    const facts = run.events.find((event) => event.kind === 'cluster');
    const etcd = facts?.kind === 'cluster' ? facts.components.find(({ name }) => name === 'etcd') : undefined;
    if (etcd?.unlimited !== undefined) skip(this, `no memory limit on this host: ${etcd.unlimited}`);
    const stop = new AbortController();
    await using harness = new KubeClient(cluster.connect('ordeal:harness'), { signal: stop.signal, connections: 10 });
    const data = { text: 'x'.repeat(900_000) };
    const big = Array.from({ length: 1_000 }, (_, index) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `big-${index}` },
      data,
    }));
    const flood = failureOf(createMany(harness, big, { signal: stop.signal, concurrency: 10 }));
    const death = await cluster.death?.('etcd');
    stop.abort(new Error('enough'));
    expect(await flood).to.equal(stop.signal.reason);
    expect(death).to.include({ oom: true, signal: 'SIGKILL' });
    expect(JSON.stringify(deaths(run))).to.include('killed by SIGKILL (out of memory: memory cgroup)');
  });
});

describe('the launcher', () => {
  const launch = async (script: string, signal?: NodeJS.Signals) => {
    const folder = mkdtempSync(join(root, 'launcher-'));
    const program = join(folder, "it's a program");
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
    const file = join(folder, 'launch');
    const mark = 'feedfacefeedface';
    writeFileSync(file, launcher({ component: 'etcd', program, folder, mark }), { mode: 0o700 });
    const child = spawn(file, ['--one', 'two words'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = child.stdout.toArray();
    const exited = once(child, 'exit');
    if (signal) {
      while (!launched(folder, 'etcd')) await sleep(5);
      child.kill(signal);
    }
    await exited;
    return { folder, said: Buffer.concat(await said).toString(), end: ending(folder, 'etcd') };
  };

  it('passes arguments on, sets the mark, and records the exit code', async () => {
    const { said, end } = await launch('echo "$# $2 $ORDEAL_MARK"; exit 7');
    expect(said).to.equal('2 two words feedfacefeedface\n');
    expect(end).to.include({ status: 7 });
  });

  it('records which signal killed the program', async () => {
    expect((await launch('kill -9 $$')).end).to.include({ status: 128 + 9 });
  });

  it('passes signals on, and waits for what the program makes of them', async () => {
    const { end } = await launch("trap 'sleep 0.2; exit 5' TERM; while :; do sleep 0.05; done", 'SIGTERM');
    expect(end).to.include({ status: 5 });
  });
});
