import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { docker } from '../../harness/docker.ts';
import { applyMany, createMany } from '../../harness/kube/apply.ts';
import { KubeClient } from '../../harness/kube/client.ts';
import { renderMany } from '../../harness/kube/manifest.ts';
import { rolledOut } from '../../harness/kube/rollout.ts';
import type { Cluster, Node, Run } from '../../harness/model.ts';
import { probes } from '../../harness/probes/table.ts';
import { kindSpec, newRun, requireKind, type TestRun } from './kind-ground.ts';

const root = mkdtempSync(join(tmpdir(), 'ordeal-kind-probes-'));
const ingress = fileURLToPath(new URL('../../scenarios/ingress-hammer', import.meta.url));
const names = ['nodes', 'pods', 'kubelet', 'node', 'node-logs'];
/** Five probes of a cluster of its own, to which one thing after the other happens. */
describe('the probes of real nodes', function () {
  this.timeout(180_000);
  let events: TestRun['events'];
  const watching = new AbortController();
  let run: TestRun;
  let cluster: Cluster;
  let kube: KubeClient;
  let worker: Node;
  let ended: Promise<unknown> = Promise.resolve();

  const samples = (metric: string, labels: object = {}) =>
    events.flatMap((event) => {
      if (event.kind !== 'sample' || event.metric !== metric) return [];
      return Object.entries(labels).every(([label, value]) => event.labels?.[label] === value) ? [event] : [];
    });
  const seen = (pattern: RegExp, what = 'log') =>
    events.filter((event) => event.kind === 'seen' && event.what === what && pattern.test(event.detail));
  const last = (metric: string, labels: object = {}) => samples(metric, labels).at(-1)?.value;
  const until = async (what: string, is: () => boolean, seconds = 60) => {
    for (let tries = 0; tries < seconds * 10 && !is(); tries++) await sleep(100);
    expect(is(), what).to.equal(true);
  };
  const container = () => (worker.ref.via === 'docker' ? worker.ref.container : expect.fail('no container'));

  before(async function () {
    const spec = kindSpec({}, { images: ['nginx'] });
    const { provider } = await requireKind(this, spec);
    run = newRun(root, 'kind-probes');
    events = run.events;
    cluster = await provider().create(spec, run);
    worker = cluster.nodes?.at(-1) ?? expect.fail('no worker');
    kube = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
  });

  after(async () => {
    watching.abort(new Error('enough'));
    await ended.catch(() => undefined);
    await kube?.[Symbol.asyncDispose]();
    await run?.ledger.payAll();
    run?.journal[Symbol.dispose]();
    await rm(root, { recursive: true, force: true });
  });

  it('see every node, and have heard every log before they say that they listen', async () => {
    const watched: Run = { ...run, signal: watching.signal };
    const observed = await Promise.all(names.map((name) => probes.get(name)?.().observe(cluster, watched)));
    ended = Promise.all(observed.map((each) => each?.ended));
    await sleep(4_000);
    for (const { name } of cluster.nodes ?? []) {
      for (const metric of ['node.ready', 'kubelet.up', 'node.memory.working-set', 'node.unit.active'])
        expect(last(metric, { node: name }), `${metric} of ${name}`).to.be.greaterThan(0);
    }
    expect(last('log.signatures')).to.equal(0);
    const promised = events.flatMap((event) => (event.kind === 'observing' ? [event.source] : []));
    expect(promised).to.include.members([...names, 'kubelet/metrics', 'node/units']);
    expect(events.filter(({ kind: is }) => is === 'blind')).to.deep.equal([]);
  });

  it('tell a pod that dies of its own limit, by the kubelet and by the kernel', async () => {
    const { status } = await kube.get<{ status: { images: { names: string[] }[] } }>(`/api/v1/nodes/${worker.name}`);
    const image = status.images.flatMap((each) => each.names).find((name) => /kube-controller-manager:/.test(name));
    const hog = {
      name: 'hog',
      image,
      imagePullPolicy: 'Never',
      // Every node image has it, and it cannot live on so little.
      command: ['kube-controller-manager', '--master=http://127.0.0.1:1'],
      env: [{ name: 'GOGC', value: 'off' }],
      resources: { limits: { memory: '16Mi' }, requests: { memory: '16Mi' } },
    };
    await kube.create('/api/v1/namespaces/default/pods', {
      metadata: { name: 'hog', labels: { app: 'hog' } },
      spec: { nodeName: worker.name, restartPolicy: 'Always', containers: [hog], automountServiceAccountToken: false },
    });
    const victim = { node: worker.name, victim: 'pod', qos: 'burstable', limit: 'pod' };
    await until('the kernel log', () => samples('node.oom-victims', victim).length > 0);
    await until('the status of the pod', () => samples('pod.oom-kills', { app: 'hog' }).length > 0);
    await until('the counter of the kernel', () => samples('kernel.oom-kills').some(({ value }) => value > 0));
    expect(seen(/OOMKilled, exit 137/, 'pod')).to.not.be.empty;
    expect(seen(/^Memory cgroup out of memory: Killed process/)).to.not.be.empty;
    await kube.delete('/api/v1/namespaces/default/pods/hog', { gracePeriodSeconds: 0 });
    await until('its mark', () => samples('pod.deletion-marks', { app: 'hog' }).length > 0);
  });

  it('hear a proxy in a pod, and see its workers, also one that outlives a reload', async () => {
    const parameters = { burst: 58, connections: 300, shutdownTimeout: '0s', rules: 'no-limits' };
    const objectsOf = (file: string) => [
      ...renderMany(readFileSync(join(ingress, 'kind', file), 'utf8'), parameters, 1),
    ];
    const apply = async (file: string) => {
      const objects = objectsOf(file);
      await applyMany(kube, objects, { signal: run.signal });
      for (const object of objects) await rolledOut(kube, object, run);
    };
    const closing = new AbortController();
    const watched: Run = { ...run, signal: closing.signal };
    const own = ['proxy-log', 'proxy-workers'];
    const observed = await Promise.all(own.map((name) => probes.get(name)?.().observe(cluster, watched)));
    await createMany(kube, objectsOf('backend.yaml'), { signal: run.signal });
    await apply('ingress.yaml');
    await until('its workers', () => last('proxy.workers', { worker: 'current' }) === 2);
    const url = '/api/v1/namespaces/default/services/ingress:80/proxy';
    expect(await kube.text(`${url}/`)).to.equal('done\n');
    await until('its log', () => samples('proxy.answers', { status: '200', client: 'other', cause: 'ok' }).length > 0);
    const stream = await kube.stream(`${url}/events`, { for: '60s' }, closing.signal);
    expect(String((await stream.next()).value)).to.equal('data: still here\n\n');
    await apply('four-pods.yaml');
    await until('the old worker', () => samples('proxy.outlived').some(({ value }) => value > 1));
    expect(last('proxy.connections', { worker: 'old' })).to.be.greaterThan(0);
    expect(seen(/^it got list \d+, of 4 pods$/, 'other')).to.have.length(1);
    closing.abort(new Error('enough'));
    await Promise.all(observed.map((each) => each?.ended.catch(() => undefined)));
    for (const path of ['deployments/proxy', 'deployments/application'])
      await kube.delete(`/apis/apps/v1/namespaces/default/${path}`);
    expect(events.filter((event) => event.kind === 'blind' && !event.explained)).to.deep.equal([]);
  });

  it('tell a kubelet that is stopped and started', async () => {
    await worker.exec(['systemctl', 'stop', 'kubelet']);
    const unit = { node: worker.name, unit: 'kubelet' };
    try {
      await until('its health', () => last('kubelet.up', { node: worker.name }) === 0);
      await until('its unit', () => last('node.unit.active', unit) === 0);
      await until('its log', () => samples('log.signatures', { ...unit, signature: 'unit-stopped' }).length > 0);
    } finally {
      await worker.exec(['systemctl', 'start', 'kubelet']);
    }
    await until('its health', () => last('kubelet.up', { node: worker.name }) === 1);
    await until('its unit', () => last('node.unit.active', unit) === 1);
    const unexplained = events.filter((event) => event.kind === 'blind' && !event.explained);
    expect(unexplained).to.deep.equal([]);
  });

  it('see a frozen node from outside, and say why its log is silent', async () => {
    const from = run.clock.now();
    await docker(['pause', container()]);
    try {
      const blind = (source: string) =>
        events.some((event) => event.kind === 'blind' && event.source === source && event.explained && event.t > from);
      await until('the silence of the log', () => blind('node-logs'));
      await until('the silence of systemd', () => blind('node/units'));
      expect(last('kubelet.up', { node: worker.name })).to.equal(0);
      const memory = samples('node.memory.usage', { node: worker.name });
      expect(memory.filter(({ t }) => t > from + 2_000)).to.not.be.empty;
    } finally {
      await docker(['unpause', container()]);
    }
    await until('its health', () => last('kubelet.up', { node: worker.name }) === 1);
    const again = run.clock.now();
    const units = { node: worker.name };
    await until('its units', () => samples('node.unit.active', units).some(({ t }) => t > again));
  });

  it('leave nothing running on the nodes', async () => {
    watching.abort(new Error('enough'));
    await ended;
    const running = async () => {
      const found: string[] = [];
      for (const node of cluster.nodes ?? [])
        found.push((await node.exec(['sh', '-c', 'ps -eo args | grep -E "[j]ournalctl -f|[c]at /dev/kmsg"'])).stdout);
      return found.join('');
    };
    for (let tries = 0; tries < 20 && (await running()) !== ''; tries++) await sleep(500);
    expect(await running()).to.equal('');
    await cluster[Symbol.asyncDispose]();
  });
});
