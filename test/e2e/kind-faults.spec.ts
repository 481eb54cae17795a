import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { docker } from '../../harness/docker.ts';
import { faults } from '../../harness/faults/table.ts';
import { createMany } from '../../harness/kube/apply.ts';
import { KubeClient } from '../../harness/kube/client.ts';
import type { Cluster, FaultSpec, Injected, Node } from '../../harness/model.ts';
import { RefusedError } from '../../harness/model.ts';
import { makeRunFolder } from '../../harness/run/folder.ts';
import { openLedger, readLedger } from '../../harness/run/ledger.ts';
import { kindSpec, newRun, requireKind, type TestRun } from './kind-ground.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const root = mkdtempSync(join(tmpdir(), 'ordeal-kind-faults-'));
const spec = kindSpec({}, { workerMemoryBytes: GiB, images: ['workload'] });

/** Every fault in turn, on one cluster, with real undos. */
describe('the faults of real nodes', function () {
  this.timeout(120_000);
  let run: TestRun;
  let cluster: Cluster;
  let worker: Node;

  before(async function () {
    const { provider } = await requireKind(this, spec);
    run = newRun(root, 'kind-faults');
    cluster = await provider().create(spec, run);
    worker = cluster.nodes?.at(-1) ?? expect.fail('no worker');
  });

  after(async () => {
    expect((await run?.ledger.payAll()) ?? []).to.deep.equal([]);
    run?.journal[Symbol.dispose]();
    await rm(root, { recursive: true, force: true });
  });

  function faultOf(name: string, parameters: FaultSpec['parameters'] = {}, deadline = 90_000) {
    const made = faults.get(name) ?? expect.fail(`no fault ${name}`);
    const given: Record<string, number | string> = {};
    for (const [parameter, { default: value }] of Object.entries(made.parameters)) if (value) given[parameter] = value;
    const asked = { name, fault: name, during: 'fault', after: 0, workers: 1, deadline };
    return made.make({ ...asked, parameters: { ...given, ...parameters } });
  }

  const onWorker = async (...command: readonly string[]) => (await worker.exec(command)).stdout.trim();
  const container = () => (worker.ref.via === 'docker' ? worker.ref.container : expect.fail('no container'));
  const inspected = (format: string) =>
    docker(['inspect', '--format', format, container()]).then((said) => said.trim());
  /** Units, files and throttles of ours on the worker. */
  const remains = () =>
    onWorker(
      'sh',
      '-c',
      `systemctl list-units --all --plain --no-legend 'ordeal-*'; ls -d /var/ordeal-* /run/ordeal-* 2>/dev/null
       find /sys/fs/cgroup -name 'blkio.throttle.*_device' -exec cat {} + 2>/dev/null; true`,
    );
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => expect.fail('it was not refused'),
      (error: Error) => {
        expect(error).to.be.instanceOf(RefusedError);
        return error.message;
      },
    );

  async function real(injected: Injected): Promise<string> {
    expect(injected.targets).to.deep.equal([worker.name]);
    const evidence = await injected.evidence();
    expect(evidence.real, evidence.detail).to.equal(true);
    return evidence.detail;
  }

  /** Ended, with nothing of it left and everything paid, and its evidence gone. */
  async function over(injected: Injected, name: string): Promise<void> {
    await injected.end();
    await injected.end();
    expect((await injected.evidence()).real).to.equal(false);
    expect(await remains()).to.equal('');
    const signs = run.events.filter((event) => event.kind === 'seen' && event.labels?.['fault'] === name);
    expect(signs[0]).to.deep.include({ what: 'node', subject: worker.name });
    expect(signs[0]).to.have.nested.property('labels.sign', 'injected');
  }

  for (const [name, unit] of [
    ['stop-kubelet', 'kubelet'],
    ['pause-kubelet', 'kubelet'],
    ['stop-runtime', 'containerd'],
  ] as const) {
    it(`${name}: ${unit} rests, and works again afterwards`, async () => {
      const injected = await faultOf(name).inject(cluster, run);
      await real(injected);
      await over(injected, name);
      expect(await onWorker('systemctl', 'is-active', unit)).to.equal('active');
    });
  }

  for (const [name, unit] of [
    ['kill-kubelet', 'kubelet'],
    ['kill-runtime', 'containerd'],
  ] as const) {
    it(`${name}: ${unit} dies again and again, and works again afterwards`, async () => {
      const injected = await faultOf(name, { every: 1_000 }).inject(cluster, run);
      await sleep(7_000);
      expect(await real(injected)).to.match(/restarted [2-9] times/);
      await over(injected, name);
      expect(await onWorker('systemctl', 'is-active', unit)).to.equal('active');
    });
  }

  it('freeze-node: every process of the node stands still until it is thawed', async () => {
    const injected = await faultOf('freeze-node').inject(cluster, run);
    expect(await inspected('{{.State.Status}}')).to.equal('paused');
    await real(injected);
    await over(injected, 'freeze-node');
  });

  it('limit-node-memory: is refused beyond what the node has, and is felt within', async () => {
    const inject = (memory: number) => faultOf('limit-node-memory', { memory }).inject(cluster, run);
    expect(await refusal(inject(2 * GiB))).to.include('(1024 MiB)');
    expect(await refusal(inject(32 * MiB))).to.include('less than any node needs');
    const before = await inspected('{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}');
    const injected = await inject(300 * MiB);
    // The page cache of one file is as good as a hog, and harms nobody.
    await onWorker('sh', '-c', 'dd if=/dev/zero of=/var/tmp/cache bs=1M count=400 status=none; rm /var/tmp/cache');
    await real(injected);
    await over(injected, 'limit-node-memory');
    expect(await inspected('{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}')).to.equal(before);
  });

  it('memory-hog: is refused beyond what node or host has, and takes what it says within', async () => {
    const inject = (total: number, pods = 1) =>
      faultOf('memory-hog', { total, pods, step: 20 * MiB, every: 100 }).inject(cluster, run);
    expect(await refusal(inject(2 * GiB))).to.include('more than');
    expect(await refusal(inject(GiB, 50))).to.include('more than the host can give');
    const injected = await inject(100 * MiB, 2);
    await until(async () => (await injected.evidence()).real);
    expect(await real(injected)).to.include('2 hogs');
    await over(injected, 'memory-hog');
  });

  it('fill-node-disk: is refused where the host would have too little left, and takes what it says within', async () => {
    const inject = (bytes: number) => faultOf('fill-node-disk', { bytes }).inject(cluster, run);
    expect(await refusal(inject(2 ** 50))).to.include('must stay free');
    const injected = await inject(500 * MiB);
    await real(injected);
    await over(injected, 'fill-node-disk');
  });

  it('throttle-node-io: a writer gets its quota and no more, and the canary slows', async () => {
    await using client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
    const writer = {
      name: 'writer',
      image: 'localhost/ordeal/workload:1',
      imagePullPolicy: 'Never',
      args: ['fsync', '--every', '1ms', '--file', '/data/file'],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    };
    const pod = {
      nodeName: worker.name,
      containers: [writer],
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: 'data', emptyDir: {} }],
    };
    const metadata = { name: 'writer', namespace: 'default' };
    await createMany(client, [{ apiVersion: 'v1', kind: 'Pod', metadata, spec: pod }], { signal: run.signal });
    const path = '/api/v1/namespaces/default/pods/writer';
    await until(async () => (await client.get<{ status: { phase: string } }>(path)).status.phase === 'Running');
    const injected = await faultOf('throttle-node-io', { iops: 20 }).inject(cluster, run);
    await sleep(12_000);
    expect(await real(injected)).to.match(/quota used up for 1\d s by .*pod/);
    await over(injected, 'throttle-node-io');
  });

  it('revert by themselves when the harness is killed: a unit by a timer on the node, a freeze from outside', async () => {
    for (const name of ['stop-kubelet', 'freeze-node']) {
      const dead = makeRunFolder({ runs: join(root, 'dead'), state: join(root, 'state') }, name);
      const harness = `
        import { dockerNode } from './harness/node/docker-node.ts';
        import { faults } from './harness/faults/table.ts';
        import { startClock } from './harness/run/clock.ts';
        import { openLedger } from './harness/run/ledger.ts';
        const { container, name, folder, mark } = JSON.parse(process.argv[1]);
        const node = await dockerNode({ name: 'worker', role: 'worker', container });
        const run = { id: 'dead', folder, mark, clock: startClock(), journal: { append() {} }, ledger: openLedger(folder), signal: new AbortController().signal };
        const spec = { name, fault: name, during: 'fault', after: 0, workers: 1, parameters: {}, deadline: 8000 };
        await faults.get(name).make(spec).inject({ nodes: [node] }, run);
        process.kill(process.pid, 'SIGKILL');`;
      const given = JSON.stringify({ container: container(), name, ...dead });
      const args = ['--input-type=module', '--eval', harness, given];
      const killed = await promisify(execFile)(process.execPath, args, {
        cwd: join(import.meta.dirname, '../..'),
      }).then(
        () => expect.fail('it lives'),
        (error: { signal: string }) => error.signal,
      );
      expect(killed).to.equal('SIGKILL');
      expect(readLedger(dead.folder).map(({ settled }) => settled)).to.deep.equal([false]);
      if (name === 'stop-kubelet') {
        await until(async () => (await onWorker('systemctl', 'is-active', 'kubelet')) === 'active');
      } else {
        await until(async () => (await inspected('{{.State.Status}}')) === 'running');
      }
      // What was put back is still on the books where nobody could write it down: paying again is harmless.
      expect(await openLedger(dead.folder).payAll()).to.deep.equal([]);
    }
    expect(await remains()).to.equal('');
  });

  it('power-off-node: the node stays off until it is powered on', async () => {
    const injected = await faultOf('power-off-node').inject(cluster, run);
    await sleep(3_000);
    await real(injected);
    await over(injected, 'power-off-node');
    expect(await inspected('{{.State.Status}}')).to.equal('running');
  });
});

async function until(is: () => Promise<boolean>, seconds = 40): Promise<void> {
  for (let tries = 0; tries < seconds * 2 && !(await is()); tries++) await sleep(500);
  expect(await is()).to.equal(true);
}
