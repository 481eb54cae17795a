import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { faults } from '../harness/faults/table.ts';
import type { ClusterFacts, NodeFact } from '../harness/safety/facts.ts';
import { type Doing, guard, isSystemNamespace } from '../harness/safety/guard.ts';
import { rightsOfRules, rightText } from '../harness/safety/rights.ts';
import { allowedIn, readAllowed, withCluster } from '../harness/scenario/config.ts';

const uid = '01234567-89ab-cdef-0123-456789abcdef';

function node(name: string, other: Partial<NodeFact> = {}): NodeFact {
  return { name, roles: [], controlPlane: false, ready: true, cordoned: false, pods: 3, container: false, ...other };
}

const control = node('control', { roles: ['control-plane'], controlPlane: true });
const workers = ['a', 'b', 'c', 'd', 'e'].map((name) => node(name));
const facts: ClusterFacts = {
  ...{ context: 'staging', server: 'https://10.0.0.1', uid, version: 'v1.36.3' },
  ...{ nodes: [control, ...workers], namespaces: ['default', 'shop'], pods: 15, debts: [], ailing: [], unseen: [] },
};
const drain = (nodes: number) => ({ name: 'drain', fault: 'drain-nodes', deed: { nodes, does: 'x', undone: 'y' } });
const doing: Doing = { scenario: 's v', namespaces: ['own'], faults: [drain(1)], floods: [], rights: [] };
const allowed = [{ name: 'staging', uid, maxNodes: 1, maxPercent: 20 }];

const against = (change: Partial<ClusterFacts>, what: Partial<Doing> = {}, cap = {}) =>
  guard({ ...facts, ...change }, { ...doing, ...what }, [], [{ ...(allowed[0] as (typeof allowed)[0]), ...cap }]);

describe('the guard', () => {
  it('lets a scenario through that breaks one worker of six nodes of an allowed cluster', () => {
    expect(against({})).to.deep.equal([]);
  });

  for (const [what, change, deeds, says] of [
    [
      'another uid',
      { uid: 'ffffffff-89ab-cdef-0123-456789abcdef' },
      {},
      /not on the allow-list: look at it with ordeal allow --context staging/,
    ],
    [
      'a node that is not Ready',
      { nodes: [...facts.nodes, node('f', { ready: false })] },
      {},
      /not healthy, f not Ready/,
    ],
    [
      'an API that is not available',
      { ailing: ['the API v1.metrics is not available'] },
      {},
      /repair or remove it first/,
    ],
    ['what it cannot see', { unseen: ['nodes: 403 forbidden'] }, {}, /does not show .*nodes: 403/],
    ['open debts', { debts: [{ run: 'r1', debts: 3 }] }, {}, /open debts, 3 of run r1.*ordeal clean --context staging/],
    ['a namespace of the system', {}, { namespaces: ['kube-system'] }, /namespace kube-system belongs to the system/],
    ['nothing to do', {}, { namespaces: [], faults: [] }, /there are no targets/],
    [
      'control planes only',
      { nodes: [control] },
      {},
      /no targets, .* control-plane nodes never are targets \(control\)/,
    ],
    ['cordoned workers only', { nodes: workers.map((one) => ({ ...one, cordoned: true })) }, {}, /no targets/],
    [
      'more nodes than workers',
      {},
      { faults: [drain(6)] },
      /too few targets \(a, b, c, d, e\).*never are targets \(control\)/,
    ],
    [
      'two nodes',
      {},
      { faults: [drain(2)] },
      /the blast radius is 2 nodes, and max-nodes is 1: break less, or raise it/,
    ],
    ['two faults of a node each', {}, { faults: [drain(1), drain(1)] }, /the blast radius is 2 nodes/],
    ['a quarter of the nodes', { nodes: workers.slice(1) }, {}, /25 % of the nodes \(1 of 4\), and max-percent is 20/],
    ['a load', {}, { floods: ['lists'] }, /load lists goes to the API server .* not ours to flood/],
    [
      'memory of a shared kernel',
      { nodes: [...facts.nodes, node('f', { container: true })] },
      { faults: [{ name: 'm', fault: 'memory-hog', endangers: 'kernel' as const }] },
      /share their host's kernel/,
    ],
    [
      'a control plane',
      {},
      { faults: [{ name: 'p', fault: 'pause-component', endangers: 'control-plane' as const }] },
      /not ours: play it with --cluster embedded/,
    ],
    [
      'a machine without an outside',
      {},
      { faults: [{ name: 'f', fault: 'freeze-node', endangers: 'machine' as const }] },
      /nothing outside it could revive/,
    ],
    ['a fault that says nothing of itself', {}, { faults: [{ name: 'f', fault: 'new' }] }, /does not say what it does/],
  ] as const) {
    it(`refuses ${what}, in a sentence that says what to do`, () => {
      const reasons = against(change, deeds);
      expect(reasons.join('\n')).to.match(says);
      for (const reason of reasons) expect(reason).to.match(/: [a-z][^\n]+$/);
    });
  }

  it('says all at once', () => {
    const missing = [{ verb: 'patch', group: '', resource: 'nodes' }];
    const all = guard({ ...facts, debts: [{ run: 'r', debts: 1 }] }, { ...doing, faults: [drain(6)] }, missing, []);
    expect(all).to.have.length(6);
    expect(all.at(-1)).to.equal('rights are missing (1: patch nodes): use a user who has them');
  });

  it('goes as far as the file allows, and no further', () => {
    const two = { faults: [drain(2)] };
    expect(against({}, two, { maxNodes: 2, maxPercent: 34 })).to.deep.equal([]);
    expect(against({}, two, { maxNodes: 2, maxPercent: 33 })).to.have.length(1);
    expect(against({}, two, { maxNodes: 1, maxPercent: 100 })).to.have.length(1);
  });

  it('knows the namespaces of the system from those of an app', () => {
    for (const name of [
      'kube-system',
      'kube-public',
      'kube-node-lease',
      'default',
      'ordeal',
      'calico-system',
      'openshift-etcd',
    ])
      expect(isSystemNamespace(name), name).to.equal(true);
    for (const name of ['shop', 'system', 'my-kube', 'ordeals']) expect(isSystemNamespace(name), name).to.equal(false);
  });

  it('is told by every fault what it endangers, or what it does there', () => {
    for (const { name, endangers, theirs } of faults.values())
      expect(
        [endangers, theirs].filter((one) => one !== undefined),
        name,
      ).to.have.length(1);
  });

  it('asks for rights as kubectl names them', () => {
    const rules = [
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'create'] },
      { nonResourceURLs: ['/metrics'], verbs: ['get'] },
    ];
    const texts = ['get deployments.apps', 'create deployments.apps', 'get /metrics'];
    expect(rightsOfRules(rules).map(rightText)).to.deep.equal(texts);
  });
});

describe('ordeal.yaml', () => {
  const complaints = (text: string): string => {
    try {
      allowedIn(text, 'ordeal.yaml');
    } catch (error) {
      return (error as Error).message;
    }
    return 'none';
  };

  it('allows clusters by their uid, one node and a fifth of them unless it says more', () => {
    const text = `clusters:\n  - { name: staging, uid: ${uid} }\n  - name: big\n    uid: ${uid.replace('0', 'f')}\n    max-nodes: 3\n    max-percent: 50\n`;
    expect(allowedIn(text, 'ordeal.yaml')).to.deep.equal([
      { name: 'staging', uid, maxNodes: 1, maxPercent: 20 },
      { name: 'big', uid: uid.replace('0', 'f'), maxNodes: 3, maxPercent: 50 },
    ]);
  });

  it('allows nothing where it is absent or empty', async () => {
    expect(await readAllowed('/nowhere/ordeal.yaml')).to.deep.equal([]);
    for (const text of ['', '# nothing yet\n', '{}', 'clusters: []']) expect(allowedIn(text, 'x')).to.deep.equal([]);
  });

  for (const [what, text, says] of [
    ['no YAML', 'clusters: [', /^ordeal\.yaml:1:12: not YAML/],
    ['a list', '- x', /^ordeal\.yaml:1:1: the file is a list; expected a map with clusters/],
    ['an unknown key', 'cluster: []', /^ordeal\.yaml:1:1: unknown key "cluster".*did you mean "clusters"\?/],
    [
      'an unknown key of a cluster',
      `clusters:\n  - { name: x, uid: ${uid}, max-node: 3 }`,
      /:2:\d+: unknown key "max-node".*did you mean "max-nodes"\?/,
    ],
    ['a uid that is none', 'clusters:\n  - { name: x, uid: staging }', /:2:\d+: bad value "staging"/],
    ['no uid', 'clusters:\n  - { name: x }', /:2:5: missing "uid"/],
    [
      'more than all',
      `clusters:\n  - { name: x, uid: ${uid}, max-percent: 200 }`,
      /:2:\d+: "max-percent" is 200; expected ≤ 100/,
    ],
    ['no nodes', `clusters:\n  - { name: x, uid: ${uid}, max-nodes: 0 }`, /:2:\d+: "max-nodes" is 0; expected ≥ 1/],
    [
      'a cluster twice',
      `clusters:\n  - { name: x, uid: ${uid} }\n  - { name: y, uid: ${uid} }`,
      /:3:5: cluster .* is there twice; expected it once/,
    ],
    ['a key twice', 'clusters: []\nclusters: []', /:2:1: duplicate key "clusters"/],
  ] as const) {
    it(`is refused with ${what}, with its place`, () => {
      expect(complaints(text)).to.match(says);
    });
  }

  it('is refused where it is no file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ordeal-config-'));
    writeFileSync(join(folder, 'bytes'), Buffer.from([0xff, 0xfe]));
    for (const path of [folder, join(folder, 'bytes')]) {
      const said = await readAllowed(path).then(
        () => 'none',
        (error: Error) => `${error.name}: ${error.message}`,
      );
      expect(said).to.match(/^ScenarioError: /);
    }
  });

  it('keeps its comments and all else when a cluster is added', () => {
    const text = `# ours\nclusters: # those that we may break\n  # the first one\n  - name: staging # near\n    uid: ${uid}\n    max-percent: 50\n# the end\n`;
    const other = uid.replace('0', 'f');
    const written = withCluster(text, { name: 'test', uid: other });
    const kept = [
      '# ours',
      '# those that we may break',
      '# the first one',
      'name: staging # near',
      'max-percent: 50',
      '# the end',
    ];
    for (const what of kept) expect(written).to.contain(what);
    expect(allowedIn(written, 'x').map(({ name }) => name)).to.deep.equal(['staging', 'test']);
    for (const empty of ['', '# mine\n', 'clusters: []\n', 'clusters:\n', '{}\n'])
      expect(allowedIn(withCluster(empty, { name: 'test', uid: other }), 'x'), JSON.stringify(empty)).to.have.length(1);
    expect(withCluster('# mine\n', { name: 'test', uid: other })).to.contain('# mine');
  });
});
