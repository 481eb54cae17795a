import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { embedded } from '../../harness/cluster/embedded.ts';
import { KubeClient, type KubeObject } from '../../harness/kube/client.ts';
import { type Cluster, ClusterError, type Debt } from '../../harness/model.ts';
import { startClock } from '../../harness/run/clock.ts';
import { makeRunFolder } from '../../harness/run/folder.ts';
import { openJournal } from '../../harness/run/journal.ts';
import { openLedger, readLedger } from '../../harness/run/ledger.ts';
import { undo } from '../../harness/run/undo.ts';
import type { ToolName } from '../../harness/tools/tools.ts';
import { Ordeal } from './ordeal.ts';
import { admin, tool } from './sabotage.ts';

const collection = '/apis/admissionregistration.k8s.io/v1';

describe('what is owed to an embedded cluster', function () {
  this.timeout(300_000);

  const root = mkdtempSync(join(tmpdir(), 'ordeal-drains-'));
  const { id, folder, mark } = makeRunFolder({ runs: join(root, 'runs'), state: join(root, 'state') }, 'drains');
  const clock = startClock();
  const { signal } = new AbortController();
  const journal = openJournal(
    folder,
    clock,
    () => undefined,
    (error) => {
      throw error;
    },
  );
  const ledger = openLedger(folder);
  const name = `ordeal-${mark}-x`;
  let cluster: Cluster;
  let kube: KubeClient;

  before(async () => {
    const names: ToolName[] = ['etcd', 'kube-apiserver', 'kwok', 'kwokctl'];
    const paths = new Map(await Promise.all(names.map(async (one) => [one, await tool(one)] as const)));
    const provider = embedded((one) => paths.get(one as ToolName) ?? `no ${one}`);
    const spec = { nodes: 1, components: {}, leaderElection: false, identities: [] };
    cluster = await provider.create(spec, { id, folder, mark, clock, journal, ledger, signal });
    kube = new KubeClient(cluster.connect('ordeal:harness'), { signal });
  });

  after(async () => {
    await kube?.[Symbol.asyncDispose]();
    await ledger.payAll();
    journal[Symbol.dispose]();
    await rm(root, { recursive: true, force: true });
  });

  const node = () => kube.get<KubeObject & { spec: { unschedulable?: boolean } }>('/api/v1/nodes/node-0');
  const cordon = (unschedulable: boolean) => kube.patch('/api/v1/nodes/node-0', { spec: { unschedulable } });
  const there = (path: string) =>
    kube.get(path).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ClusterError && error.code === 404) return false;
        throw error;
      },
    );

  /** Each: the debt, its deed, and whether it is undone. */
  const contracts: Readonly<
    Record<string, { debt(): Promise<Debt>; deed(): Promise<unknown>; undone(): Promise<boolean> }>
  > = {
    'a cordoned node': {
      debt: async () => ({ undo: 'uncordon-node', name: 'node-0', uid: (await node()).metadata.uid ?? '', mark }),
      deed: () => cordon(true),
      undone: async () => !(await node()).spec.unschedulable,
    },
    'an admission policy': {
      debt: async () => ({
        ...{ undo: 'delete-object', node: { via: 'own-api' }, name, mark },
        resource: 'validatingadmissionpolicy',
      }),
      deed: () =>
        kube.create(`${collection}/validatingadmissionpolicies`, {
          metadata: { name },
          spec: {
            matchConstraints: {
              resourceRules: [{ apiGroups: ['x'], apiVersions: ['v1'], resources: ['x'], operations: ['CREATE'] }],
            },
            validations: [{ expression: 'true' }],
          },
        }),
      undone: async () => !(await there(`${collection}/validatingadmissionpolicies/${name}`)),
    },
    'the binding of one': {
      debt: async () => ({
        ...{ undo: 'delete-object', node: { via: 'own-api' }, name, mark },
        resource: 'validatingadmissionpolicybinding',
      }),
      deed: () =>
        kube.create(`${collection}/validatingadmissionpolicybindings`, {
          metadata: { name },
          spec: { policyName: name, validationActions: ['Deny'] },
        }),
      undone: async () => !(await there(`${collection}/validatingadmissionpolicybindings/${name}`)),
    },
  };
  for (const [what, { debt, deed, undone }] of Object.entries(contracts)) {
    it(`is paid before its deed was done, after it, and once more: ${what}`, async () => {
      const owed = await ledger.owe(await debt());
      await owed.settle();
      await deed();
      expect(await undone()).to.equal(false);
      await owed.settle();
      expect(await undone()).to.equal(true);
      await undo(await debt(), { folder });
      expect(await undone()).to.equal(true);
    });
  }

  it('leaves a node alone that has another uid than the one that was cordoned', async () => {
    await cordon(true);
    await undo({ undo: 'uncordon-node', name: 'node-0', uid: '00000000-0000-0000', mark }, { folder });
    expect((await node()).spec.unschedulable).to.equal(true);
    await undo({ undo: 'uncordon-node', name: 'node-9', uid: '00000000-0000-0000', mark }, { folder });
    await cordon(false);
  });

  it('is not paid by an API server that is dead, and is settled when the cluster is gone', async () => {
    const debt: Debt = { undo: 'uncordon-node', name: 'node-0', uid: (await node()).metadata.uid ?? '', mark };
    const latest = ledger.latest;
    await ledger.owe(debt);
    await cordon(true);
    const dead = cluster.death?.('kube-apiserver');
    process.kill(cluster.components?.find((one) => one.name === 'kube-apiserver')?.pid ?? Number.NaN, 'SIGKILL');
    await dead;
    const [unpaid] = await ledger.payAll(latest);
    expect(unpaid?.debt).to.deep.equal(debt);
    expect(unpaid?.error).to.match(/ECONNREFUSED/);
    // All of it, the processes and the folder too.
    expect(await ledger.payAll()).to.deep.equal([]);
    expect(readLedger(folder).every(({ settled }) => settled)).to.equal(true);
    await undo(debt, { folder });
  });
});

describe('pdb-gridlock', function () {
  this.timeout('10m');

  it('is proved: a budget without any disruption locks the drain, one at a time lets it through', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('prove', 'pdb-gridlock', '--variants', 'no-disruption,one-at-a-time');
    expect(code, out + err).to.equal(0);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('is invalid with a budget that is in nobody’s way', async () => {
    const ordeal = new Ordeal();
    const harmless = ['--set', 'maxUnavailable=100%', '--set', 'patience=4s'];
    const { code, out, err } = await ordeal.run('run', 'pdb-gridlock', '--variant', 'no-disruption', ...harmless);
    expect(code, out + err).to.equal(3);
    expect(ordeal.reasons.join()).to.include('drain.evictions{code=429}');
    expect(ordeal.residue()).to.deep.equal([]);
  });
});

describe('priority-preemption', function () {
  this.timeout('10m');

  it('is invalid on nodes that have room for all', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run(
      'run',
      'priority-preemption',
      '--variant',
      'classes',
      '--set',
      'cpus=1',
    );
    expect(code, out + err).to.equal(3);
    expect(ordeal.reasons.join()).to.include('events{reason=FailedScheduling}');
  });

  it('is invalid with a quota that refuses nobody', async () => {
    const ordeal = new Ordeal();
    const args = ['--variant', 'classes-and-quota', '--set', 'criticalPodsOfAnalytics=1000'];
    const { code, out, err } = await ordeal.run('run', 'priority-preemption', ...args);
    expect(code, out + err).to.equal(3);
    expect(ordeal.reasons.join()).to.include('events{reason=FailedCreate}');
  });
});

describe('total-node-failure on the embedded cluster', function () {
  this.timeout('10m');

  it('is invalid when the node is not silent, since the policy is bound to nothing', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start('run', 'total-node-failure', '--variant', 'leases-stop-tuned');
    await ordeal.until((event) => event.kind === 'injected');
    await using kube = admin(ordeal.folder);
    const path = `${collection}/validatingadmissionpolicybindings`;
    const { items } = await kube.list(path);
    for (const { metadata } of items) await kube.delete(`${path}/${metadata.name}`);
    expect(items).to.have.length(1);
    const { code, out, err } = await ran;
    expect(code, out + err).to.equal(3);
    expect(ordeal.reasons.join()).to.match(/silence-nodes/);
    expect(ordeal.residue()).to.deep.equal([]);
  });
});
