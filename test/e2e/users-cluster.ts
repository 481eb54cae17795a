import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { embedded } from '../../harness/cluster/embedded.ts';
import { KubeClient, type KubeObject } from '../../harness/kube/client.ts';
import { startClock } from '../../harness/run/clock.ts';
import { makeRunFolder } from '../../harness/run/folder.ts';
import { openJournal } from '../../harness/run/journal.ts';
import { openLedger } from '../../harness/run/ledger.ts';
import type { ToolName } from '../../harness/tools/tools.ts';
import { tool } from './sabotage.ts';

const plain = { flags: {}, env: {} };
const programs: ToolName[] = [
  ...(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok', 'kwokctl'] as const),
];

/** A cluster with simulated nodes of 32 CPUs that plays one which somebody has: for the runs of the test it is not theirs. */
export async function startUsersCluster(nodes = 3) {
  const root = mkdtempSync(join(tmpdir(), 'ordeal-users-'));
  const { id, folder, mark } = makeRunFolder({ runs: join(root, 'runs'), state: join(root, 'state') }, 'users');
  const clock = startClock();
  const ending = new AbortController();
  const { signal } = ending;
  const journal = openJournal(
    folder,
    clock,
    () => undefined,
    (error) => {
      throw error;
    },
  );
  const ledger = openLedger(folder);
  const paths = new Map(await Promise.all(programs.map(async (name) => [name, await tool(name)] as const)));
  const provider = embedded((name) => paths.get(name as ToolName) ?? `no ${name}`);
  const components = { 'kube-controller-manager': plain, 'kube-scheduler': plain };
  const spec = { nodes, components, leaderElection: false, identities: [] };
  const cluster = await provider.create(spec, { id, folder, mark, clock, journal, ledger, signal });
  const kube = new KubeClient(cluster.connect('ordeal:harness'), { signal });
  return {
    kube,
    /** An app of three pods, called as the scenarios' own apps are, and a priority class. */
    async runApp(): Promise<void> {
      await kube.create('/api/v1/namespaces', { metadata: { name: 'work' } });
      await kube.create('/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'gold' }, value: 1000 });
      const selector = { matchLabels: { app: 'app' } };
      const spec = { containers: [{ name: 'app', image: 'registry.example.com/app:1' }] };
      const template = { metadata: { labels: { app: 'app' } }, spec };
      const app = { metadata: { name: 'app' }, spec: { replicas: 3, selector, template } };
      await kube.create('/apis/apps/v1/namespaces/work/deployments', app);
    },
    /** Its state once that is the same for 3 s: what controllers do about a change takes them a moment. */
    async settled(): Promise<readonly string[]> {
      for (let last = await this.state(); ; ) {
        await sleep(3_000);
        const now = await this.state();
        if (JSON.stringify(now) === JSON.stringify(last)) return now;
        last = now;
      }
    },
    kubeconfig: cluster.kubeconfig,
    /** What names it on a command line. */
    args: ['--context', 'ordeal', '--kubeconfig', cluster.kubeconfig],
    /** An ordeal.yaml in which it is allowed, one node of three at a time. */
    async allowed(): Promise<string> {
      const { metadata } = await kube.get('/api/v1/namespaces/kube-system');
      return JSON.stringify({ clusters: [{ name: 'users', uid: metadata.uid, 'max-percent': 34 }] });
    },
    apiServer: cluster.components?.find(({ name }) => name === 'kube-apiserver')?.pid ?? 0,
    /** What plays its nodes. */
    kwok: cluster.components?.find(({ name }) => name === 'kwok-controller')?.pid ?? 0,
    /** What a run could have left: by name and uid, labels, annotations and what is asked of a node. */
    async state(): Promise<readonly string[]> {
      const rbac = '/apis/rbac.authorization.k8s.io/v1';
      const paths = [
        ...['/api/v1/namespaces', '/api/v1/pods', '/api/v1/configmaps', '/api/v1/serviceaccounts'],
        ...['/apis/scheduling.k8s.io/v1/priorityclasses', `${rbac}/clusterroles`, `${rbac}/clusterrolebindings`],
      ];
      const lines = paths.map(async (path) =>
        (await kube.list(path)).items.map(({ metadata: { namespace = '', name, uid, labels } }) =>
          [path, namespace, name, uid, JSON.stringify(labels ?? {})].join(' '),
        ),
      );
      const { items: nodes } = await kube.list<KubeObject & { spec?: object }>('/api/v1/nodes');
      const ofNodes = nodes.map(({ metadata: { name, labels, annotations }, spec }) =>
        JSON.stringify([name, labels, annotations, spec]),
      );
      return [...(await Promise.all(lines)).flat(), ...ofNodes].sort();
    },
    async [Symbol.asyncDispose]() {
      await kube[Symbol.asyncDispose]();
      ending.abort(new Error('the test is over'));
      await ledger.payAll();
      journal[Symbol.dispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}
