import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { embedded } from '../../harness/cluster/embedded.ts';
import { createMany } from '../../harness/kube/apply.ts';
import { KubeClient, type KubeObject } from '../../harness/kube/client.ts';
import type { Cluster, EventBody, Run } from '../../harness/model.ts';
import { differences } from '../../harness/safety/diff.ts';
import { type Looker, lookerAt, Watch } from '../../harness/safety/residue.ts';
import { unreadOf } from '../../harness/safety/snapshot.ts';
import { provide, type ToolName } from '../../harness/tools/tools.ts';
import { residueOf } from '../../harness/verdict/residue.ts';
import { differenceText } from '../../reports/residue.ts';
import { newRun, ownTools, type TestRun } from './kind-ground.ts';

const root = mkdtempSync(join(tmpdir(), 'ordeal-residue-'));
const stranger = 'f0f0f0f0f0f0f0f0';
const names: ToolName[] = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok', 'kwokctl'];

const metadata = (name: string, more: object = {}) => ({ metadata: { name, ...more } });
const webhook = {
  ...{ name: 'chaos.example.org', sideEffects: 'None', admissionReviewVersions: ['v1'], failurePolicy: 'Ignore' },
  clientConfig: { url: 'https://127.0.0.1:1/' },
  rules: [{ apiGroups: ['chaos'], apiVersions: ['*'], resources: ['*'], operations: ['CREATE'] }],
};
const admission = 'admissionregistration.k8s.io/v1';
const rbac = 'rbac.authorization.k8s.io';
const planted: readonly KubeObject[] = [
  { apiVersion: 'v1', kind: 'Namespace', ...metadata('planted') },
  { apiVersion: admission, kind: 'ValidatingWebhookConfiguration', ...metadata('planted'), webhooks: [webhook] },
  { apiVersion: admission, kind: 'MutatingWebhookConfiguration', ...metadata('planted'), webhooks: [webhook] },
  {
    ...{ apiVersion: admission, kind: 'ValidatingAdmissionPolicy', ...metadata('planted') },
    spec: {
      matchConstraints: { resourceRules: [{ ...webhook.rules[0] }] },
      validations: [{ expression: 'true' }],
    },
  },
  {
    ...{ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', ...metadata('v1.chaos.example.org') },
    spec: {
      ...{ group: 'chaos.example.org', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 },
      ...{ insecureSkipTLSVerify: true, service: { name: 'nobody', namespace: 'default' } },
    },
  },
  {
    ...{
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      ...metadata('chaoses.planted.example.org'),
    },
    spec: {
      ...{ group: 'planted.example.org', scope: 'Namespaced', names: { plural: 'chaoses', kind: 'Chaos' } },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  },
  { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', ...metadata('planted'), value: 7 },
  { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', ...metadata('planted'), provisioner: 'none' },
  { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', ...metadata('planted'), rules: [] },
  {
    ...{ apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', ...metadata('planted') },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'planted' },
  },
  {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    ...metadata('planted', { namespace: 'default' }),
    spec: { hard: { pods: '99' } },
  },
  { apiVersion: 'v1', kind: 'LimitRange', ...metadata('planted', { namespace: 'default' }), spec: { limits: [] } },
  { apiVersion: 'v1', kind: 'ServiceAccount', ...metadata('planted', { namespace: 'default' }) },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    ...metadata('planted', { namespace: 'default' }),
    stringData: { key: 'canary-7h3' },
  },
  { apiVersion: 'v1', kind: 'ConfigMap', ...metadata('planted', { namespace: 'default' }), data: { a: 'b' } },
  {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    ...metadata('planted', { namespace: 'default' }),
    spec: { minAvailable: 1 },
  },
  {
    ...{ apiVersion: 'v1', kind: 'PersistentVolume', ...metadata('planted') },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/nowhere' } },
  },
  {
    ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', ...metadata('planted', { namespace: 'default' }) },
    spec: {
      selector: { matchLabels: { app: 'planted' } },
      template: {
        metadata: { labels: { app: 'planted' } },
        spec: { nodeSelector: { no: 'where' }, containers: [{ name: 'a', image: 'a' }] },
      },
    },
  },
  {
    ...{ apiVersion: 'v1', kind: 'Pod', ...metadata('planted', { namespace: 'default' }) },
    spec: { nodeName: 'node-0', containers: [{ name: 'a', image: 'a' }] },
  },
];

/** A real API server, taken for one that somebody has. */
describe('a cluster that is to be left as it was', function () {
  this.timeout('3m');
  let run: TestRun;
  let cluster: Cluster;
  let looker: Looker;
  let client: KubeClient;

  before(async function () {
    this.timeout('30m');
    const tools = await provide(
      names.map((name) => ({ name })),
      ownTools(),
    );
    const provider = embedded((name) => tools.get(name)?.path ?? `no ${name}`);
    run = newRun(root, 'residue');
    const rules = [
      { apiGroups: ['', 'apps'], resources: ['nodes', 'namespaces', 'pods', 'deployments'], verbs: ['list'] },
    ];
    const identities = [{ user: 'reader', groups: [], rules }];
    const plain = { flags: {}, env: {} };
    const components = { 'kube-controller-manager': plain, 'kube-scheduler': plain };
    cluster = await provider.create({ nodes: 2, components, leaderElection: false, identities }, run);
    looker = await lookerAt(cluster, run.signal);
    const connection = cluster.connect('ordeal:harness');
    client = new KubeClient(connection, { signal: run.signal, userAgent: 'somebody' });
    const deployment = {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', ...metadata('web', { namespace: 'default' }) },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'a' }] } },
      },
    };
    await createMany(client, [deployment], { signal: run.signal });
    // What comes by itself with it and with the cluster.
    const settledAt = async () => {
      const { items: pods } = await client.list('/api/v1/namespaces/default/pods');
      const { items: nodes } = await client.list('/api/v1/nodes');
      const { items: accounts } = await client.list('/api/v1/serviceaccounts');
      const untainted = nodes.every(({ spec }) => (spec as { taints?: unknown }).taints === undefined);
      const running = pods.filter(({ status }) => (status as { phase?: string }).phase === 'Running');
      return untainted && running.length === 2 && accounts.length > 3;
    };
    for (let tries = 0; tries < 240 && !(await settledAt()); tries++) await sleep(500);
    const { items: pods } = await client.list('/api/v1/namespaces/default/pods');
    expect(await settledAt(), `the cluster is ready: ${JSON.stringify(pods)}`).to.equal(true);
    await sleep(3_000);
  });

  after(async () => {
    await client?.[Symbol.asyncDispose]();
    await looker?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    await run?.ledger.payAll();
    run?.journal[Symbol.dispose]();
    await rm(root, { recursive: true, force: true });
  });

  const whose = (...touched: string[]) => ({ mark: stranger, touched: new Set(touched) });
  const texts = async (before: Awaited<ReturnType<Looker['look']>>, ...touched: string[]) =>
    differences(before, await looker.look(), whose(...touched)).map(
      (one) => `${differenceText(one)}${one.ours ? ` (${one.ours})` : ''}`,
    );
  const pathOf = ({ apiVersion = '', kind = '', metadata: { namespace, name } }: KubeObject) => {
    const plural = `${kind.toLowerCase()}${kind.endsWith('s') ? 'es' : kind.endsWith('y') ? '' : 's'}`.replace(
      /policy$/,
      'policies',
    );
    const start = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    return `${start}${namespace ? `/namespaces/${namespace}` : ''}/${plural}/${name}`;
  };

  it('is as it was while it lives on: heartbeats, and a pod that its owner makes again', async () => {
    const before = await looker.look();
    expect(Object.keys(before.api.things).length).to.be.greaterThan(40);
    expect(before.api.unread).to.deep.equal({});
    const { items } = await client.list('/api/v1/namespaces/default/pods');
    await client.delete(`/api/v1/namespaces/default/pods/${items[0]?.metadata.name}`);
    await sleep(12_000);
    expect(await texts(before, 'node-0', 'node-1')).to.deep.equal([]);
  });

  it('tells every kind of object that is left, and none when they are gone again', async () => {
    const before = await looker.look();
    await createMany(client, planted, { signal: run.signal });
    await sleep(2_000);
    const found = await texts(before);
    for (const {
      kind,
      metadata: { name },
    } of planted)
      expect(
        found.filter((text) => text.startsWith(`${kind}`) && text.includes(name)),
        `${kind} of ${found.join('\n')}`,
      ).not.to.be.empty;
    expect(JSON.stringify([before, await looker.look()])).not.to.contain('canary-7h3');
    for (const object of planted.toReversed()) await client.delete(pathOf(object), { gracePeriodSeconds: 0 });
    for (let tries = 0; tries < 30 && (await texts(before)).length > 0; tries++) await sleep(1_000);
    expect(await texts(before)).to.deep.equal([]);
  });

  const node = '/api/v1/nodes/node-0';
  const changes: readonly { what: string; path: string; to: object; back: object; says: string }[] = [
    {
      ...{ what: 'a taint', path: node, says: 'Node node-0, taint chaos:NoSchedule: was absent, is set' },
      to: { spec: { taints: [{ key: 'chaos', effect: 'NoSchedule' }] } },
      back: { spec: { taints: null } },
    },
    {
      ...{ what: 'a label', path: node, says: 'Node node-0, label chaos: was absent, is yes' },
      to: { metadata: { labels: { chaos: 'yes' } } },
      back: { metadata: { labels: { chaos: null } } },
    },
    {
      ...{ what: 'an annotation', path: node, says: 'Node node-0, annotation chaos: was absent, is set' },
      to: { metadata: { annotations: { chaos: 'yes' } } },
      back: { metadata: { annotations: { chaos: null } } },
    },
    {
      ...{
        what: 'a finalizer',
        path: '/api/v1/namespaces/default',
        says: 'Namespace default, finalizer chaos.example.org/keep: was absent, is set',
      },
      to: { metadata: { finalizers: ['chaos.example.org/keep'] } },
      back: { metadata: { finalizers: null } },
    },
    {
      ...{
        what: 'fewer replicas',
        path: '/apis/apps/v1/namespaces/default/deployments/web',
        says: 'Deployment.apps default/web, replicas: was 2, is 1',
      },
      to: { spec: { replicas: 1 } },
      back: { spec: { replicas: 2 } },
    },
    {
      ...{
        what: 'another image',
        path: '/apis/apps/v1/namespaces/default/deployments/web',
        says: 'Deployment.apps default/web, spec: was set, is another',
      },
      to: { spec: { template: { spec: { containers: [{ name: 'a', image: 'b' }] } } } },
      back: { spec: { template: { spec: { containers: [{ name: 'a', image: 'a' }] } } } },
    },
  ];
  for (const { what, path, to, back, says } of changes) {
    it(`tells what was done to an object, and nothing when it is back: ${what}`, async () => {
      const before = await looker.look();
      await client.patch(path, to);
      expect(await texts(before)).to.deep.equal([says]);
      const touched = path
        .split('/')
        .slice(path.includes('deployments') ? 5 : -1)
        .filter((part) => part !== 'deployments')
        .join('/');
      expect(await texts(before, touched)).to.deep.equal([`${says} (touched)`]);
      await client.patch(path, back);
      expect(await texts(before, touched)).to.deep.equal([]);
    });
  }

  it("is the run's when ordeal wrote it: a cordon that nobody lifts", async () => {
    const before = await looker.look();
    await using ordeal = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
    await ordeal.patch(node, { spec: { unschedulable: true } });
    const found = await texts(before);
    expect(found).to.include('Node node-0, cordon: was absent, is set (written)');
    await ordeal.patch(node, { spec: { unschedulable: null } });
    for (let tries = 0; tries < 10 && (await texts(before)).length > 0; tries++) await sleep(500);
    expect(await texts(before)).to.deep.equal([]);
  });

  /** A run in it, from the first look to the last. */
  async function watched(between: () => Promise<unknown>, { mark = stranger, within = 4_000, as = cluster } = {}) {
    const events: EventBody[] = [];
    const journal = { append: (event: EventBody) => void events.push(event) };
    const theirs: Run = { ...run, mark, journal };
    const watch = new Watch(within);
    await watch.before(as, theirs);
    await between();
    await watch.after(theirs, () => new Set());
    return residueOf(events.map((event) => ({ t: 0, ...event }))) ?? expect.fail('nobody looked');
  }
  const namespace = (name: string, more: object = {}) =>
    client.create('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', ...metadata(name, more) });

  it('gives a namespace time to end, and is dirty when a finalizer keeps one of ours', async () => {
    const name = `ordeal-${stranger}`;
    const ends = async () => {
      await namespace(name);
      void sleep(2_000).then(() => client.delete(`/api/v1/namespaces/${name}`));
    };
    const { dirty: over, differences: none } = await watched(ends, { within: 60_000 });
    expect([over, none]).to.deep.equal([false, []]);
    const stays = async () => {
      await namespace(name, { finalizers: ['chaos.example.org/keep'] });
      await client.delete(`/api/v1/namespaces/${name}`);
    };
    const { dirty, differences: left } = await watched(stays);
    expect(dirty).to.equal(true);
    expect(left.map((one) => [differenceText(one), one.ours])).to.deep.include([
      `Namespace ${name}: was absent, is being deleted`,
      'mark',
    ]);
    await client.patch(`/api/v1/namespaces/${name}`, { metadata: { finalizers: null } });
  });

  it('lists what somebody else made meanwhile without being dirty', async () => {
    const { dirty, differences: left } = await watched(() => namespace('somebody'));
    expect(dirty, JSON.stringify(left)).to.equal(false);
    expect(left.map(differenceText)).to.include('Namespace somebody: was absent, is there');
    await client.delete('/api/v1/namespaces/somebody');
  });

  it('names what its user may not read, and never counts it as compared', async () => {
    const { token, server, caFile } = cluster.connect('reader');
    const kubeconfig = join(root, 'reader.kubeconfig');
    const clusters = [{ cluster: { server, 'certificate-authority': caFile } }];
    writeFileSync(kubeconfig, JSON.stringify({ clusters, users: [{ user: { token } }] }));
    const {
      dirty,
      unread,
      kinds,
      differences: left,
    } = await watched(async () => undefined, {
      as: { ...cluster, kubeconfig },
    });
    expect(dirty, JSON.stringify(left)).to.equal(false);
    expect(unread.filter((text) => text.startsWith('Secret: 403 Forbidden'))).to.have.length(1);
    expect(kinds).to.equal(4);
    await using less = await lookerAt({ ...cluster, kubeconfig }, run.signal);
    expect(unreadOf(await less.look()).length).to.be.greaterThan(30);
  });

  it('is dirty when it can no longer be asked', async () => {
    const { dirty, failed } = await watched(async () => cluster[Symbol.asyncDispose]());
    expect(dirty).to.equal(true);
    expect(failed).to.match(/GET \/apis.*(ECONNREFUSED|ECONNRESET)/);
  });
});
