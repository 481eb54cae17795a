import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { KubeClient } from '../harness/kube/client.ts';
import type { Difference, JournalEvent } from '../harness/model.ts';
import { seeApi } from '../harness/safety/api-sight.ts';
import { differences } from '../harness/safety/diff.ts';
import { nodeSight } from '../harness/safety/node-sight.ts';
import { extentOf, type Sight, type Snapshot, unreadOf, withoutMarked } from '../harness/safety/snapshot.ts';
import { residueOf } from '../harness/verdict/residue.ts';
import { verdictJson } from '../reports/json.ts';
import { testSuite } from '../reports/junit.ts';
import { markdown } from '../reports/markdown.ts';
import { differenceText } from '../reports/residue.ts';
import { summary } from '../reports/terminal.ts';
import { send, serve } from './api-server.ts';
import { kindReport } from './fixtures/journals/kind.ts';

const mark = 'c0ffee0123456789';
const otherMark = '0123456789abcdef';
const empty: Sight = { things: {}, unread: {} };
const digest = (value: unknown) => JSON.stringify(value);
const { signal } = new AbortController();
const recorded = readFileSync(new URL('fixtures/residue/worker.txt', import.meta.url), 'utf8');

const inApi = (api: Sight): Snapshot => ({ api, nodes: {} });
const onWorker = (said: string): Snapshot => ({ api: empty, nodes: { worker: nodeSight(said) } });
const texts = (all: readonly Difference[]) =>
  all.map((one) => `${differenceText(one)}${one.ours === undefined ? '' : ` (${one.ours})`}`);
const compared = (before: Snapshot, after: Snapshot, touched: readonly string[] = []) =>
  texts(differences(before, after, { mark, touched: new Set(touched) }));
/** The recorded text with a line more, or with another one, in a section. */
const withLine = (section: string, line: string) => recorded.replace(`== ${section}\n`, `== ${section}\n${line}\n`);

describe('what is left on a node', () => {
  const later = (change: (said: string) => string, ...touched: string[]) =>
    compared(onWorker(recorded), onWorker(change(recorded)), touched);

  it('is nothing when nothing changed, nor when pods and their processes, mounts, groups and rules did', () => {
    expect(later((said) => said)).to.deep.equal([]);
    const pod = '/kubelet/kubepods/besteffort/pod11111111-2222-3333-4444-555555555555';
    const busy = [
      ['processes', `900 60 ${pod}/aaaa nginx`],
      ['processes', '901 1 / kubectl'],
      ['processes', '902 60 /system.slice/containerd.service containerd-shim'],
      ['mounts', '900 100 0:161 / /var/lib/kubelet/pods/x/volumes/y rw,relatime shared:90 - tmpfs tmpfs rw'],
      ['limits', `/sys/fs/cgroup/memory${pod}/memory.limit_in_bytes:1048576`],
      ['qdiscs', 'qdisc noqueue 0: dev veth1234 root refcnt 2 '],
      ['units', 'run-r1.scope loaded active running x'],
    ] as const;
    expect(
      later((said) => busy.reduce((text, [part, line]) => text.replace(`== ${part}\n`, `== ${part}\n${line}\n`), said)),
    ).to.deep.equal([]);
    const services = (said: string) =>
      said.replaceAll('KUBE-SEP-E7', 'KUBE-SEP-F8').replace('*nat\n', '*nat\n:KUBE-SVC-NEW - [0:0]\n');
    expect(later(services)).to.deep.equal([]);
  });

  const planted: readonly { what: string; change: (said: string) => string; says: string }[] = [
    {
      what: 'a process',
      change: () => withLine('processes', '900 60 / stress-ng'),
      says: 'on worker: process stress-ng in /: was absent, is running',
    },
    {
      what: 'a mount',
      change: () => withLine('mounts', '900 83 0:99 / /mnt/fault rw,relatime shared:1 - tmpfs tmpfs rw'),
      says: 'on worker: mount /mnt/fault: was absent, is tmpfs tmpfs / rw',
    },
    {
      what: 'a limit of block IO on one of the containers',
      change: () => withLine('limits', '/sys/fs/cgroup/kubepods.slice/pod11111111-2222/x/io.max:8:0 rbps=1 wbps=1'),
      says: 'on worker: cgroup limit io.max of /kubepods.slice/pod11111111-2222/x for 8:0: was absent, is 8:0 rbps=1 wbps=1',
    },
    {
      what: 'another limit of the memory of all pods',
      change: (said) => said.replace('memory.limit_in_bytes:25276063744', 'memory.limit_in_bytes:1048576'),
      says: 'on worker: cgroup limit memory.limit_in_bytes of /memory/kubelet/kubepods: was 25276063744, is 1048576',
    },
    {
      what: 'a delay of all packets',
      change: (said) =>
        said.replace(
          'qdisc noqueue 0: dev eth0 root refcnt 2',
          'qdisc netem 8001: dev eth0 root refcnt 3 limit 1000 delay 10ms',
        ),
      says: 'on worker: qdisc eth0 root: was noqueue, is netem limit 1000 delay 10ms',
    },
    {
      what: 'a rule that drops packets',
      change: (said) => said.replace('*filter\n', '*filter\n-A INPUT -p tcp -m tcp --dport 4444 -j DROP\n'),
      says: 'on worker: firewall rule iptables filter -A INPUT -p tcp -m tcp --dport 4444 -j DROP: was absent, is 1',
    },
    {
      what: 'a table of nftables',
      change: () => withLine('tables', 'table inet chaos|1 2'),
      says: 'on worker: nft table table inet chaos: was absent, is 1 2',
    },
    {
      what: 'another sysctl',
      change: (said) => said.replace('vm/overcommit_memory 1', 'vm/overcommit_memory 2'),
      says: 'on worker: sysctl vm/overcommit_memory: was 1, is 2',
    },
    {
      what: 'a unit that does not run any more',
      change: (said) => said.replace(/^(kubelet\.service .*) running /m, '$1 dead '),
      says: 'on worker: unit kubelet.service: was running, is absent',
    },
    {
      what: 'another configuration of the kubelet',
      change: (said) =>
        said.replace('1632338581 1326 /var/lib/kubelet/config.yaml', '5 6 /var/lib/kubelet/config.yaml'),
      says: 'on worker: file /var/lib/kubelet/config.yaml: was 1632338581 1326, is 5 6',
    },
  ];
  for (const { what, change, says } of planted) {
    it(`is told, and is the run's where it touched the node: ${what}`, () => {
      expect(later(change)).to.deep.equal([says]);
      expect(later(change, 'worker')).to.deep.equal([`${says} (touched)`]);
    });
  }

  it("is the run's wherever its mark is, and not where another run's is", () => {
    const there = (path: string) => later(() => withLine('files', `there ${path}`));
    const ours = `/var/ordeal-${mark}-disk`;
    expect(there(ours)).to.deep.equal([`on worker: file ${ours}: was absent, is there (mark)`]);
    expect(there('/run/ordeal-x')).to.deep.equal(['on worker: file /run/ordeal-x: was absent, is there (mark)']);
    const theirs = `/var/ordeal-${otherMark}-disk`;
    expect(there(theirs)).to.deep.equal([`on worker: file ${theirs}: was absent, is there`]);
    const young = later(
      (said) =>
        `${withLine('processes', '900 0 / sleep')}`.replace(
          '== marks\n',
          `== marks\n/proc/900/cmdline:ordeal-${mark}\n`,
        ) || said,
    );
    expect(young).to.deep.equal([`on worker: process sleep in / (ordeal-${mark}): was absent, is running (mark)`]);
  });

  it('is unknown, and so counts as left, where the node or a program of it no longer answers', () => {
    expect(later((said) => said.replace('== end', ''))).to.match(
      /cannot be compared: its shell did not end.*\(unreadable\)/,
    );
    const noTc = later((said) =>
      said.replace(/qdisc .*\n/g, '').replace('== qdiscs\n', '== qdiscs\n!! there is no tc\n'),
    );
    expect(noTc).to.deep.equal([
      'on worker: qdisc: was could be read, is cannot be compared: there is no tc (unreadable)',
    ]);
    expect(compared(onWorker(recorded), { api: empty, nodes: {} })).to.match(/no longer among the nodes/);
  });
});

describe('what is left in a cluster', () => {
  const node = (facts: Record<string, string>, more: object = {}): Sight => ({
    things: { Node: { worker: { facts, ...more } } },
    unread: {},
  });
  const alone = (kind: string, name: string, more: object = {}): Sight => ({
    things: { [kind]: { [name]: { facts: {}, ...more } } },
    unread: {},
  });
  const from = (before: Sight, after: Sight, ...touched: string[]) => compared(inApi(before), inApi(after), touched);

  it("is the run's by its mark, by who wrote it and by what was touched; the rest is told as somebody's", () => {
    const taint = { 'taint chaos:NoSchedule': 'set' };
    expect(from(node({}), node(taint))).to.deep.equal(['Node worker, taint chaos:NoSchedule: was absent, is set']);
    expect(from(node({}), node(taint), 'worker')).to.match(/\(touched\)/);
    const writers = ['ordeal (ordeal:harness) 2026-01-01T00:00:00Z'];
    expect(from(node({}), node(taint, { writers }))).to.match(/\(written\)/);
    expect(from(node({}, { writers }), node(taint, { writers })), 'by an earlier run').not.to.match(/\(/);
    expect(from(empty, alone('Namespace', `ordeal-${mark}`))).to.match(/\(mark\)/);
    expect(from(empty, alone('Namespace', 'theirs'))).to.deep.equal(['Namespace theirs: was absent, is there']);
  });

  it('is not what owners make and remove, unless it is ours; nor the books of runs and the kill switch', () => {
    const pod = alone('Pod', 'default/web-1', { owned: true });
    expect(from(empty, pod)).to.deep.equal([]);
    expect(from(pod, empty)).to.deep.equal([]);
    expect(from(empty, alone('Pod', `default/hog-${mark}`, { owned: true }))).to.match(/\(mark\)/);
    expect(from(empty, alone('ConfigMap', 'ordeal/stop', { writers: ['ordeal x'] }))).to.deep.equal([]);
  });

  it('is another object under the same name too, and one that is gone', () => {
    const [one, other] = [
      alone('Namespace', 'a', { facts: { uid: '1' } }),
      alone('Namespace', 'a', { facts: { uid: '2' } }),
    ];
    expect(from(one, other)).to.deep.equal(['Namespace a: was there, is another one of that name']);
    expect(from(one, empty)).to.deep.equal(['Namespace a: was there, is absent']);
  });

  it('leaves out what the run had made to be there at all', () => {
    const made = withoutMarked(inApi(alone('ClusterRole.rbac.authorization.k8s.io', `ordeal-${mark}-probes`)), mark);
    expect(compared(made, inApi(empty))).to.deep.equal([]);
  });

  it('counts as left where it could be read before and cannot be now, and is never counted as compared where it never could', () => {
    const forbidden: Sight = { things: {}, unread: { Secret: '403 Forbidden' } };
    expect(from(alone('Secret', 'a/b'), forbidden)).to.deep.equal([
      'Secret: was could be read, is cannot be compared: 403 Forbidden (unreadable)',
    ]);
    expect(from(forbidden, forbidden)).to.deep.equal([]);
    expect(unreadOf(inApi(forbidden))).to.deep.equal(['Secret: 403 Forbidden']);
    expect(extentOf(inApi(forbidden))).to.deep.equal({ objects: 0, kinds: 0, nodes: 0 });
  });
});

describe('a look at an API server', () => {
  const object = (name: string, more: object = {}) => ({ metadata: { name, namespace: 'a', ...more } });

  it('lists all that it serves, in pieces, metadata where they are enough, and names what it may not read', async () => {
    const asked: string[] = [];
    await using server = await serve((request, response) => {
      const { pathname, searchParams } = new URL(request.url, 'http://here');
      asked.push(`${pathname}${request.headers.accept?.includes('PartialObjectMetadataList') ? ' metadata' : ''}`);
      const lists = (...kinds: readonly (readonly [string, string])[]) =>
        send(response, 200, { resources: kinds.map(([name, kind]) => ({ name, kind, verbs: ['get', 'list'] })) });
      const version = { groupVersion: 'things.example/v1', version: 'v1' };
      const dead = { groupVersion: 'dead.example/v1', version: 'v1' };
      if (pathname === '/apis')
        return send(response, 200, {
          groups: [
            { name: 'things.example', versions: [version], preferredVersion: version },
            { name: 'dead.example', versions: [dead] },
            { name: 'metrics.k8s.io', versions: [{ groupVersion: 'metrics.k8s.io/v1', version: 'v1' }] },
          ],
        });
      if (pathname === '/api/v1')
        return lists(['secrets', 'Secret'], ['events', 'Event'], ['services', 'Service'], ['pods/log', 'Pod']);
      if (pathname === '/apis/things.example/v1') return lists(['things', 'Thing']);
      if (pathname === '/api/v1/services') return send(response, 403, { reason: 'Forbidden', message: 'not yours' });
      if (pathname === '/api/v1/secrets') {
        const last = searchParams.has('continue');
        const items = last ? null : [object('s', { resourceVersion: '7', annotations: { copy: 'hunter2' } })];
        return send(response, 200, { items, metadata: last ? {} : { continue: 'more' } });
      }
      if (pathname.endsWith('/things'))
        return send(response, 200, { items: [object('t', { generation: 3 })], metadata: {} });
      return send(response, 503, { reason: 'ServiceUnavailable', message: 'nobody serves it' });
    });
    await using client = new KubeClient(server.connection, { signal });
    const { things, unread } = await seeApi(client, digest);
    expect(things).to.deep.equal({
      Secret: { 'a/s': { facts: { 'annotation copy': '"set"', data: 'version 7' } } },
      'Thing.things.example': { 'a/t': { facts: { spec: 'generation 3' } } },
    });
    expect(unread).to.deep.equal({
      'group dead.example': '503 ServiceUnavailable: nobody serves it',
      Service: '403 Forbidden: not yours',
    });
    expect(asked).to.include('/api/v1/secrets metadata').and.include('/api/v1/services');
    expect(asked.filter((path) => /metrics|events/.test(path))).to.deep.equal([]);
  });
});

describe('the report of a cluster that somebody has', () => {
  const extent = { objects: 276, kinds: 51, nodes: 2 };
  const snapshot: JournalEvent = { t: 1, kind: 'snapshot', ...extent, unread: [] };
  const left: Difference = { kind: 'Node', name: 'worker', what: 'cordon', was: 'absent', is: 'set', ours: 'touched' };
  const theirs: Difference = { kind: 'Namespace', name: '<b>x</b>\u202e', was: 'absent', is: 'there' };
  const afterwards = (...all: readonly Difference[]): JournalEvent => ({
    ...{ t: 9, kind: 'residue' as const, ...extent, unread: ['Secret: 403 Forbidden'], more: 0 },
    differences: all,
  });
  const told = (...events: readonly JournalEvent[]) => {
    const residue = residueOf(events);
    const report = { ...kindReport('stop-kubelet'), ...(residue && { residue }) };
    const terminal = summary(report, { color: false, columns: 200 }).replaceAll(/\s+/g, ' ');
    const cases = testSuite(report).cases.filter(({ name }) => name === 'the cluster is as it was');
    return { dirty: residue?.dirty, terminal, page: markdown(report), cases, file: verdictJson(report).residue };
  };

  it('says what was compared when it is as it was, and what could not be read', () => {
    const { dirty, terminal, page, cases } = told(snapshot, afterwards());
    expect(dirty).to.equal(false);
    expect(terminal).to.contain(
      'As it was ✓ 276 objects of 51 kinds and 2 nodes compared: nothing of the run is left; 1 could not be read',
    );
    expect(page).to.contain('not compared').and.to.contain('Secret');
    expect(cases.map(({ result }) => result)).to.deep.equal(['passed']);
  });

  it("lists what is left and makes the run dirty; what is somebody's is listed, and does not", () => {
    const { dirty, terminal, page, cases, file } = told(snapshot, afterwards(left, theirs));
    expect(dirty).to.equal(true);
    expect(terminal).to.contain('left: 1 difference; 1 changed by somebody else meanwhile, or by us: look');
    expect(terminal).to.contain('Node worker, cordon: was absent, is set (the run touched it)');
    expect(page).not.to.contain('<b>').and.not.to.contain('\u202e');
    expect(cases.map(({ result }) => result)).to.deep.equal(['failure']);
    expect(file?.differences).to.have.length(2);
    expect(told(snapshot, afterwards(theirs)).dirty).to.equal(false);
  });

  it('is dirty when nobody could look, and when the run was cut short before', () => {
    const failed = told(snapshot, { t: 9, kind: 'residue', failed: 'GET /apis: ECONNREFUSED' });
    expect(failed.dirty).to.equal(true);
    expect(failed.terminal).to.contain('nobody knows whether the cluster is as it was before: GET /apis: ECONNREFUSED');
    expect(told(snapshot).terminal).to.contain('the run was cut short before anybody looked');
    expect(told(snapshot).dirty).to.equal(true);
    expect(told().dirty, 'a cluster of its own').to.equal(undefined);
    expect(told().cases).to.deep.equal([]);
  });
});
