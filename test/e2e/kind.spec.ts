import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { machinesOf } from '../../harness/cluster/kind/machines.ts';
import { KubeClient } from '../../harness/kube/client.ts';
import type { Cluster, ComponentSpec } from '../../harness/model.ts';
import { marked } from '../../harness/process.ts';
import { readLedger } from '../../harness/run/ledger.ts';
import { skip } from '../skip.ts';
import { type KindGround, kindSpec, newRun as newRunIn, requireKind, type TestRun } from './kind-ground.ts';
import { createUsersCluster, deleteUsersCluster } from './kind-of-a-user.ts';

const GIB = 1024 ** 3;
const root = mkdtempSync(join(tmpdir(), 'ordeal-kind-'));
const runs: TestRun[] = [];
const component = (flags: Record<string, string>): ComponentSpec => ({ flags, env: {} });

function newRun(signal?: AbortSignal): TestRun {
  const run = newRunIn(root, 'kind', signal);
  runs.push(run);
  return run;
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );
}

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' });
const linesIn = (text: string) => text.split('\n').filter((line) => line !== '');
/** The anonymous volumes of our containers. */
function volumesOf(mark: string): string[] {
  const ids = linesIn(docker('ps', '-aq', '--filter', `label=ordeal.mark=${mark}`));
  const format = '{{range .Mounts}}{{if eq .Type "volume"}}{{println .Name}}{{end}}{{end}}';
  return ids.length === 0 ? [] : linesIn(docker('inspect', '--format', format, ...ids));
}
const isVolume = (name: string) => linesIn(docker('volume', 'ls', '-q')).includes(name);

/** Everything in docker that carries the mark, in its name or in a label. */
function leftInDocker(mark: string): string[] {
  return [
    ...linesIn(docker('ps', '-a', '--format', '{{.Names}} {{.Labels}}')),
    ...linesIn(docker('network', 'ls', '--format', '{{.Name}} {{.Labels}}')),
  ].filter((line) => line.includes(mark));
}

function expectNothingLeft(run: TestRun) {
  expect(leftInDocker(run.mark), 'in docker').to.deep.equal([]);
  expect(marked(run.mark), 'processes').to.deep.equal([]);
  expect(existsSync(join(run.folder, 'cluster')), 'folder').to.equal(false);
  for (const { debt, settled } of readLedger(run.folder)) expect(settled, JSON.stringify(debt)).to.equal(true);
}

describe('a kind cluster', function () {
  this.timeout(240_000);
  let ground: KindGround;
  const spec = kindSpec(
    {
      identities: [{ user: 'flooder', groups: [], rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] }],
      components: {
        etcd: component({ 'quota-backend-bytes': '1073741824' }),
        'kube-apiserver': component({ 'max-requests-inflight': '300' }),
        'kube-controller-manager': component({ 'kube-api-qps': '50' }),
      },
    },
    {
      kubelet: { evictionHard: { 'memory.available': '150Mi' }, evictionPressureTransitionPeriod: '30s' },
      workerMemoryBytes: GIB,
    },
  );

  before(async function () {
    ground = await requireKind(this, spec);
  });

  after(async () => {
    // A test that failed half-way must not leave a cluster behind.
    for (const run of runs) {
      await run.ledger.payAll();
      run.journal[Symbol.dispose]();
    }
    await rm(root, { recursive: true, force: true });
  });

  const provider = (existing?: string) => ground.provider(existing);

  describe('of our own, with a small worker and changed flags', () => {
    let run: TestRun;
    let cluster: Cluster;
    const client = (user: string) => new KubeClient(cluster.connect(user), { signal: run.signal });
    const worker = () => cluster.nodes?.at(-1) ?? expect.fail('no worker');

    before(async function () {
      const reason = await provider().unavailable(spec);
      if (reason !== undefined) skip(this, reason);
      run = newRun();
      cluster = await provider().create(spec, run);
      console.log(`      ${run.events.flatMap((event) => (event.kind === 'progress' ? event.text : [])).at(-1)}`);
    });

    it('has nodes that can be reached', async () => {
      const names = [`ordeal-${run.mark}-control-plane`, `ordeal-${run.mark}-worker`];
      expect(cluster.nodes?.map(({ name, role }) => [name, role])).to.deep.equal([
        [names[0], 'control-plane'],
        [names[1], 'worker'],
      ]);
      expect((await worker().exec(['hostname'])).stdout.trim()).to.equal(names[1]);
      expect(cluster.capabilities?.has('kubelet')).to.equal(true);
    });

    it('has a worker that is as small as asked, and knows it', async () => {
      await using kube = client('ordeal:nodes');
      const node = await kube.get(`/api/v1/nodes/${worker().name}`);
      const { capacity } = node['status'] as { capacity: { memory: string } };
      expect(capacity.memory).to.equal('1Gi');
      const ref = worker().ref;
      const container = ref.via === 'docker' ? ref.container : '';
      expect(docker('inspect', '--format', '{{.HostConfig.Memory}}', container).trim()).to.equal(String(GIB));
    });

    it('has a kubelet that takes what is free from the control group', async () => {
      await using kube = client('ordeal:kubelet');
      const path = `/api/v1/nodes/${worker().name}/proxy/stats/summary`;
      const { node } = await kube.get<{ node: { memory: { availableBytes: number; workingSetBytes: number } } }>(path);
      expect(node.memory.availableBytes + node.memory.workingSetBytes).to.equal(GIB);
      expect(node.memory.workingSetBytes).to.be.above(10 * 1024 ** 2);
    });

    it('journals what runs on its nodes, and how it was asked to', () => {
      const facts = run.events.find((event) => event.kind === 'cluster');
      if (facts?.kind !== 'cluster') return expect.fail('no cluster event');
      expect(facts).to.include({ provider: 'kind', name: `ordeal-${run.mark}` });
      const named = Object.fromEntries(facts.components.map((fact) => [fact.name, fact]));
      for (const { name, version, pid } of facts.components) {
        expect(version, name).to.match(/^\d+\.\d+\.\d+/);
        expect(pid, name).to.be.above(1);
      }
      expect(named['etcd']?.args).to.include('--quota-backend-bytes=1073741824');
      expect(named['kube-apiserver']?.args).to.include('--max-requests-inflight=300');
      expect(named['kube-controller-manager']?.args).to.include('--kube-api-qps=50');
      expect(named).to.include.keys('kubelet', `kubelet@${worker().name}`, `containerd@${worker().name}`);
      expect(facts.notes.join('\n')).to.match(/kernel of this host[\s\S]*1024 MiB/);
    });

    it('configured its kubelets, and merged what kind sets', async () => {
      await using kube = client('ordeal:kubelet');
      const path = `/api/v1/nodes/${worker().name}/proxy/configz`;
      const { kubeletconfig } = await kube.get<{ kubeletconfig: { evictionHard: Record<string, string> } }>(path);
      expect(kubeletconfig.evictionHard).to.include({ 'memory.available': '150Mi', 'nodefs.available': '0%' });
    });

    it('gives each identity its rights and no more', async () => {
      await using flooder = client('flooder');
      expect((await flooder.list('/api/v1/pods')).items).to.not.be.empty;
      expect(await failureOf(flooder.list('/api/v1/nodes'))).to.include({ name: 'ClusterError', code: 403 });
      await using probe = client('ordeal:apiserver-metrics');
      expect(await probe.text('/metrics')).to.include('apiserver_request_total');
      expect(await failureOf(probe.list('/api/v1/secrets'))).to.include({ code: 403 });
      expect(await failureOf(probe.delete(`/api/v1/nodes/${worker().name}`))).to.include({ code: 403 });
      await using harness = client('ordeal:harness');
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ours' } };
      await harness.create('/api/v1/namespaces/default/configmaps', object);
      expect(() => cluster.connect('nobody')).to.throw('flooder');
    });

    it('is reached on loopback only', () => {
      const ports = linesIn(docker('ps', '--filter', `label=ordeal.mark=${run.mark}`, '--format', '{{.Ports}}'));
      expect(ports).to.have.length(1);
      expect(ports[0]).to.match(/^127\.0\.0\.1:\d+->6443\/tcp$/);
      expect(cluster.endpoints?.apiserver).to.match(/^https:\/\/127\.0\.0\.1:\d+$/);
    });

    it('keeps its logs without a secret, and its kubeconfig to itself', async () => {
      const logs = join(run.folder, 'logs');
      await cluster.collectLogs(logs);
      const files = readdirSync(logs);
      for (const name of ['console', 'kubelet', 'containerd']) expect(files).to.include(`${worker().name}.${name}.log`);
      expect(files.some((file) => /\.kube-apiserver\.0\.log$/.test(file))).to.equal(true);
      expect(readFileSync(join(logs, `${worker().name}.kubelet.log`), 'utf8')).to.match(/kubelet/);
      const all = [...files.map((file) => readFileSync(join(logs, file), 'utf8')), JSON.stringify(run.events)].join(
        '\n',
      );
      for (const user of ['flooder', 'ordeal:harness']) {
        expect(all.includes(cluster.connect(user).token), user).to.equal(false);
      }
      expect(statSync(cluster.kubeconfig).mode & 0o777).to.equal(0o600);
    });

    it('is not lent to another run', async () => {
      const other = newRun();
      expect(await provider(cluster.name).unavailable(kindSpec())).to.include(run.mark);
      expect(String(await failureOf(provider(cluster.name).create(kindSpec(), other)))).to.include('belongs to');
      expectNothingLeft(other);
      expect(leftInDocker(run.mark)).to.have.length(3);
    });

    it('leaves nothing behind', async () => {
      const volumes = volumesOf(run.mark);
      expect(volumes).to.have.length(2);
      await cluster[Symbol.asyncDispose]();
      expectNothingLeft(run);
      expect(volumes.filter(isVolume)).to.deep.equal([]);
    });
  });

  describe('that somebody has', () => {
    const name = `ordeal-test-${process.pid}`;
    const signal = new AbortController().signal;
    const kubectl = (...args: string[]) =>
      linesIn(docker('exec', `${name}-control-plane`, 'kubectl', ...args, '-o', 'name')).filter((it) =>
        /ordeal/.test(it),
      );

    before(async function () {
      const reason = await provider().unavailable(kindSpec());
      if (reason !== undefined) skip(this, reason);
      await createUsersCluster(ground, { name, root });
    });

    after(() => deleteUsersCluster(name));

    let machines: readonly { readonly container: string }[] = [];

    it('is used and left as it was', async () => {
      machines = await machinesOf(name, process.env);
      expect(machines).to.have.length(2);
      const run = newRun();
      const cluster = await provider(name).create(kindSpec({ identities: spec.identities }), run);
      expect(cluster.name).to.equal(name);
      await using kube = new KubeClient(cluster.connect('flooder'), { signal });
      expect((await kube.list('/api/v1/pods')).items).to.not.be.empty;
      await using harness = new KubeClient(cluster.connect('ordeal:harness'), { signal });
      const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'more' } };
      const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
      expect(await failureOf(harness.create(path, role)), 'no admin').to.include({ code: 403 });
      expect(kubectl('get', 'namespaces,clusterroles,clusterrolebindings')).to.have.length(7);

      await cluster[Symbol.asyncDispose]();
      expectNothingLeft(run);
      expect(kubectl('get', 'namespaces,clusterroles,clusterrolebindings')).to.deep.equal([]);
      expect(await machinesOf(name, process.env)).to.deep.equal(machines);
    });

    it('is refused where it is not as the scenario wants it', async () => {
      const run = newRun();
      const kubelet = { maxPods: 17 };
      const error = await failureOf(provider(name).create(kindSpec({}, { kubelet }), run));
      expect(String(error)).to.match(/RefusedError[\s\S]*maxPods 17 was asked for, it has 110/);
      expectNothingLeft(run);
      expect(await machinesOf(name, process.env)).to.deep.equal(machines);
      expect(await provider('no-such-cluster').unavailable(kindSpec())).to.include('no-such-cluster');
    });
  });

  it('leaves nothing when its creation is interrupted', async () => {
    const interrupt = new AbortController();
    const run = newRun(interrupt.signal);
    const creating = failureOf(provider().create(kindSpec(), run));
    await sleep(5_000);
    expect(leftInDocker(run.mark), 'it was under way').to.not.be.empty;
    const volumes = volumesOf(run.mark);
    interrupt.abort(new Error('interrupted'));
    expect(await creating).to.equal(interrupt.signal.reason);
    expect(await run.ledger.payAll()).to.deep.equal([]);
    await sleep(2_000);
    expectNothingLeft(run);
    expect(volumes.filter(isVolume)).to.deep.equal([]);
  });

  it('refuses more memory than the host has before anything is made', async () => {
    const run = newRun();
    const large = kindSpec({}, { workerMemoryBytes: 1024 * GIB });
    expect(await failureOf(provider().create(large, run))).to.include({ name: 'RefusedError' });
    expect(readLedger(run.folder)).to.deep.equal([]);
  });
});
