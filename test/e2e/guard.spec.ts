import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { scenarioWith } from './attempts.ts';
import { Ordeal } from './ordeal.ts';
import { startUsersCluster } from './users-cluster.ts';
import { type Attempt, attempts, type Kubeconfig, listed, nodes, theirs, type World } from './wrong-attempts.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
/** What a run could change. Leases and events change by themselves. */
const collections = [
  ...['namespaces', 'nodes', 'pods', 'configmaps', 'serviceaccounts', 'secrets', 'services'].map(
    (kind) => `/api/v1/${kind}`,
  ),
  ...['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'].map((kind) => `${rbac}/${kind}`),
  ...['/apis/apps/v1/deployments', '/apis/policy/v1/poddisruptionbudgets'],
  '/apis/scheduling.k8s.io/v1/priorityclasses',
];

describe('a cluster that somebody has, and wrong attempts on it', function () {
  this.timeout(180_000);

  let cluster: World;
  let at: readonly string[];
  let uid: string;

  before(async () => {
    cluster = await startUsersCluster(6);
    at = ['--context', 'ordeal', '--kubeconfig', cluster.kubeconfig];
    uid = (await cluster.kube.get('/api/v1/namespaces/kube-system')).metadata.uid ?? '';
    await cluster.kube.create('/api/v1/namespaces', { metadata: { name: 'work' } });
    const [first] = (await cluster.kube.list(nodes)).items.map(({ metadata }) => metadata.name).sort();
    const labels = { 'node-role.kubernetes.io/control-plane': '' };
    await cluster.kube.patch(`${nodes}/${first}`, { metadata: { labels } });
    await settled();
  });

  after(() => cluster?.[Symbol.asyncDispose]());

  /** Every object with its version: whatever is done to one changes that. */
  async function versions(): Promise<readonly string[]> {
    const lists = collections.map(async (path) =>
      (await cluster.kube.list(path)).items.map(
        ({ metadata: { namespace = '', name, uid, resourceVersion } }) =>
          `${path} ${namespace}/${name} ${uid} ${resourceVersion}`,
      ),
    );
    return (await Promise.all(lists)).flat().sort();
  }

  /** What controllers do about a change takes them a moment. */
  async function settled(): Promise<readonly string[]> {
    for (let last = await versions(); ; ) {
      await sleep(400);
      const now = await versions();
      if (JSON.stringify(now) === JSON.stringify(last)) return now;
      last = now;
    }
  }

  /** A user with these rights: its token, and what takes it away. */
  async function userWith(rules: readonly object[]): Promise<{ token: string; remove: () => Promise<unknown> }> {
    const { kube } = cluster;
    const metadata = { name: 'visitor' };
    const accounts = '/api/v1/namespaces/work/serviceaccounts';
    await kube.create(accounts, { metadata });
    await kube.create(`${rbac}/clusterroles`, { metadata, rules });
    const subjects = [{ kind: 'ServiceAccount', name: 'visitor', namespace: 'work' }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'visitor' };
    await kube.create(`${rbac}/clusterrolebindings`, { metadata, subjects, roleRef });
    const { status } = await kube.create<{ status: { token: string } }>(`${accounts}/visitor/token`, { spec: {} });
    const paths = [`${rbac}/clusterrolebindings`, `${rbac}/clusterroles`, accounts];
    return { token: status.token, remove: () => Promise.all(paths.map((path) => kube.delete(`${path}/visitor`))) };
  }

  /** A kubeconfig of the attempt's own. */
  function kubeconfigOf({ kubeconfig: change }: Attempt, token: string | undefined, ordeal: Ordeal): string {
    if (change === undefined && token === undefined) return cluster.kubeconfig;
    const config = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as Kubeconfig;
    if (token !== undefined) config.users[0].user = { token };
    change?.(config);
    const path = join(ordeal.cwd, 'kubeconfig');
    writeFileSync(path, JSON.stringify(config));
    return path;
  }

  it('are thirty at least', () => {
    expect(Object.keys(attempts)).to.have.length.at.least(30);
  });

  for (const [what, attempt] of Object.entries(attempts)) {
    it(`are refused before anything changed, exit 2: ${what}`, async () => {
      const ordeal = new Ordeal();
      const config = (attempt.config ?? listed)(uid);
      if (config !== '') writeFileSync(join(ordeal.cwd, 'ordeal.yaml'), config);
      const user = attempt.rules && (await userWith(attempt.rules));
      const restore = await attempt.given?.(cluster);
      try {
        const before = await settled();
        const kubeconfig = kubeconfigOf(attempt, user?.token, ordeal);
        const place = { kubeconfig, at: ['--context', 'ordeal', '--kubeconfig', kubeconfig] };
        const scenario = attempt.scenario ? scenarioWith(attempt.scenario) : theirs;
        const args = attempt.args?.(place) ?? ['run', scenario, ...place.at, '--yes'];
        const { code, out, err } = await ordeal.run(...args);
        expect(code, out + err).to.equal(2);
        expect(out + err)
          .to.match(attempt.says)
          .and.not.to.match(/^\s+at /m);
        expect(existsSync(join(ordeal.cwd, 'runs')), 'a run was begun').to.equal(false);
        expect(await versions()).to.deep.equal(before);
      } finally {
        await restore?.();
        await user?.remove();
      }
    });
  }

  it('is allowed after it was shown, keeps the file’s comments, and then is planned with targets, radius, rights and undo', async () => {
    const ordeal = new Ordeal();
    const file = join(ordeal.cwd, 'ordeal.yaml');
    writeFileSync(file, '# ours\nclusters: []\n');
    const before = await settled();
    const { code, out, err } = await ordeal.run('allow', ...at, '--yes');
    expect(code, err).to.equal(0);
    expect(out)
      .to.contain(uid)
      .and.to.contain('6: 1 control-plane, 5 worker')
      .and.to.match(/kubernetes +v1\./);
    expect(readFileSync(file, 'utf8')).to.contain('# ours').and.to.contain(uid);
    const plan = await ordeal.run('plan', theirs, ...at);
    expect(plan.code, plan.out + plan.err).to.equal(0);
    for (const says of [
      /targets +drain-nodes: 1 of node-/,
      /radius +1 of 6 nodes \(17 %\); allowed: 1, and 20 %/,
      /rights +\d+ needed; missing: none/,
      /images +registry\.k8s\.io\/pause:3\.10/,
      /takes +about \d+ s/,
      /changes +namespace played\n +undone: deleted/,
      /undone: uncordoned at the end/,
      /halts +nodes\.not-ready > \d+ \(more than/,
    ])
      expect(plan.out).to.match(says);
    expect(await versions(), 'looking changes nothing').to.deep.equal(before);
  });
});
