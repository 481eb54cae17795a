import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { load } from '../harness/commands/find.ts';
import { reportOf } from '../harness/commands/finish.ts';
import {
  type Cluster,
  type EventBody,
  type JournalEvent,
  type Run,
  type Scenario,
  ScenarioError,
  type Stopped,
} from '../harness/model.ts';
import { stopOf } from '../harness/run/register.ts';
import { session } from '../harness/run/session.ts';
import { liftSwitch, requireUnset, setSwitch, switchOf } from '../harness/run/stop.ts';
import { rulesFor, rulesOver } from '../harness/safety/rules.ts';
import { watchSwitch } from '../harness/safety/switch.ts';
import { send, serve } from './api-server.ts';

const temporary = () => mkdtempSync(join(tmpdir(), 'ordeal-test-'));

const yaml = (more: string) => `question: Does it hold?
incident: { from: somebody, what: It broke }
runs-on: [embedded]
cluster: { nodes: 2, components: { etcd: {}, kube-apiserver: {}, kwok-controller: {} } }
phases: { steady: 3s, fault: 3s }
load: []
probes: [nodes, components, api-canary, kubelet]
variants: { only: { what: it, expect: limits } }
evidence: [{ metric: nodes.ready, take: min, during: fault, is: ">= 1" }]
limits: [{ metric: component.deaths, take: count, during: run, is: "== 0" }]
${more}
`;

async function decoded(more: string): Promise<Scenario> {
  const folder = join(temporary(), 'case');
  mkdirSync(folder);
  writeFileSync(join(folder, 'scenario.yaml'), yaml(more));
  return load(folder, { set: {} });
}

/** Each as `line:column: what`. */
async function complaintsOf(more: string): Promise<readonly string[]> {
  try {
    await decoded(more);
  } catch (error) {
    if (error instanceof ScenarioError) return error.complaints.map((line) => line.replace(/^.*scenario\.yaml:/, ''));
    throw error;
  }
  return [];
}

describe('the rules that stop a run', () => {
  it('are decoded with a text for people, base units and a line', async () => {
    const { stop } = await decoded(`stop:
  - { metric: nodes.not-ready, is: "> 3" }
  - { metric: api.get.failures, labels: { cause: timeout }, is: ">= 50" }
  - { metric: api.get.failures, over: api.get.duration, is: "> 5%" }
  - { metric: etcd.memory, is: "> 2GiB" }`);
    expect(stop).to.deep.equal([
      { text: 'nodes.not-ready > 3', metric: 'nodes.not-ready', is: { op: '>', value: 3, unit: 'count' }, line: 12 },
      {
        text: 'api.get.failures{cause=timeout} >= 50',
        metric: 'api.get.failures',
        labels: { cause: 'timeout' },
        is: { op: '>=', value: 50, unit: 'count' },
        line: 13,
      },
      {
        text: 'api.get.failures / api.get.duration > 5%',
        metric: 'api.get.failures',
        over: 'api.get.duration',
        is: { op: '>', value: 0.05, unit: 'ratio' },
        floor: 100,
        line: 14,
      },
      { text: 'etcd.memory > 2GiB', metric: 'etcd.memory', is: { op: '>', value: 2 ** 31, unit: 'bytes' }, line: 15 },
    ]);
  });

  for (const [what, rule, says] of [
    [
      'an unknown metric',
      '{ metric: nodes.not-redy, is: "> 3" }',
      /^12:15: .*nodes\.not-redy.*did you mean "nodes.not-ready"/,
    ],
    ['an unknown key', '{ metric: nodes.not-ready, iss: "> 3" }', /unknown key "iss".*did you mean "is"/],
    [
      'the words of thresholds that look back',
      '{ metric: nodes.ready, take: max, during: fault, is: "> 3" }',
      /unknown key "take"/,
    ],
    ['a missing unit', '{ metric: etcd.memory, is: "> 3" }', /3 has no unit; expected a size/],
    ['an unknown label', '{ metric: api.get.failures, labels: { why: x }, is: "> 3" }', /has no label "why"/],
    ['a rule that is always met', '{ metric: nodes.not-ready, is: ">= 0" }', /can never fail/],
    ['a comparison with a phase', '{ metric: etcd.memory, is: "> 2x steady" }', /of which a rule knows nothing/],
    [
      'the share of a gauge',
      '{ metric: nodes.not-ready, over: api.get.duration, is: "> 5%" }',
      /gauge, which has no share/,
    ],
    [
      'a share that is no percentage',
      '{ metric: api.get.failures, over: api.get.duration, is: "> 5" }',
      /expected a percentage/,
    ],
    ['a floor without a share', '{ metric: nodes.not-ready, is: "> 3", floor: 5 }', /a floor without a share/],
    ['what is known only afterwards', '{ metric: node-failures, is: "> 3" }', /known only when the run is over/],
  ] as const) {
    it(`are refused with their place: ${what}`, async () => {
      const complaints = await complaintsOf(`stop:\n  - ${rule}`);
      expect(complaints.join('\n')).to.match(says);
      expect(complaints[0]).to.match(/^12:\d+: /);
    });
  }

  it('leave it to the scenario how long the switch in the cluster may be out of sight, or whether it is taken away on purpose', async () => {
    expect(await decoded('halt-blind-after: 10s')).to.include({ haltBlindAfter: 10_000 });
    expect(await decoded('api-outage: true')).to.include({ apiOutage: true });
    expect(await complaintsOf('halt-blind-after: 10')).to.have.length(1);
    expect((await complaintsOf('api-outage: true\nhalt-blind-after: 10s')).join()).to.match(/12:.*one of the two/);
    expect((await complaintsOf('api-outage: maybe')).join()).to.match(
      /^11:13: "api-outage" is "maybe"; expected true or false/,
    );
  });
});

describe('a rule in force', () => {
  const phases = [
    { name: 'warmup', duration: 1 },
    { name: 'steady', duration: 1 },
  ];
  const observing: EventBody = {
    kind: 'observing',
    source: 'probe',
    every: 1000,
    metrics: [
      { name: 'nodes.not-ready', unit: 'count', kind: 'gauge', help: '' },
      { name: 'failures', unit: 'count', kind: 'increment', labels: ['cause'], help: '' },
      { name: 'requests', unit: 'count', kind: 'counter', help: '' },
    ],
  };
  const steady: EventBody = { kind: 'phase', name: 'steady', edge: 'start' };
  const sample = (metric: string, value: number, labels?: Record<string, string>): EventBody => ({
    kind: 'sample',
    metric,
    value,
    ...(labels && { labels }),
  });
  const rule = (metric: string, value: number, more: object = {}) => ({
    text: `${metric} > ${value}`,
    metric,
    is: { op: '>', value, unit: 'count' } as const,
    line: 1,
    ...more,
  });
  function first(rules: Parameters<typeof rulesOver>[1], ...events: EventBody[]): Stopped | number | undefined {
    const look = rulesOver({ phases }, rules);
    for (const [index, body] of [observing, ...events].entries()) {
      const stopped = look({ t: index, ...body } as JournalEvent);
      if (stopped) return { ...stopped, why: `${stopped.why} (event ${index})` };
    }
    return undefined;
  }

  it('is met by the last value of a gauge, from steady on', () => {
    const rules = [rule('nodes.not-ready', 3)];
    const seen = [sample('nodes.not-ready', 9), steady, sample('nodes.not-ready', 3), sample('nodes.not-ready', 4)];
    expect(first(rules, ...seen)).to.deep.equal({ how: 'rule', why: 'nodes.not-ready > 3 was met: 4 (event 4)' });
    expect(first(rules, ...seen.slice(0, 3))).to.equal(undefined);
  });

  it('adds up what is counted, only what has its labels, and a counter from where it stood', () => {
    const failed = (cause: string) => sample('failures', 1, { cause });
    const rules = [rule('failures', 1, { labels: { cause: 'reset' } })];
    expect(first(rules, failed('reset'), steady, failed('timeout'), failed('timeout'), failed('reset'))).to.equal(
      undefined,
    );
    expect(first(rules, steady, failed('reset'), failed('timeout'), failed('reset'))).to.include({ how: 'rule' });
    const counted = [700, 705, 3].map((value) => sample('requests', value));
    expect(first([rule('requests', 7)], sample('requests', 699), steady, ...counted)).to.include({
      why: 'requests > 7 was met: 9 (event 5)',
    });
  });

  it('spends an error budget only when enough was asked', () => {
    const budget = rule('failures', 0.1, { over: 'requests', floor: 100, is: { op: '>', value: 0.1, unit: 'ratio' } });
    const asked = (value: number) => sample('requests', value);
    const seen = [asked(0), steady, sample('failures', 20), asked(99)];
    expect(first([budget], ...seen)).to.equal(undefined);
    expect(first([budget], ...seen, asked(100))).to.include({ why: 'failures > 0.1 was met: 20% (event 5)' });
    expect(first([budget], ...seen, asked(200))).to.equal(undefined);
  });

  it('guards a cluster that is not its own against more nodes NotReady than it touches, unless it says so itself', () => {
    const faults = [{ workers: 1 }, { workers: 0 }] as unknown as Scenario['faults'];
    expect(rulesFor({ faults }, true)).to.deep.equal([]);
    expect(rulesFor({ faults }, false).map(({ is }) => is)).to.deep.equal([{ op: '>', value: 1, unit: 'count' }]);
    const stop = [rule('nodes.not-ready', 3)];
    expect(rulesFor({ faults, stop }, false)).to.deep.equal(stop);
  });
});

describe('the switch in a cluster', () => {
  const set = { metadata: { name: 'stop', creationTimestamp: '2026-01-01T00:00:00Z' }, data: { by: 'alice' } };

  /** Watches a cluster that answers so, until it halts or the time is over. */
  async function halting(answer: Parameters<typeof serve>[0], blindAfter?: number): Promise<Stopped | undefined> {
    await using server = await serve(answer);
    const abort = new AbortController();
    const clock = { now: () => performance.now(), fromWall: (wall: number) => wall };
    const run = { clock, signal: abort.signal } as unknown as Run;
    const cluster = { connect: () => server.connection } as unknown as Cluster;
    const halted = Promise.withResolvers<Stopped | undefined>();
    try {
      const { ended } = await watchSwitch(cluster, run, { halt: halted.resolve, blindAfter });
      ended.catch(halted.reject);
      return await Promise.race([halted.promise, sleep(1_500, undefined)]);
    } finally {
      abort.abort();
    }
  }
  const empty = { metadata: { resourceVersion: '1' }, items: [] };
  /** Lists what is there, keeps the watch open and tells what comes; a GET of the object is answered by `get`. */
  const api =
    (items: object[], come: object[], get: (response: ServerResponse) => void): Parameters<typeof serve>[0] =>
    ({ url }, response) => {
      if (url.startsWith('/api/v1/namespaces/ordeal/configmaps/stop')) get(response);
      else if (!url.includes('watch=')) send(response, 200, { ...empty, items });
      else for (const object of come) response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
    };
  const none = (response: ServerResponse) => send(response, 404, {});

  it('that is set before the run has looked refuses it', async () => {
    const found = await halting(api([set], [], none));
    expect(found).to.include({ how: 'cluster', refused: true, by: 'alice', set: '2026-01-01T00:00:00Z' });
  });

  it('halts the run when it is set later, whatever is in it', async () => {
    expect(await halting(api([], [set], none))).to.not.have.property('refused');
    const bare = { metadata: { name: 'stop' }, data: { by: { not: 'text' } } };
    expect(await halting(api([], [bare], none))).to.include({
      why: 'the switch in the cluster (ConfigMap stop in the namespace ordeal), set by somebody',
    });
  });

  it('is seen although the watch is deaf, and is in sight while the cluster says that there is none', async () => {
    expect(
      await halting(
        api([], [], (response) => send(response, 200, set)),
        800,
      ),
    ).to.include({ how: 'cluster' });
    expect(await halting(api([], [], none), 1_000)).to.equal(undefined);
  });

  it('halts the run when it is out of sight for too long: no answer, no right to look, an open watch notwithstanding', async () => {
    for (const get of [() => undefined, (response: ServerResponse) => send(response, 403, {})])
      expect(await halting(api([], [], get), 400)).to.include({ how: 'blind' });
    expect(await halting(api([], [], () => undefined))).to.equal(undefined);
  });

  it('must be seen: who may not look may not run', async () => {
    const refusal = await halting((_, response) => send(response, 403, {})).catch((error: unknown) => error);
    expect(refusal).to.include({ code: 403 });
  });
});

describe('the switch of this machine', () => {
  const places = () => ({ state: join(temporary(), 'ordeal', 'runs') });

  it('lets no run begin while it is set, says who set it, and keeps that', () => {
    const here = places();
    requireUnset(here);
    setSwitch(switchOf(here), 'alice on a');
    setSwitch(switchOf(here), 'bob on b');
    expect(() => requireUnset(here)).to.throw(/ordeal stop by alice on a at 2.*ordeal stop --lift/);
    expect(liftSwitch(switchOf(here))).to.equal(true);
    expect(liftSwitch(switchOf(here))).to.equal(false);
    requireUnset(here);
  });

  it('counts whatever lies there', () => {
    for (const make of [
      (path: string) => writeFileSync(path, ''),
      (path: string) => writeFileSync(path, 'null'),
      (path: string) => mkdirSync(path),
    ]) {
      const here = places();
      mkdirSync(join(here.state, '..'), { recursive: true });
      make(switchOf(here));
      expect(() => requireUnset(here)).to.throw(/ordeal stop by somebody/);
      liftSwitch(switchOf(here));
      requireUnset(here);
    }
  });
});

describe('a session that is told to stop', function () {
  this.timeout(60_000);

  const scenario = {
    ...{ id: 'test', source: '', parameters: {}, cluster: {}, load: [], faults: [], probes: [] },
    ...{ evidence: [], signature: [], limits: [], variant: { name: 'only', what: '', expect: 'limits' } },
    phases: [{ name: 'fault', duration: 60_000 }],
  } as unknown as Scenario;

  /** Plays it until it is stopped; a folder of the run is owed meanwhile. */
  async function stopped({
    rules,
    halting,
    playing,
  }: {
    rules?: (event: JournalEvent) => Stopped | undefined;
    halting?: (halt: (why: Stopped) => void) => void;
    playing?: (places: { runs: string; state: string }, id: string) => void;
  }) {
    const root = temporary();
    const places = { runs: join(root, 'runs'), state: join(root, 'ordeal', 'runs') };
    const ended = await session(scenario, {
      ...{ places, version: 'test', judge: 'limits', signal: new AbortController().signal, observer: () => undefined },
      ...(rules && { rules }),
      stage: async (run) => ({
        provider: {
          name: 'folder',
          unavailable: async () => undefined,
          async create() {
            const path = join(run.folder, 'cluster');
            const owed = await run.ledger.owe({ undo: 'remove-folder', path, mark: run.mark });
            mkdirSync(path);
            writeFileSync(join(path, '.ordeal'), run.mark);
            owed.done();
            run.journal.append({ kind: 'cluster', provider: 'folder', name: '', components: [], notes: [] });
            return { collectLogs: async () => {}, [Symbol.asyncDispose]: async () => {} } as unknown as Cluster;
          },
        },
        ...{ probes: [], loads: [], faults: [], admit: async () => {} },
        watchSwitch: async (_, __, halt) => {
          halting?.(halt);
          return { ended: Promise.resolve() };
        },
        prepare: async () => playing?.(places, run.id),
      }),
    });
    return { report: reportOf(ended.folder), places, ...ended };
  }

  it('by a rule ends invalid with that reason, and puts everything back', async () => {
    const rules = ({ kind }: JournalEvent) =>
      kind === 'phase' ? ({ how: 'rule', why: 'x > 3 was met: 4' } as const) : undefined;
    const { report, folder } = await stopped({ rules });
    expect(report.verdict.status).to.equal('invalid');
    expect(report.verdict.reasons).to.deep.equal(['stopped by its rule: x > 3 was met: 4']);
    expect(report.exitCode).to.equal(3);
    expect(existsSync(join(folder, 'cluster'))).to.equal(false);
    expect(report.events.filter(({ kind }) => kind === 'stopped')).to.have.length(1);
  });

  it('by the switch of its own takes that away when everything is put back, and leaves the others alone', async () => {
    const playing = (places: { state: string }, id: string) => setSwitch(stopOf(places, id), 'alice');
    const { report, places, id } = await stopped({ playing });
    expect(report.verdict.reasons).to.have.length(1);
    expect(report.verdict.reasons[0]).to.match(/^stopped: ordeal stop by alice at 2/);
    expect(existsSync(stopOf(places, id))).to.equal(false);
    requireUnset(places);
  });

  it('by the switch of all runs says so, and that stays', async () => {
    const { report, places } = await stopped({ playing: (places) => setSwitch(switchOf(places), 'alice') });
    expect(report.events.find(({ kind }) => kind === 'stopped')).to.include({ how: 'switch', by: 'alice' });
    expect(() => requireUnset(places)).to.throw('alice');
  });

  it('before it has begun is refused: exit 2', async () => {
    const { report } = await stopped({ halting: (halt) => halt({ how: 'cluster', why: 'it is set', refused: true }) });
    expect(report.exitCode).to.equal(2);
    expect(report.verdict.reasons).to.deep.equal(['stopped: it is set']);
    expect(report.events.some(({ kind }) => kind === 'phase')).to.equal(false);
  });
});
