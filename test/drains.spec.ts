import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { load, variantsOf } from '../harness/commands/find.ts';
import { Leases } from '../harness/faults/silence-leases.ts';
import { faults } from '../harness/faults/table.ts';
import { KubeClient } from '../harness/kube/client.ts';
import {
  type Cluster,
  type Connection,
  type Debt,
  type EventBody,
  type FaultSpec,
  type Injected,
  type JournalEvent,
  RefusedError,
  type Run,
  type Threshold,
} from '../harness/model.ts';
import { startClock } from '../harness/run/clock.ts';
import { inOwnCluster, requireDebt } from '../harness/run/undo/debt.ts';
import { undo } from '../harness/run/undo.ts';
import { send, serve } from './api-server.ts';

const mark = 'feedfacefeedface';
const shipped = (id: string) => new URL(`../scenarios/${id}`, import.meta.url).pathname;

interface Node {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { unschedulable?: boolean };
}
interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly annotations?: object;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly node: string;
}

/** An API server with nodes and pods that answers evictions as told; an evicted pod is gone at once. `told` is what happened, in order. */
async function cluster(
  pods: readonly (Partial<Pod['metadata']> & { node: string })[],
  answer: (pod: string) => object,
) {
  const told: string[] = [];
  const nodes: Node[] = [...new Set(['node-0', 'node-1', ...pods.map(({ node }) => node)])].map((name) => ({
    metadata: { name, uid: `${name}-uid` },
    spec: {},
  }));
  let left: Pod[] = pods.map(({ node, ...metadata }, index) => {
    const name = `pod-${index}`;
    return { metadata: { name, namespace: 'default', uid: `${name}-uid`, ...metadata }, node };
  });
  const server = await serve((request, response, body) => {
    const { pathname, searchParams } = new URL(request.url, 'http://here');
    const list = (items: readonly object[]) => send(response, 200, { items, metadata: { resourceVersion: '1' } });
    if (pathname === '/api/v1/nodes') return list(nodes);
    if (pathname === '/api/v1/pods') {
      const on = searchParams.get('fieldSelector')?.replace('spec.nodeName=', '');
      return list(left.filter(({ node }) => node === on));
    }
    const node = nodes.find(({ metadata }) => pathname === `/api/v1/nodes/${metadata.name}`);
    if (node && request.method === 'PATCH') {
      const { metadata, spec } = JSON.parse(body) as Node;
      expect(metadata.uid).to.equal(node.metadata.uid);
      node.spec.unschedulable = spec.unschedulable === true;
      told.push(`${node.metadata.name} cordoned`);
    }
    if (node) return send(response, 200, node);
    const [, name = ''] = /pods\/(.*)\/eviction$/.exec(pathname) ?? [];
    const said = answer(name) as { code: number; http?: number };
    told.push(`${name} ${said.code}`);
    if (said.code === 201) left = left.filter(({ metadata }) => metadata.name !== name);
    const failure = { kind: 'Status', status: said.code === 201 ? 'Success' : 'Failure' };
    send(response, said.http ?? said.code, { ...failure, ...said });
  });
  return { ...server, told, nodes };
}

function runOf(told: string[], nodes: readonly Node[] = []) {
  const events: JournalEvent[] = [];
  const clock = startClock();
  const append = (body: EventBody) => void events.push({ t: clock.now(), ...body });
  const owe = async (debt: Debt) => {
    requireDebt(debt);
    const name = debt.undo === 'uncordon-node' ? debt.name : debt.undo;
    told.push(`${name} owed`);
    const settle = async () => {
      told.push(`${name} settled`);
      for (const node of nodes) if (node.metadata.name === name) node.spec.unschedulable = false;
    };
    return { done: () => void told.push(`${name} done`), settle };
  };
  const ending = new AbortController();
  const run: Run = {
    ...{ id: 'x', folder: '/nowhere', mark, clock },
    ...{ journal: { append }, ledger: { owe }, signal: ending.signal },
  };
  return { run, events, ending };
}

async function inject(connection: Connection, run: Run, fault: string, parameters: FaultSpec['parameters']) {
  const spec = { name: fault, fault, during: 'fault', after: 0, workers: 0, parameters, deadline: 9_000 };
  const made = faults.get(fault)?.make(spec) ?? expect.fail(`no fault ${fault}`);
  return made.inject({ provider: 'embedded', connect: () => connection } as unknown as Cluster, run);
}

async function until(told: readonly string[], what: string): Promise<void> {
  for (let round = 0; !told.includes(what); round++) {
    if (round === 500) expect.fail(`never: ${what}; but ${told.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function over(injected: Injected) {
  const evidence = await injected.evidence();
  await injected.end();
  return evidence;
}

const evictions = (events: readonly JournalEvent[]) => {
  const counts: Record<string, number> = {};
  for (const event of events)
    if (event.kind === 'sample' && event.metric === 'drain.evictions' && event.labels?.['code'])
      counts[event.labels['code']] = (counts[event.labels['code']] ?? 0) + event.value;
  return counts;
};

describe('a drain', function () {
  this.timeout(30_000);
  const quick = { every: 100, patience: 20_000 };

  it('owes the uncordoning before it cordons, empties a node before it begins the next, and uncordons each', async () => {
    const asked = new Map<string, number>();
    // Every other eviction is refused once, as by a budget that allows one at a time.
    const answer = (pod: string) => {
      const times = (asked.get(pod) ?? 0) + 1;
      asked.set(pod, times);
      const busy = { code: 429, message: "Cannot evict pod as it would violate the pod's disruption budget." };
      return pod === 'pod-1' && times === 1 ? busy : { code: 201 };
    };
    const pods = [{ node: 'node-0' }, { node: 'node-0' }, { node: 'node-1' }];
    await using api = await cluster(pods, answer);
    const { run, events, ending } = runOf(api.told, api.nodes);
    const injected = await inject(api.connection, run, 'drain-nodes', quick);
    expect(injected.targets).to.deep.equal(['node-0', 'node-1']);
    await until(api.told, 'node-1 settled');
    const { real, detail } = await over(injected);
    expect(real, detail).to.equal(true);
    expect(detail).to.include('2 nodes begun, 2 of them found cordoned, 2 emptied, 0 given up');
    const nodes = api.told.filter((line) => line.startsWith('node'));
    const ofEach = ['owed', 'cordoned', 'done', 'settled'];
    expect(nodes).to.deep.equal(['node-0', 'node-1'].flatMap((node) => ofEach.map((word) => `${node} ${word}`)));
    expect(api.told.indexOf('pod-1 201')).to.be.above(api.told.indexOf('pod-1 429'));
    expect(api.told.indexOf('pod-2 201')).to.be.above(api.told.indexOf('node-0 settled'));
    await injected.end();
    ending.abort();
    const last = events.findLast((event) => event.kind === 'sample' && event.metric === 'drain.nodes-done');
    expect(last).to.include({ value: 2 });
    expect(evictions(events)).to.include({ 201: 3 });
  });

  it('gives a node up when its patience ends, leaves it cordoned until the phase ends, and says what was answered', async () => {
    const answer = () => ({ code: 429, message: "it would violate the pod's disruption budget" });
    await using api = await cluster([{ node: 'node-0' }], answer);
    const { run } = runOf(api.told, api.nodes);
    const injected = await inject(api.connection, run, 'drain-nodes', { ...quick, nodes: 1, patience: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(api.told).not.to.include('node-0 settled');
    const { real, detail } = await injected.evidence();
    expect(real, detail).to.equal(true);
    expect(detail).to.match(/0 emptied, 1 given up; evictions answered: \d+ × 429$/);
    await injected.end();
    expect(api.told.at(-1)).to.equal('node-0 settled');
  });

  it('knows two budgets, whose failure the server answers with 201, and a server that has no time', async () => {
    const answer = (pod: string) =>
      pod === 'pod-0' ? { code: 500, http: 201 } : { code: 429, message: 'too many requests, please try again later' };
    await using api = await cluster([{ node: 'node-0' }, { node: 'node-0' }], answer);
    const { run } = runOf(api.told, api.nodes);
    const injected = await inject(api.connection, run, 'drain-nodes', { ...quick, nodes: 1 });
    await until(api.told, 'pod-1 429');
    await until(api.told, 'pod-0 500');
    const { detail } = await over(injected);
    expect(detail)
      .to.match(/\d+ × 500/)
      .and.match(/\d+ × busy/)
      .and.not.include('201');
  });

  it('leaves pods of DaemonSets and mirrors of static pods where they are', async () => {
    const pods = [
      { node: 'node-0', ownerReferences: [{ kind: 'DaemonSet' }] },
      { node: 'node-0', annotations: { 'kubernetes.io/config.mirror': 'x' } },
      { node: 'node-0' },
    ];
    await using api = await cluster(pods, () => ({ code: 201 }));
    const { run } = runOf(api.told, api.nodes);
    const injected = await inject(api.connection, run, 'drain-nodes', { ...quick, nodes: 1 });
    await until(api.told, 'node-0 settled');
    expect((await over(injected)).real).to.equal(true);
    expect(api.told.filter((line) => line.startsWith('pod'))).to.deep.equal(['pod-2 201']);
  });

  it('is not real when there was nobody to evict, or when somebody uncordoned the node', async () => {
    await using empty = await cluster([], () => ({ code: 201 }));
    const one = runOf(empty.told, empty.nodes);
    const idle = await inject(empty.connection, one.run, 'drain-nodes', quick);
    await until(empty.told, 'node-1 settled');
    expect((await over(idle)).real).to.equal(false);

    const nodes: Node[] = [];
    await using api = await cluster([{ node: 'node-0' }], () => {
      for (const node of nodes) node.spec.unschedulable = false;
      return { code: 201 };
    });
    nodes.push(...api.nodes);
    const other = runOf(api.told, api.nodes);
    const undone = await inject(api.connection, other.run, 'drain-nodes', { ...quick, nodes: 1 });
    await until(api.told, 'node-0 settled');
    const { real, detail } = await over(undone);
    expect(real, detail).to.equal(false);
  });

  it('is refused where there are too few nodes, where one is cordoned already, and on other clusters', async () => {
    await using api = await cluster([], () => ({ code: 201 }));
    const { run } = runOf(api.told, api.nodes);
    const refusal = (parameters: FaultSpec['parameters']) =>
      inject(api.connection, run, 'drain-nodes', { ...quick, ...parameters }).then(
        () => expect.fail('it was not refused'),
        (error: unknown) => {
          expect(error).to.be.instanceOf(RefusedError);
          return String(error);
        },
      );
    expect(await refusal({ nodes: 3 })).to.include('it is for 3 nodes, and the cluster has 2');
    const [first] = api.nodes;
    if (first) first.spec.unschedulable = true;
    expect(await refusal({})).to.include('node node-0 is cordoned already');
    expect(api.told).to.deep.equal([]);
    for (const name of ['drain-nodes', 'silence-nodes']) {
      const made = faults.get(name)?.make({ ...noSpec, name, fault: name, parameters: { ...quick, nodes: 1 } });
      expect(await made?.unavailable({ provider: 'kind' } as Cluster)).to.include('not for kind');
    }
  });
});

describe('the evidence of a silent node', () => {
  /** Looks at leases of 40 s, at those seconds, as they were renewed until then. */
  async function evidenceOf(renewed: Readonly<Record<string, readonly number[]>>, looks: readonly number[]) {
    let now = 0;
    await using server = await serve((_, response) => {
      const items = Object.entries(renewed).map(([name, times]) => {
        const renewTime = String(times.findLast((time) => time <= now));
        return { metadata: { name }, spec: { renewTime, leaseDurationSeconds: 40 } };
      });
      send(response, 200, { items, metadata: { resourceVersion: '1' } });
    });
    await using client = new KubeClient(server.connection, { signal: new AbortController().signal });
    const leases = new Leases(client, { clock: { now: () => now * 1000, fromWall: (wall) => wall } });
    for (const at of looks) {
      now = at;
      await leases.look();
    }
    return leases.evidence(['node-0']);
  }
  const each = Array.from({ length: 81 }, (_, second) => second);
  const alive = [0, 10, 20, 30, 40, 50, 60, 70, 80];

  it('is a lease that stands still for longer than it is held, while those of others do not', async () => {
    const { real, detail } = await evidenceOf({ 'node-0': [0], 'node-1': alive }, each);
    expect(real, detail).to.equal(true);
    expect(detail).to.equal('node-0: lease not renewed for 80 s, held for 40 s; node-1: renewed 8 times');
  });

  it('is none when the lease was renewed, when no other one was either, or when nobody looked', async () => {
    expect((await evidenceOf({ 'node-0': [0, 50], 'node-1': alive }, each)).real, 'renewed once').to.equal(false);
    expect((await evidenceOf({ 'node-0': [0], 'node-1': [0] }, each)).real, 'all stand still').to.equal(false);
    expect((await evidenceOf({ 'node-0': [0], 'node-1': alive }, [0])).real, 'one look').to.equal(false);
    expect((await evidenceOf({ 'node-1': alive }, each)).real, 'no such lease').to.equal(false);
    expect((await evidenceOf({}, [])).real, 'no look').to.equal(false);
  });
});

const noSpec = { during: 'fault', after: 0, workers: 0, deadline: 9_000 };

describe('a debt in the embedded cluster', () => {
  const uid = '22501267-76d2-4a6c-8a0e-1d2f';
  const policy = 'validatingadmissionpolicy';
  const object = { undo: 'delete-object', node: { via: 'own-api' }, resource: policy, name: `ordeal-${mark}-x`, mark };

  it('is one of its own by its shape alone', () => {
    const link = { undo: 'restore-link', path: '/runs/x/cluster/links/storage', mark };
    for (const debt of [{ undo: 'uncordon-node', name: 'node-0', uid, mark }, object, link])
      expect(inOwnCluster(requireDebt(debt))).to.equal(true);
    expect(inOwnCluster(requireDebt({ undo: 'end-processes', mark }))).to.equal(false);
  });

  it('is paid by no kubeconfig from elsewhere: one that a link leads to, or one of a server that is not of this machine', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ordeal-own-api-'));
    const debt: Debt = { undo: 'uncordon-node', name: 'node-0', uid, mark };
    const failure = () => undo(debt, { folder }).then(() => 'paid', String);
    expect(await failure()).to.equal('paid');
    mkdirSync(join(folder, 'cluster'));
    const file = join(folder, 'cluster', 'admin.kubeconfig');
    const config = (server: string) => {
      const clusters = [{ cluster: { server, 'certificate-authority': join(folder, 'ca.crt') } }];
      return JSON.stringify({ clusters, users: [{ user: { token: 'x' } }] });
    };
    writeFileSync(join(folder, 'theirs'), config('https://127.0.0.1:1'));
    symlinkSync(join(folder, 'theirs'), file);
    expect(await failure()).to.include('a symbolic link leads to');
    rmSync(file);
    writeFileSync(file, config('https://example.com:443'));
    expect(await failure()).to.include('not ours, left alone: a cluster at https://example.com:443');
    writeFileSync(file, config('https://127.0.0.1:1'));
    expect(await failure()).to.include('nothing was done in it');
    writeFileSync(join(folder, 'ca.crt'), '');
    expect(await failure()).to.include('ECONNREFUSED');
    rmSync(join(folder, 'ca.crt'));
    symlinkSync('/etc/hosts', join(folder, 'ca.crt'));
    expect(await failure()).to.include('a symbolic link leads to');
    rmSync(folder, { recursive: true });
    expect(await failure()).to.equal('paid');
  });

  const bad: Readonly<Record<string, unknown>> = {
    'uncordons a node without a uid': { undo: 'uncordon-node', name: 'node-0', mark },
    'uncordons by a path': { undo: 'uncordon-node', name: 'node-0/status', uid, mark },
    'says where the cluster is': { undo: 'uncordon-node', name: 'node-0', uid, server: 'https://example.com', mark },
    'deletes an object without the mark': { ...object, name: 'x' },
    'deletes another kind of object': { ...object, resource: 'secret' },
    'names a kubeconfig': { ...object, node: { via: 'own-api', kubeconfig: '/etc/x' } },
  };
  for (const [what, debt] of Object.entries(bad))
    it(`is refused when it ${what}`, () => {
      expect(() => requireDebt(debt)).to.throw();
    });
});

describe('the scenarios of drains, priorities and silent nodes', () => {
  const names = async (id: string, on?: string) => (await variantsOf(shipped(id), on)).map(({ name }) => name);
  const phase = (phases: readonly { name: string; duration: number }[], name: string) =>
    phases.find((one) => one.name === name)?.duration;

  it('pdb-gridlock: a budget each, over one drain that gives every node its time', async () => {
    expect(await names('pdb-gridlock')).to.deep.equal(['no-disruption', 'two-budgets', 'one-at-a-time']);
    const {
      faults: drains,
      phases,
      objects,
    } = await load(shipped('pdb-gridlock'), { variant: 'two-budgets', set: {} });
    expect(drains[0]).to.deep.include({ fault: 'drain-nodes', workers: 0 });
    expect(drains[0]?.parameters).to.deep.equal({ nodes: 3, every: 1_000, patience: 12_000 });
    expect(phase(phases, 'fault')).to.equal(3 * 12_000 + 5_000);
    expect(objects).to.have.length(4);
    const other = await load(shipped('pdb-gridlock'), { variant: 'one-at-a-time', set: { patience: '2s' } });
    expect(phase(other.phases, 'fault')).to.equal(11_000);
  });

  it('priority-preemption: who has which class, and whom a quota keeps from it', async () => {
    const variants = ['no-priorities', 'all-critical', 'classes-for-all', 'classes', 'classes-and-quota'];
    expect(await names('priority-preemption')).to.deep.equal(variants);
    const classes = await Promise.all(
      variants.map(async (variant) => {
        const { parameters } = await load(shipped('priority-preemption'), { variant, set: {} });
        const of = ['webClass', 'batchClass', 'paymentsClass', 'reportClass', 'criticalPodsOfAnalytics'];
        return of.map((name) => parameters[name]).join(' ');
      }),
    );
    expect(classes).to.deep.equal([
      '    1000',
      'critical critical critical critical 1000',
      'normal low critical critical 1000',
      'normal low critical low 1000',
      'normal low critical critical 0',
    ]);
  });

  it('total-node-failure: its times on the embedded cluster are sums of the timers that the cluster gets', async () => {
    const folder = shipped('total-node-failure');
    expect(await names('total-node-failure', 'embedded')).to.deep.equal(['leases-stop', 'leases-stop-tuned']);
    expect(await names('total-node-failure'))
      .to.have.length(8)
      .and.not.include('leases-stop');
    // Who names the variant need not say where it runs.
    const stop = await load(folder, { variant: 'leases-stop', set: {} });
    expect(stop.runsOn).to.deep.equal(['embedded']);
    expect(stop.probes).to.deep.equal(['nodes', 'pods', 'events', 'api-canary']);
    expect(phase(stop.phases, 'fault')).to.equal(80_000);
    const tuned = await load(folder, { variant: 'leases-stop-tuned', set: {} });
    expect(phase(tuned.phases, 'fault')).to.equal(49_000);
    expect(tuned.cluster.components['kube-controller-manager']?.flags).to.include({
      'node-monitor-grace-period': '16s',
    });
    expect(tuned.cluster.components['kwok-controller']?.flags).to.include({ 'node-lease-duration-seconds': '12' });
    expect((tuned.limits[0] as Threshold).is).to.deep.equal({ op: '<=', value: 31, unit: 'seconds' });
    // With the default timers it would hold what it promises, and be as bad as the other variant.
    const slow = { grace: '50s', period: '5s', lease: '40', renewal: '10s', toleration: '300' };
    const untuned = await load(folder, { variant: 'leases-stop-tuned', set: slow });
    expect(untuned.limits.slice(0, 2).map((limit) => (limit as Threshold).is)).to.deep.equal([
      { op: '<=', value: 75, unit: 'seconds' },
      { op: '<=', value: 38, unit: 'seconds' },
    ]);
    const kind = await load(folder, { variant: 'frozen', set: {} });
    expect(kind.runsOn).to.deep.equal(['kind']);
    expect(phase(kind.phases, 'fault')).to.equal(100_000);
  });
});
