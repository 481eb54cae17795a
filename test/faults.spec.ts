import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { refuseFilling } from '../harness/faults/fill-node-disk.ts';
import { becameFull, evictedForMemory } from '../harness/faults/hog-evidence.ts';
import { hogPods } from '../harness/faults/hog-pods.ts';
import { killUnit, timeSpan } from '../harness/faults/kill-unit.ts';
import { refuseHogs, refuseLimit } from '../harness/faults/memory-bounds.ts';
import { ranIntoLimit } from '../harness/faults/node-memory.ts';
import { faults } from '../harness/faults/table.ts';
import { nodeFault } from '../harness/faults/targets.ts';
import { pacesOf, throttleEvidence } from '../harness/faults/throttle-evidence.ts';
import { burstUnder, canaryScript, throttleScript } from '../harness/faults/throttle-script.ts';
import { type Cluster, type Fault, type FaultSpec, type Node, RefusedError, type Run } from '../harness/model.ts';
import { dockerNode } from '../harness/node/docker-node.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const run = { signal: new AbortController().signal } as Run;

function specOf(fault: string, parameters: FaultSpec['parameters'] = {}, workers = 1): FaultSpec {
  return { name: fault, fault, during: 'fault', after: 0, workers, parameters, deadline: 60_000 };
}

/** What it needs to be made, without defaults. */
const needed: Readonly<Record<string, FaultSpec['parameters']>> = {
  'limit-node-memory': { memory: GiB },
  'memory-hog': {
    qos: 'BestEffort',
    pods: 1,
    total: GiB,
    step: MiB,
    every: 100,
    restart: 'Never',
    medium: 'heap',
    image: 'x',
  },
  'throttle-node-io': { iops: 20 },
  'fill-node-disk': { bytes: GiB },
};

function made(name: string, workers = 1): Fault {
  const kind = faults.get(name) ?? expect.fail(`no fault ${name}`);
  return kind.make(specOf(name, needed[name], workers));
}

const nodeOf = (name: string, role: Node['role']) => dockerNode({ name, role, container: 'a'.repeat(64) });

async function clusterOf(...workers: readonly string[]): Promise<Cluster> {
  const nodes = [nodeOf('control-plane', 'control-plane'), ...workers.map((name) => nodeOf(name, 'worker'))];
  return { provider: 'kind', name: 'none', nodes: await Promise.all(nodes) } as unknown as Cluster;
}

async function refusal(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    expect(error).to.be.instanceOf(RefusedError);
    return (error as Error).message;
  }
  return expect.fail('it was not refused');
}

describe('the table of faults', () => {
  it('has a name, a help and parameters that explain themselves for each', () => {
    expect([...faults.keys()]).to.have.length(20);
    for (const [name, kind] of faults) {
      expect(kind.name).to.equal(name);
      expect(name).to.match(/^[a-z]+(-[a-z]+)+$/);
      expect(kind.help).to.not.be.empty;
      for (const parameter of Object.values(kind.parameters)) expect(parameter.help).to.not.be.empty;
    }
  });

  it('costs no Kubernetes client to import', () => {
    const folder = join(import.meta.dirname, '../harness/faults');
    for (const file of readdirSync(folder)) {
      const text = readFileSync(join(folder, file), 'utf8');
      // What only waits or reads labels imports no client.
      expect(text.match(/^import (?!type).*'\.\.\/kube\/(?!abortable|roles).*$/gm) ?? [], file).to.deep.equal([]);
    }
  });

  for (const [name, { elsewhere }] of faults) {
    if (elsewhere) continue;
    it(`${name}: says why it cannot be, where no node is reached, too few are there, or none is named`, async () => {
      const blind = { provider: 'embedded', name: 'none' } as unknown as Cluster;
      expect(await made(name).unavailable(blind)).to.include('cannot be reached');
      expect(await made(name, 2).unavailable(await clusterOf('one'))).to.include('2 workers, and the cluster has 1');
      expect(await refusal(made(name, 0).inject(await clusterOf('one'), run))).to.include('names no workers');
      expect(await refusal(made(name).inject(blind, run))).to.include(`fault ${name}`);
      expect(await made(name).unavailable(await clusterOf('one'))).to.equal(undefined);
    });
  }

  it('refuses what nothing outside the node could revert', async () => {
    const cluster = await clusterOf('one');
    const nodes = cluster.nodes?.map((node) => ({ ...node, outside: false }));
    for (const name of ['freeze-node', 'power-off-node', 'limit-node-memory']) {
      expect(await made(name).unavailable({ ...cluster, nodes: nodes ?? [] })).to.include('nothing outside node one');
    }
  });

  it('refuses parameters that contradict each other, before there is a cluster', async () => {
    const hog = (parameters: FaultSpec['parameters']) => () =>
      faults.get('memory-hog')?.make(specOf('memory-hog', { ...needed['memory-hog'], ...parameters }));
    expect(await refusal(hog({ limit: MiB }))).to.include('BestEffort');
    expect(await refusal(hog({ qos: 'Burstable' }))).to.include('needs a request');
    expect(await refusal(hog({ qos: 'Burstable', request: MiB, limit: MiB }))).to.include('must differ');
    expect(await refusal(hog({ qos: 'Guaranteed', request: MiB }))).to.include('needs a limit');
    expect(await refusal(hog({ qos: 'Guaranteed', request: MiB, limit: GiB }))).to.include('must be the same');
    expect(await refusal(() => faults.get('throttle-node-io')?.make(specOf('throttle-node-io')))).to.include('quota');
    expect(await refusal(() => faults.get('fill-node-disk')?.make(specOf('fill-node-disk')))).to.include('bytes');
  });
});

describe('a fault of nodes', () => {
  it('takes the first workers by name, joins their evidence, and fails closed when one cannot be read', async () => {
    const ended: string[] = [];
    const fault = nodeFault(specOf('some', {}, 2), {
      break: async (node) => ({
        async evidence() {
          if (node.name === 'b') throw new Error('no answer');
          return { real: true, detail: 'broken' };
        },
        async end() {
          ended.push(node.name);
        },
      }),
    });
    const injected = await fault.inject(await clusterOf('c', 'b', 'a'), run);
    expect(injected.targets).to.deep.equal(['a', 'b']);
    const { real, detail } = await injected.evidence();
    expect(real).to.equal(false);
    expect(detail).to.equal('a: broken; b: the evidence cannot be read: no answer');
    await injected.end();
    await injected.end();
    expect(ended).to.deep.equal(['b', 'a']);
  });

  it('is refused as a whole before anything is done to any node', async () => {
    const broken: string[] = [];
    const fault = nodeFault(specOf('some', {}, 2), {
      async refuse() {
        throw new RefusedError('too much');
      },
      async break({ name }) {
        broken.push(name);
        return expect.fail('it was done');
      },
    });
    expect(await refusal(fault.inject(await clusterOf('a', 'b'), run))).to.equal('too much');
    expect(broken).to.deep.equal([]);
  });
});

describe('the bounds of faults', () => {
  const node = { node: 'worker', limit: 2 * GiB, has: 2 * GiB, available: 20 * GiB };
  const unlimited = { ...node, limit: undefined, has: 24 * GiB };

  it('let a node have no less than 64 MiB and no more than it has', () => {
    expect(refuseLimit(GiB, node)).to.equal(undefined);
    expect(refuseLimit(2 * GiB, node)).to.equal(undefined);
    expect(refuseLimit(3 * GiB, node)).to.include('more than worker has (2048 MiB)');
    expect(refuseLimit(63 * MiB, node)).to.include('less than any node needs');
  });

  it('let hogs harm a node, never the host', () => {
    expect(refuseHogs(GiB, 4, [node])).to.equal(undefined);
    expect(refuseHogs(3 * GiB, 1, [node])).to.include('more than worker has');
    expect(refuseHogs(2 * GiB, 9, [node])).to.equal(undefined);
    expect(refuseHogs(2 * GiB, 10, [node])).to.include('more than the host can give (18432 MiB');
    expect(refuseHogs(2 * GiB, 5, [node, node])).to.include('more than the host can give');
    expect(refuseHogs(2 * GiB, 5, [node], { aNode: 10 * GiB, inAll: 10 * GiB })).to.include('20480 MiB in all');
    expect(refuseHogs(GiB, 1, [{ ...node, available: GiB }])).to.include('(0 MiB');
  });

  it('let hogs on a node without a limit take less than a quarter of what the host has to spare', () => {
    expect(refuseHogs(GiB, 4, [unlimited])).to.equal(undefined);
    expect(refuseHogs(GiB, 5, [unlimited])).to.include('no memory limit of its own');
  });

  it('leave 10 GiB and a tenth of the disk', () => {
    expect(refuseFilling(9 * GiB, { available: 20 * GiB, size: 50 * GiB })).to.equal(undefined);
    expect(refuseFilling(11 * GiB, { available: 20 * GiB, size: 50 * GiB })).to.include('10240 MiB must stay free');
    expect(refuseFilling(9 * GiB, { available: 20 * GiB, size: 200 * GiB })).to.include('20480 MiB must stay free');
  });
});

describe('hogs', () => {
  const hogs = {
    pods: 2,
    total: GiB,
    step: 4 * MiB,
    every: 100,
    restart: 'Always',
    volume: false,
    image: 'x',
    deadline: 60_500,
  };
  const podOf = (given: object) => {
    const [, pod] = hogPods('ns', 'worker', { ...hogs, guaranteed: false, ...given });
    return pod as unknown as {
      spec: { activeDeadlineSeconds: number; nodeName: string; containers: { resources: object; args: string[] }[] };
    };
  };

  it('are pods of their class with a deadline of their own', () => {
    expect(podOf({}).spec).to.include({ activeDeadlineSeconds: 61, nodeName: 'worker' });
    expect(podOf({}).spec.containers[0]?.resources).to.deep.equal({});
    expect(podOf({}).spec.containers[0]?.args.join(' ')).to.equal(
      'hog --step 4194304 --every 100ms --total 1073741824',
    );
    expect(podOf({ request: MiB }).spec.containers[0]?.resources).to.deep.equal({ requests: { memory: '1048576' } });
    expect(podOf({ volume: true }).spec.containers[0]?.args.slice(-2)).to.deep.equal(['--dir', '/hog']);
    const both = { cpu: '50m', memory: '1048576' };
    const guaranteed = podOf({ guaranteed: true, limit: MiB }).spec.containers[0]?.resources;
    expect(guaranteed).to.deep.equal({ requests: both, limits: both });
  });
});

describe('the evidence of hogs', () => {
  const target = (message: string, status = 'True') => ({
    conditions: [{ type: 'DisruptionTarget', status, reason: 'TerminationByKubelet', message }],
  });

  it('is an eviction for memory, however the hog ended', () => {
    const memory = 'The node was low on resource: memory. Threshold quantity: 100Mi';
    expect(evictedForMemory({ status: target(memory) })).to.equal(true);
    expect(evictedForMemory({ status: { reason: 'Evicted', message: memory } })).to.equal(true);
    expect(evictedForMemory({ status: target(memory, 'False') })).to.equal(false);
    expect(evictedForMemory({ status: target('The node was low on resource: ephemeral-storage.') })).to.equal(false);
    expect(evictedForMemory({ status: { message: memory } })).to.equal(false);
    expect(evictedForMemory({})).to.equal(false);
  });

  it('is a node that became full, not one that was, of page cache say', () => {
    const before = { limit: GiB, usage: MiB, peak: MiB, hits: 3 };
    const full = { ...before, usage: GiB, peak: GiB };
    expect(becameFull(before, full)).to.equal(true);
    expect(becameFull(before, before)).to.equal(false);
    expect(becameFull(full, full)).to.equal(false);
    expect(becameFull(full, { ...full, hits: 4 })).to.equal(true);
  });
});

describe('the evidence of a unit that is killed', () => {
  /** A node on which systemd says so much of the unit and of the service that kills it. */
  const evidenceOf = async (is: { restarts: number; killing: string; every: number; seconds: number }) => {
    let killed = false;
    let now = 0;
    const node = {
      ...(await nodeOf('worker', 'worker')),
      async exec(command: readonly string[]) {
        const text = command.join(' ');
        const of = (pid: number, restarts: number) => `ActiveState=active\nMainPID=${pid}\nNRestarts=${restarts}\n`;
        if (text.includes('-kill.service')) return { exitCode: 0, stdout: `ActiveState=${is.killing}\n`, stderr: '' };
        if (text.includes('RestartUSec')) return { exitCode: 0, stdout: 'RestartUSec=1s 500ms\n', stderr: '' };
        return { exitCode: 0, stdout: killed ? of(9, is.restarts) : of(1, 0), stderr: '' };
      },
    };
    const owed = { done: () => undefined, settle: async () => undefined };
    const here = {
      ...run,
      mark: 'm',
      clock: { now: () => now, fromWall: (wall: number) => wall },
      journal: { append: () => undefined },
      ledger: { owe: async () => owed },
    };
    const spec = { ...specOf('kill-runtime', { mode: 'again', every: is.every }), deadline: 200_000 };
    const fault = killUnit('kill-runtime', 'containerd').make(spec);
    const injected = await fault.inject({ nodes: [node] } as unknown as Cluster, here);
    killed = true;
    now = is.seconds * 1000;
    return await injected.evidence();
  };

  it('is as many restarts as the time allows, by a killer that still kills', async () => {
    const each = { killing: 'active', every: 500, seconds: 100 };
    expect((await evidenceOf({ ...each, restarts: 2 })).real, 'two in 100 s').to.equal(false);
    const { real, detail } = await evidenceOf({ ...each, restarts: 40 });
    expect(real).to.equal(true);
    expect(detail).to.include('restarted 40 times in 100 s (12 or more expected');
    expect((await evidenceOf({ ...each, restarts: 40, killing: 'inactive' })).real, 'no killer').to.equal(false);
    expect((await evidenceOf({ ...each, restarts: 1, every: 60_000, seconds: 100 })).real, 'seldom').to.equal(true);
  });

  it('knows how systemd writes a time', () => {
    expect(['100ms', '1s', '1min 30s', '1.5s', 'infinity', ''].map(timeSpan)).to.deep.equal([
      100, 1_000, 90_000, 1_500, 0, 0,
    ]);
  });
});

describe('a memory limit', () => {
  it('was felt when the kernel counted it, or when all of it was used', () => {
    const before = { limit: GiB, usage: MiB, peak: MiB, hits: 3 };
    expect(ranIntoLimit(before, before)).to.equal(false);
    expect(ranIntoLimit(before, { ...before, hits: 4 })).to.equal(true);
    expect(ranIntoLimit(before, { ...before, peak: GiB - 1 })).to.equal(true);
    expect(ranIntoLimit(before, { ...before, peak: GiB / 2 })).to.equal(false);
  });
});

describe('the evidence of a throttled disk', () => {
  const quota = { iops: 20, bytesPerSecond: undefined };
  const slow = { name: 'canary', block: 4096, before: [0.001, 0.002, 0.001], during: [0.05, 0.06] };
  const held = 'held system.slice/canary.service\nheld kubelet/pod\n';
  /** One sample a second of a group that asked for so many writes in each. */
  const samplesOf = (asked: readonly number[], group = 'kubelet/pod') => {
    let sum = 0;
    const lines = asked.map((writes, second) => {
      sum += writes;
      return `${second}.5 ${group} 0 ${sum} 0 0`;
    });
    return lines.join('\n');
  };

  it('is ten seconds at the quota and a slower canary', () => {
    const { real, detail } = throttleEvidence(samplesOf([0, ...Array(11).fill(20)]), quota, slow, held);
    expect(real).to.equal(true);
    expect(detail).to.include('11 s by kubelet/pod').and.include('takes 60.0 ms').and.include('1.00 ms before');
  });

  it('counts what was asked for at once as served later, at the quota', () => {
    expect(throttleEvidence(samplesOf([0, 220, ...Array(12).fill(0)]), quota, slow, held).detail).to.include(
      'for 11 s',
    );
    expect(throttleEvidence(samplesOf([0, 220]), quota, slow, held).real).to.equal(false);
  });

  it('is none when the quota was not used up, the canary did not slow, only the canary was busy, or nothing was read', () => {
    const busy = samplesOf([0, ...Array(12).fill(20)]);
    expect(throttleEvidence(samplesOf([0, ...Array(30).fill(18)]), quota, slow, held).real).to.equal(false);
    expect(throttleEvidence(busy, quota, { ...slow, during: [0.0015] }, held).real).to.equal(false);
    expect(throttleEvidence(busy, quota, { ...slow, during: [] }, held).real).to.equal(false);
    expect(throttleEvidence(busy.replaceAll('kubelet/pod', 'canary'), quota, slow, held).real).to.equal(false);
    expect(throttleEvidence('', quota, slow, held).real).to.equal(false);
  });

  it('is none on a disk that is slow by itself, without the quota', () => {
    const asked = samplesOf([0, ...Array(60).fill(200)]);
    const busy = { name: 'can', block: 4096, before: [0.0008, 0.0009, 0.001], during: Array(40).fill(0.002) };
    const both = { iops: 50, bytesPerSecond: 5 * MiB };
    expect(throttleEvidence(asked, both, busy, held.replace('canary', 'can')).real).to.equal(false);
    const large = { ...busy, block: MiB, during: [0.15] };
    expect(throttleEvidence(asked, both, large, held.replace('canary', 'can')).detail).to.include('160 ms at least');
    expect(throttleEvidence(asked, both, large, held.replace('canary', 'can')).real).to.equal(false);
  });

  it('is none where a limit is not there, and names it', () => {
    const busy = samplesOf([0, ...Array(12).fill(20)]);
    const of = (checked: string) => throttleEvidence(busy, quota, slow, checked);
    expect(of(held).real).to.equal(true);
    const refused = of(`${held}unheld kubelet/pod/blkio.throttle.read_iops_device: 254:0 7\n`);
    expect(refused.real).to.equal(false);
    expect(refused.detail).to.include('not in force: kubelet/pod/blkio.throttle.read_iops_device: 254:0 7');
    expect(of('held kubelet/pod\n').detail).to.include('no limit of the canary');
    expect(of('held system.slice/canary.service\n').real).to.equal(false);
    expect(of('').real).to.equal(false);
  });

  it('reads every limit back from the control groups', () => {
    const root = mkdtempSync(join(tmpdir(), 'ordeal-throttle-'));
    const limit = (group: string, files: Readonly<Record<string, string>>) => {
      mkdirSync(join(root, 'blkio', group), { recursive: true });
      for (const [file, text] of Object.entries(files))
        writeFileSync(join(root, 'blkio', group, `blkio.throttle.${file}_device`), text);
    };
    const whole = { read_iops: '8:0 7\n254:0 20\n', write_iops: '254:0 20\n' };
    limit('system.slice/canary.service', whole);
    limit('kubelet/good', whole);
    limit('kubelet/other', { ...whole, write_iops: '8:0 20\n' });
    const script = throttleScript('254:0', quota, 'canary').replaceAll('/sys/fs/cgroup', root);
    const said = execFileSync('bash', ['-s', 'check'], { input: script, encoding: 'utf8' });
    expect(said.split(/ *\n/).filter(Boolean).sort()).to.deep.equal([
      'held kubelet/good',
      'held system.slice/canary.service',
      'unheld kubelet/blkio.throttle.read_iops_device:',
      'unheld kubelet/other/blkio.throttle.write_iops_device: 8:0 20',
    ]);
    rmSync(root, { recursive: true });
  });

  it('comes from programs that bash can read, and a burst that a quota makes last', () => {
    for (const script of [
      throttleScript('254:0', { iops: 20, bytesPerSecond: MiB }, 'canary'),
      canaryScript('/var/x', burstUnder(quota)),
    ])
      execFileSync('bash', ['-n'], { input: script });
    expect(burstUnder(quota)).to.deep.equal({ block: 4096, writes: 20 });
    expect(burstUnder({ iops: undefined, bytesPerSecond: MiB })).to.deep.equal({ block: 256 * 1024, writes: 4 });
    expect(pacesOf('2000000 20\nnonsense\n400000 20\n')).to.deep.equal([0.1, 0.02]);
  });
});
