import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { redact } from '../harness/cluster/identities.ts';
import { accountsOf } from '../harness/cluster/kind/accounts.ts';
import { beyondKind, kindConfiguration } from '../harness/cluster/kind/config.ts';
import { beyondMemory, meminfo } from '../harness/cluster/kind/meminfo.ts';
import { differences } from '../harness/cluster/kind/readback.ts';
import { refusals } from '../harness/cluster/kind/refusals.ts';
import { kindConfigFolder, readShape, workersOf } from '../harness/cluster/kind/shape.ts';
import { type ClusterSpec, type ComponentSpec, type Json, RefusedError } from '../harness/model.ts';

const MIB = 1024 ** 2;
const component = (spec: Partial<ComponentSpec>): ComponentSpec => ({ flags: {}, env: {}, ...spec });
const spec = (kubelet: Record<string, Json> = {}, rest: Partial<ClusterSpec> = {}): ClusterSpec => ({
  nodes: 0,
  components: {},
  leaderElection: true,
  identities: [],
  kind: { shape: 'one-worker', kubelet, images: [] },
  ...rest,
});

describe('kind-config', () => {
  const shapes = readdirSync(kindConfigFolder()).filter((file) => file.endsWith('.yaml'));

  it('has a shape with one worker and one with two', () => {
    expect(shapes).to.include.members(['one-worker.yaml', 'two-workers.yaml']);
  });

  for (const file of shapes) {
    it(`${file} is a cluster of kind, on loopback, with a control plane`, async () => {
      const shape = parse(readFileSync(join(kindConfigFolder(), file), 'utf8'));
      expect(shape).to.include({ kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4' });
      expect(shape.networking).to.deep.equal({ ipFamily: 'ipv4', apiServerAddress: '127.0.0.1' });
      expect(shape.nodes[0]).to.deep.equal({ role: 'control-plane' });
      const count = ['one', 'two', 'three'].indexOf(file.split('-')[0] ?? '') + 1;
      expect(workersOf(await readShape(file.replace('.yaml', '')))).to.equal(count);
    });
  }

  it('refuses a shape that is not there, and names those that are', async () => {
    const error = await readShape('../package').catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(RefusedError);
    expect(String(error)).to.match(/no cluster shape "\.\.\/package"; there are: one-worker, .*two-workers/);
  });
});

describe('the configuration of a kind cluster', () => {
  const patchesOf = (made: { readonly [field: string]: unknown }) =>
    (made['kubeadmConfigPatches'] as string[]).map((text) => parse(text) as Record<string, unknown>);

  it('tells kubelets what the ground needs, and the scenario over it', async () => {
    const shape = await readShape('one-worker');
    const asked = spec({ evictionHard: { 'memory.available': '100Mi' }, cgroupDriver: 'systemd' });
    expect(patchesOf(kindConfiguration(shape, asked, { cgroup: 1, ours: true }))).to.deep.equal([
      {
        kind: 'KubeletConfiguration',
        failCgroupV1: false,
        cgroupDriver: 'systemd',
        resolvConf: '/kind/pod-resolv.conf',
        evictionHard: { 'memory.available': '100Mi' },
      },
    ]);
    expect(patchesOf(kindConfiguration(shape, spec(), { cgroup: 2, ours: false }))).to.deep.equal([]);
  });

  it('hands flags of components to kubeadm', async () => {
    const components = {
      etcd: component({ flags: { 'quota-backend-bytes': '1000' } }),
      'kube-apiserver': component({ flags: { 'watch-cache': 'false' } }),
    };
    const made = kindConfiguration(await readShape('one-worker'), spec({}, { components }), { cgroup: 2, ours: false });
    expect(patchesOf(made)).to.deep.equal([
      {
        kind: 'ClusterConfiguration',
        etcd: { local: { extraArgs: { 'quota-backend-bytes': '1000' } } },
        apiServer: { extraArgs: { 'watch-cache': 'false' } },
      },
    ]);
  });

  it('gives workers, and no control plane, a meminfo of their own', async () => {
    const { nodes } = kindConfiguration(
      await readShape('two-workers'),
      spec(),
      { cgroup: 1, ours: true },
      '/run/meminfo',
    );
    const mount = { hostPath: '/run/meminfo', containerPath: '/proc/meminfo', readOnly: true };
    expect(nodes.map((node) => node['extraMounts'])).to.deep.equal([undefined, [mount], [mount]]);
    expect(meminfo(1024 * MIB)).to.match(/^MemTotal: +1048576 kB\n/);
  });

  it('says what kind cannot give', () => {
    const components = {
      etcd: component({ version: '3.5.12' }),
      'kube-apiserver': component({ env: { GOGC: '90' }, memoryBytes: MIB }),
      'kwok-controller': component({ flags: { v: '2' } }),
      'kube-scheduler': component({ flags: { v: '2' } }),
    };
    const identities = [{ user: 'flooder', groups: ['tenants'], rules: [] }];
    const reasons = beyondKind(spec({}, { components, identities }));
    expect(reasons).to.have.length(5);
    expect(reasons.join('\n')).to.match(/etcd 3\.5\.12[\s\S]*environment[\s\S]*memory[\s\S]*kwok[\s\S]*flooder/);
  });
});

describe('the memory of workers', () => {
  it('is refused when the host cannot give it', async () => {
    expect(await beyondMemory(1, totalmem())).to.match(/this host has \d+ MiB available/);
    const kind = { shape: 'two-workers', kubelet: {}, images: [], workerMemoryBytes: totalmem() / 2 };
    expect((await refusals(spec({}, { kind }), { own: true })).join('\n')).to.include('2 workers of');
  });

  it('is refused when no kubelet could live with it', async () => {
    expect(await beyondMemory(1, 200 * MIB)).to.include('the least is 256 MiB');
  });
});

describe('reading back a kubelet configuration', () => {
  it('takes a duration for what it means', () => {
    expect(differences({ a: '5m0s', b: { c: '1h30m0s' } }, { a: '300s', b: { c: '90m' } }, '')).to.deep.equal([]);
  });

  it('says what is not as asked, and ignores what nobody asked for', () => {
    const actual = { evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '0%' }, maxPods: 110 };
    expect(differences(actual, { evictionHard: { 'memory.available': '100Mi' } }, '')).to.deep.equal([]);
    expect(differences(actual, { evictionHard: { 'memory.available': '200Mi' }, seccomp: true }, '')).to.deep.equal([
      'evictionHard.memory.available "200Mi" was asked for, it has "100Mi"',
      'seccomp true was asked for, it has none',
    ]);
  });
});

describe('service accounts', () => {
  const mark = '0123456789abcdef';
  const identity = { user: 'flooder', groups: [], rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] };

  it('carry the mark in everything that is not in their namespace', () => {
    for (const admin of [true, false]) {
      for (const { kind, metadata } of accountsOf([identity], mark, { admin }).objects) {
        expect(metadata.namespace ?? metadata.name, `${kind} ${metadata.name}`).to.include(mark);
      }
    }
  });

  it('may not read secrets, and are nobody’s admin in a cluster that somebody uses', () => {
    const objects = accountsOf([identity], mark, { admin: false }).objects;
    expect(JSON.stringify(objects)).to.not.include('cluster-admin');
    const probes = objects.find(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name.endsWith('-probes'));
    expect(JSON.stringify(probes)).to.not.include('secrets');
  });

  it('may not take the name of one of ours', () => {
    expect(() => accountsOf([{ ...identity, user: 'ordeal:nodes' }], mark, { admin: true })).to.throw(RefusedError);
  });

  it('have tokens that are no text for a log', () => {
    const token = ['eyJhbGciOiJSUzI1NiJ9', 'eyJpc3MiOiJrdWJlcm5ldGVzIn0', 'c2lnbmF0dXJl-_x'].join('.');
    expect(redact(`Bearer ${token}, and more`)).to.equal('Bearer <redacted>, and more');
  });
});

describe('the docker front', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ordeal-front-'));
  const front = join(kindConfigFolder(), 'docker-front');
  const environment = {
    PATH: `${front}:${folder}:${process.env['PATH']}`,
    ORDEAL_MARK: '0123456789abcdef',
    ORDEAL_WORKER_MEMORY: '1073741824',
  };

  before(() => writeFileSync(join(folder, 'docker'), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 }));
  after(() => rmSync(folder, { recursive: true }));

  const said = (...args: string[]) =>
    execFileSync(join(front, 'docker'), args, { encoding: 'utf8', env: environment }).split('\n').slice(0, -1);

  it('labels what is created with the mark', () => {
    expect(said('run', '--detach', 'image').join(' ')).to.equal(
      'run --label ordeal.mark=0123456789abcdef --detach image',
    );
    expect(said('network', 'create', '-d=bridge', 'mine').join(' ')).to.equal(
      'network create --label ordeal.mark=0123456789abcdef -d=bridge mine',
    );
  });

  it('limits workers, and nobody else', () => {
    const label = (role: string) => ['run', '--label', `io.x-k8s.kind.role=${role}`, 'image'];
    expect(said(...label('worker')).join(' ')).to.include('--memory 1073741824 --memory-swap 1073741824 image');
    expect(said(...label('control-plane'))).to.not.include('--memory');
  });

  it('asks for every capability that is to be had here', () => {
    const args = said('run', '--privileged', 'image');
    if (args.includes('--privileged')) return;
    expect(args.join(' ')).to.match(/--cap-add ALL (--cap-drop \w+ )+/);
    expect(said('exec', '--privileged', '-i', 'node', 'true').join(' ')).to.equal('exec -i node true');
  });

  it('hands everything else on as it came', () => {
    const args = ['exec', '-i', 'node', 'sh', '-c', 'echo "a  b" --privileged'];
    expect(said(...args)).to.deep.equal(args);
    expect(said('ps', '--filter', 'label=a b')).to.deep.equal(['ps', '--filter', 'label=a b']);
  });
});
