import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Deaths } from '../harness/cluster/deaths.ts';
import { beyondKind } from '../harness/cluster/kind/config.ts';
import { PORTS } from '../harness/cluster/kwokctl.ts';
import { Links } from '../harness/cluster/links.ts';
import { freePorts } from '../harness/cluster/ports.ts';
import { refuseOpenSockets } from '../harness/cluster/readback.ts';
import { faults } from '../harness/faults/table.ts';
import { type JournalEvent, RefusedError, type Run, type Scenario, ScenarioError } from '../harness/model.ts';
import { marked } from '../harness/process.ts';
import { startClock } from '../harness/run/clock.ts';
import { endProcesses } from '../harness/run/undo/host.ts';
import { decode } from '../harness/scenario/decode.ts';

const good = `question: Do links work?
incident: { from: "Somebody, 2020", what: It broke }
runs-on: [embedded]
cluster:
  nodes: 3
  components: { kube-scheduler: {} }
  links:
    agents: { from: kwok-controller, to: kube-apiserver }
    storage: { from: kube-apiserver, to: etcd }
phases: { steady: 5s, fault: 5s }
faults:
  - { fault: black-hole, link: agents }
  - { fault: slow-link, link: storage, latency: 20ms, bandwidth: 1MiB }
variants: { only: { what: as it is, expect: limits } }
evidence: [{ metric: link.stuck-bytes, labels: { link: agents }, take: count, during: fault, is: ">= 1KiB" }]
limits: [{ metric: component.deaths, labels: { component: storage }, take: count, during: run, is: "== 0" }]
probes: [components, links]
`;

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'ordeal-links-'));
});
after(() => rmSync(root, { recursive: true }));

async function decoded(yaml: string): Promise<Scenario> {
  const { probeMetrics } = await import('../harness/probes/metrics.ts');
  const folder = mkdtempSync(join(root, 'case-'));
  writeFileSync(join(folder, 'scenario.yaml'), yaml);
  const known = {
    metrics: probeMetrics,
    promised: () => [],
    faults,
    installed: [],
    derived: [],
    images: [],
    shapes: [],
    capabilities: [],
    manifest: () => undefined,
  };
  return decode(folder, { known });
}

async function complaintsOf(from: string, to: string): Promise<readonly string[]> {
  expect(good).to.include(from);
  try {
    await decoded(good.replace(from, to));
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return error.complaints.map((line) => line.replace(/^.*scenario\.yaml:/, ''));
  }
  return [];
}

describe('links of a scenario', () => {
  it('are decoded in the order of the file, with the faults that break them', async () => {
    const { cluster, faults } = await decoded(good);
    expect(cluster.links).to.deep.equal([
      { name: 'agents', from: 'kwok-controller', to: 'kube-apiserver' },
      { name: 'storage', from: 'kube-apiserver', to: 'etcd' },
    ]);
    expect(faults.map(({ fault, parameters, workers }) => ({ fault, parameters, workers }))).to.deep.equal([
      { fault: 'black-hole', parameters: { link: 'agents' }, workers: 0 },
      { fault: 'slow-link', parameters: { link: 'storage', latency: 20, bandwidth: 1024 ** 2 }, workers: 0 },
    ]);
    expect(beyondKind(cluster)).to.deep.equal([
      'link agents: only the embedded cluster has links',
      'link storage: only the embedded cluster has links',
    ]);
  });

  const wrong: readonly (readonly [string, string, string, string])[] = [
    ['a component that is none', 'from: kwok-controller', 'from: kubelet', '8:21: "from" is "kubelet"'],
    [
      'parties that do not speak',
      'to: etcd',
      'to: kube-apiserver',
      '9:42: kube-apiserver does not speak to kube-apiserver; expected etcd',
    ],
    [
      'a component that is not there',
      'from: kwok-controller',
      'from: kube-controller-manager',
      '8:21: this cluster has no kube-controller-manager',
    ],
    ['no nodes, and so no agent', 'nodes: 3', 'nodes: 0', '8:21: this cluster has no kwok-controller'],
    ['the name of a component', '    agents:', '    etcd:', '8:5: a link cannot be called "etcd"'],
    [
      'two links of one component',
      '    storage: { from: kube-apiserver, to: etcd }',
      '    more: { from: kwok-controller, to: kube-apiserver }',
      '9:19: kwok-controller has two links; expected one',
    ],
    [
      'a fault of another link',
      'link: agents }\n',
      'link: agent }\n',
      '12:32: unknown link "agent"; expected one of agents, storage; did you mean "agents"?',
    ],
    ['a threshold on another link', 'labels: { link: agents }', 'labels: { link: agnts }', 'unknown link "agnts"'],
    ['a fault without its link', 'fault: black-hole, link: agents', 'fault: black-hole', 'the fault lacks "link"'],
    ['a latency without a unit', 'latency: 20ms', 'latency: fast', '"latency" is "fast"'],
  ];
  for (const [what, from, to, complaint] of wrong)
    it(`that are wrong are located: ${what}`, async () => {
      expect((await complaintsOf(from, to)).join('\n')).to.include(complaint);
    });
});

describe('the relays of a cluster', function () {
  this.timeout(60_000);
  const mark = 'deadbeefdeadbeef';
  let ending: AbortController;
  let events: JournalEvent[];
  let deaths: Deaths;
  let links: Links;
  let failures: string[];
  let ports: Parameters<Links['start']>[0];
  let far: Server;
  let component: ChildProcess | undefined;

  beforeEach(async () => {
    ending = new AbortController();
    events = [];
    failures = [];
    const folder = mkdtempSync(join(root, 'relays-'));
    const state = join(folder, 'state');
    mkdirSync(state);
    const journal = { append: (body: object) => void events.push(body as JournalEvent) };
    deaths = new Deaths({ clock: startClock(), journal, signal: ending.signal, mark } as unknown as Run, state);
    const fail = (error: Error) => void failures.push(error.message);
    const spec = { name: 'agents', from: 'kwok-controller', to: 'kube-apiserver' } as const;
    links = new Links([spec], { folder: join(folder, 'links'), state, mark, deaths, fail });
    ports = await freePorts([...PORTS, ...links.names]);
    far = createServer((socket) => void socket.on('error', () => socket.destroy()).pipe(socket));
    far.listen(ports['kube-apiserver'], '127.0.0.1');
    await once(far, 'listening');
    await links.start(ports, ending.signal);
  });

  afterEach(async () => {
    deaths[Symbol.dispose]();
    component?.kill('SIGKILL');
    component = undefined;
    ending.abort();
    far.close();
    await endProcesses(mark);
  });

  /** A component that says something to a port of loopback, and stays connected. */
  async function connectedTo(port: number): Promise<{ readonly name: string; readonly pid: number }> {
    const text = `require('node:net').connect(${port}, '127.0.0.1').on('data', () => console.log('heard')).write('hello')`;
    component = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(component.stdout ?? component, 'data');
    return { name: 'kwok-controller', pid: component.pid ?? 0 };
  }

  it('are processes of the run on loopback, and lead their component to the other', async () => {
    const [relay] = links.components;
    expect(relay?.name).to.equal('agents');
    expect(marked(mark)).to.include(relay?.pid);
    refuseOpenSockets(mark, links.components);
    expect(links.portFor('kwok-controller', 'kube-apiserver')).to.equal(ports['link/agents']);
    expect(links.portFor('kube-scheduler', 'kube-apiserver')).to.equal(ports['kube-apiserver']);
    await links.refuseUnused([await connectedTo(ports['link/agents'] ?? 0)], ending.signal);
  });

  it('are refused where their component goes another way, or is not there', async () => {
    const refused = async (work: Promise<void>) =>
      work.then(
        () => expect.fail('it was not refused'),
        (error) => {
          expect(error).to.be.instanceOf(RefusedError);
          return String(error);
        },
      );
    const direct = await connectedTo(ports['kube-apiserver']);
    expect(await refused(links.refuseUnused([direct], ending.signal))).to.include(
      'link agents: kwok-controller reaches kube-apiserver without it',
    );
    expect(await refused(links.refuseUnused([], ending.signal))).to.include('there is no kwok-controller');
  });

  it('are told when they die, and why', async () => {
    process.kill(links.components[0]?.pid ?? 0, 'SIGKILL');
    expect(await deaths.of('agents')).to.include({ component: 'agents', signal: 'SIGKILL' });
    expect(events.map((event) => 'subject' in event && event.subject)).to.deep.equal(['agents']);
    for (let round = 0; round < 2_000 && failures.length === 0; round++) await new Promise((r) => setTimeout(r, 10));
    expect(failures[0]).to.include('link agents died: killed by SIGKILL').and.to.include('takes connections');
  });
});
