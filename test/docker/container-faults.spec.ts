import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { keepLogs } from '../../harness/cluster/kind/logs.ts';
import { memoryDifferences } from '../../harness/cluster/kind/readback.ts';
import { docker } from '../../harness/docker.ts';
import { refuseForeignLimits } from '../../harness/faults/foreign-limits.ts';
import { limitNodeMemory } from '../../harness/faults/limit-node-memory.ts';
import { revival } from '../../harness/faults/unit.ts';
import { type Cluster, type Node, RefusedError, type Run } from '../../harness/model.ts';
import { dockerNode } from '../../harness/node/docker-node.ts';
import { startClock } from '../../harness/run/clock.ts';
import { makeRunFolder } from '../../harness/run/folder.ts';
import { openLedger } from '../../harness/run/ledger.ts';
import { skip } from '../skip.ts';
import { removeTestContainers, requireContainers, startContainer } from './containers.ts';

const MiB = 1024 ** 2;
const { signal } = new AbortController();
const temporary = () => mkdtempSync(join(tmpdir(), 'ordeal-test-'));

async function nodeOf(...options: readonly string[]): Promise<Node & { readonly container: string }> {
  const container = await startContainer(...options);
  // The image has a few applets only.
  const link = 'for name in tail find mkdir; do busybox ln -s busybox /bin/$name; done';
  await docker(['exec', container, 'sh', '-c', link]);
  return { ...(await dockerNode({ name: 'worker', role: 'worker', container })), container };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).to.be.instanceOf(RefusedError);
  return (error as Error).message;
}

describe('on a node that is a container', function () {
  this.timeout(90_000);

  before(async function () {
    await requireContainers(this);
  });

  after(removeTestContainers);

  describe('a memory limit of ours', () => {
    const root = temporary();
    const newRun = (): Run => {
      const made = makeRunFolder({ runs: join(root, 'runs'), state: join(root, 'state') }, 'test');
      const journal = { append: () => {} };
      return { ...made, clock: startClock(), journal, ledger: openLedger(made.folder), signal };
    };
    const inKernel = ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', 'memory.max', 'memory.swap.max'];
    /** As docker remembers them and as they are. */
    const limitsOf = async (node: Awaited<ReturnType<typeof nodeOf>>) => {
      const format = '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}';
      const remembered = await docker(['inspect', '-f', format, node.container]);
      return [remembered.trim(), ...(await node.readCgroup(inKernel)).values()];
    };
    const parameters = { memory: 64 * MiB };
    const spec = { name: 'limit', fault: 'limit-node-memory', during: 'x', after: 0, workers: 1, deadline: 60_000 };
    const fault = limitNodeMemory.make({ ...spec, parameters });
    const clusterOf = (node: Node) => ({ nodes: [node] }) as unknown as Cluster;
    // A node's own control groups can be written to; those of a plain container cannot.
    const startNode = (...options: readonly string[]) =>
      nodeOf('--tmpfs', '/sys/fs/cgroup', '--label', `io.x-k8s.kind.cluster=ordeal-test-${process.pid}`, ...options);

    for (const [what, options] of [
      ['with swap without an end', ['--memory', '256m', '--memory-swap', '-1']],
      ['without swap', ['--memory', '256m', '--memory-swap', '256m']],
      ['with as much swap again', ['--memory', '256m']],
    ] as const) {
      it(`is in force, and gone afterwards from a node that was limited ${what}`, async () => {
        const node = await startNode(...options);
        const before = await limitsOf(node);
        const injected = await fault.inject(clusterOf(node), newRun());
        expect((await injected.evidence()).detail).to.contain('limit 64 MiB');
        await injected.end();
        expect(await limitsOf(node)).to.deep.equal(before);
      });
    }

    it('is not taken for the node’s own by a second run, which would leave it there for ever', async () => {
      const node = await startNode();
      const first = await fault.inject(clusterOf(node), newRun());
      expect(await refusal(fault.inject(clusterOf(node), newRun()))).to.match(/worker is limited by ordeal already/);
      await first.end();
      const second = await fault.inject(clusterOf(node), newRun());
      await second.end();
      expect(Number.parseInt((await limitsOf(node))[0] ?? '', 10)).to.satisfy(
        (bytes: number) => bytes === 0 || bytes > 2 ** 62,
      );
    });
  });

  it('a worker without the memory limit that was asked for is told from one that has it, whatever its kubelet sees', async () => {
    const bytes = 256 * MiB;
    const limited = await nodeOf('--memory', '256m', '--memory-swap', '256m');
    expect(await memoryDifferences(limited, bytes, bytes)).to.deep.equal([]);
    expect((await memoryDifferences(limited, bytes, 2 * bytes)).join()).to.contain(`its kubelet sees ${2 * bytes}`);
    const free = await nodeOf();
    expect((await memoryDifferences(free, bytes, bytes)).join()).to.contain('its limit is');
    const unread = { name: 'worker', readCgroup: async () => new Map() } as unknown as Node;
    expect((await memoryDifferences(unread, bytes, bytes)).join()).to.contain('its limit is unknown');
  });

  it('a disk that somebody limited already is not throttled', async function () {
    const name = readdirSync('/sys/block').find((disk) => /^(sd|vd|xvd|nvme)/.test(disk) && existsSync(`/dev/${disk}`));
    if (name === undefined) return skip(this, 'this host has no disk whose IO could be limited');
    const device = readFileSync(`/sys/block/${name}/dev`, 'utf8').trim();
    await refuseForeignLimits(await nodeOf(), device, signal);
    const limited = await nodeOf('--device-write-iops', `/dev/${name}:1000`);
    expect(await refusal(refuseForeignLimits(limited, device, signal))).to.contain(
      `IO of ${device} is limited on worker`,
    );
    await refuseForeignLimits(limited, '7:777', signal);
  });

  describe('logs', () => {
    it('are kept without secrets, fifty of them at most', async () => {
      const node = await nodeOf();
      const token = ['eyJhbGciOiJSUzI1NiJ9', 'eyJpc3MiOiJrdWJlcm5ldGVzIn0', 'c2lnbmF0dXJl-_x'].join('.');
      const fill = `for number in $(busybox seq 60); do
        folder=/var/log/pods/kube-system_pod-$number-x_uid/app
        mkdir -p $folder
        echo "said $1" >$folder/$number.log
      done`;
      await node.exec(['sh', '-c', fill, 'fill', token]);
      const folder = join(temporary(), 'logs');
      await keepLogs([node], folder, process.env);
      const files = readdirSync(folder);
      expect(files).to.have.length(50).and.to.include('worker.console.log').and.to.include('worker.kubelet.log');
      expect(readFileSync(join(folder, 'worker.pod-1-x.app.1.log'), 'utf8')).to.equal('said <redacted>\n');
      expect(statSync(folder).mode & 0o777).to.equal(0o700);
    });

    it('of a node that does not answer are asked for once', async () => {
      const node = await nodeOf();
      await docker(['pause', node.container]);
      const folder = join(temporary(), 'logs');
      await keepLogs([node], folder, process.env);
      expect(readdirSync(folder)).to.have.members(['worker.console.log', 'worker.kubelet.log']);
      expect(readFileSync(join(folder, 'worker.kubelet.log'), 'utf8')).to.match(/could not be read/);
    });

    it('are left out when there is no time for them', async () => {
      const folder = join(temporary(), 'logs');
      await keepLogs([await nodeOf()], folder, process.env, AbortSignal.abort());
      expect(readFileSync(join(folder, 'worker.console.log'), 'utf8')).to.match(/no time left/);
    });
  });
});

describe('what revives a unit', () => {
  it('forgets how often it died before it is started', () => {
    const folder = temporary();
    writeFileSync(join(folder, 'systemctl'), '#!/bin/sh\necho "$1"\n', { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env['PATH']}` };
    const said = execFileSync('/bin/sh', ['-c', revival('kubelet')], { env, encoding: 'utf8' });
    expect(said.trim().split('\n')).to.deep.equal(['kill', 'reset-failed', 'start']);
  });
});
