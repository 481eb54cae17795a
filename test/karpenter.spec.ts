import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { load, variantsOf } from '../harness/commands/find.ts';
import type { Cluster, EventBody, JournalEvent, Labels, Run } from '../harness/model.ts';
import { ClaimView, type NodeClaim, standingOf } from '../harness/probes/karpenter-claims.ts';
import { writeScrape } from '../harness/probes/karpenter-scrape.ts';
import { probes } from '../harness/probes/table.ts';
import { startClock } from '../harness/run/clock.ts';
import { serve } from './api-server.ts';

const scenario = fileURLToPath(new URL('../scenarios/autoscaler-rampage', import.meta.url));
/** As Karpenter 1.14.0 wrote it in a run with a budget of 10 %: its own metrics, of which only these lines are read. */
const recorded = readFileSync(new URL('fixtures/karpenter-1.14.0.txt', import.meta.url), 'utf8');

/** Gauges by name and labels as written last. */
function written(write: (run: Pick<Run, 'journal'>) => void): Record<string, number> {
  const values: Record<string, number> = {};
  const append = (body: EventBody) => {
    if (body.kind !== 'sample') return;
    const labels = Object.values(body.labels ?? {});
    values[[body.metric, ...labels].join(' ')] = body.value;
  };
  write({ journal: { append } });
  return values;
}

const claim = (name: string, conditions: readonly string[] = [], deletionTimestamp?: string): NodeClaim => ({
  metadata: { name, resourceVersion: '1', ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
  status: { nodeName: `kwok-${name}`, conditions: conditions.map((type) => ({ type, status: 'True', reason: type })) },
});

describe('what Karpenter says of its decisions', () => {
  it('is read from its own metrics, with how many nodes its next decision takes', () => {
    expect(written((run) => writeScrape(run, recorded))).to.deep.equal({
      'karpenter.unneeded': 17,
      'karpenter.will-go': 2,
      'karpenter.utilisation cpu': 0,
      'karpenter.utilisation memory': 0,
      'karpenter.decisions': 1,
      'karpenter.disrupted': 2,
      'karpenter.evaluations': 27,
    });
  });

  it('is nothing while it has had no reason to say it', () => {
    const values = written((run) => writeScrape(run, ''));
    expect(values).to.deep.equal({
      'karpenter.unneeded': 0,
      'karpenter.will-go': 0,
      'karpenter.decisions': 0,
      'karpenter.disrupted': 0,
      'karpenter.evaluations': 0,
    });
  });

  it('has no node go that a budget keeps, however many are unneeded', () => {
    const budget = (nodes: number) => (_: string, start: string) => `${start}${nodes}`;
    const allowed = /^(karpenter_nodepools_allowed_disruptions\{.*\} )\d+$/gm;
    const values = written((run) => writeScrape(run, recorded.replaceAll(allowed, budget(0))));
    expect(values).to.include({ 'karpenter.will-go': 0 });
    expect(written((run) => writeScrape(run, recorded.replaceAll(allowed, budget(100))))).to.include({
      'karpenter.will-go': 17,
    });
  });
});

describe('how many nodes are unneeded', () => {
  const used = (percent: number) =>
    recorded.replace(/^(karpenter_cluster_utilization_percent\{resource_type="cpu"\}) 0$/m, `$1 ${percent}`);

  it('is what the sum of all requests leaves, since all that may be looked at are called eligible', () => {
    expect(recorded).to.match(/^karpenter_voluntary_disruption_eligible_nodes\{reason="underutilized"\} 17$/m);
    expect(written((run) => writeScrape(run, used(97.4)))).to.include({
      'karpenter.unneeded': 0,
      'karpenter.will-go': 0,
    });
    expect(written((run) => writeScrape(run, used(50)))).to.include({
      'karpenter.unneeded': 9,
      'karpenter.will-go': 2,
    });
  });
});

describe('a node claim', () => {
  for (const [conditions, standing] of [
    [[], 'launching'],
    [['Launched', 'Registered'], 'launching'],
    [['Initialized'], 'kept'],
    [['Initialized', 'Consolidatable'], 'consolidatable'],
    [['Initialized', 'Consolidatable', 'DisruptionReason'], 'going'],
    [['Initialized', 'DisruptionReason', 'InstanceTerminating'], 'gone'],
  ] as const)
    it(`is ${standing} with ${conditions.join(', ') || 'no condition'}`, () => {
      expect(standingOf(claim('a', conditions))).to.equal(standing);
    });

  it('goes when it is deleted, whoever did it', () => {
    expect(standingOf(claim('a', ['Initialized'], '2026-01-01T00:00:00Z'))).to.equal('going');
  });

  it('counts among the most that went at once, also between two samples', () => {
    let view: ClaimView | undefined;
    const write = (run: Pick<Run, 'journal'>) => {
      view = new ClaimView(run);
      for (const name of ['a', 'b', 'c']) view.see(claim(name, ['Initialized']));
      view.see(claim('a', ['Initialized', 'DisruptionReason']));
      view.see(claim('b', ['Initialized', 'DisruptionReason']));
      view.see(claim('a', ['Initialized', 'DisruptionReason', 'InstanceTerminating']));
      view.delete({ name: 'a' });
      view.see(claim('c', ['Initialized', 'DisruptionReason']));
      view.write();
    };
    expect(written(write)).to.include({ 'karpenter.going': 2, 'karpenter.nodes going': 2, 'karpenter.nodes kept': 0 });
  });
});

describe('the probe karpenter', function () {
  this.timeout(60_000);
  const open: Server[] = [];
  after(() => {
    for (const server of open) server.closeAllConnections();
  });

  /** A server `karpenter` that says what was recorded. */
  async function metrics(): Promise<{ address: string; close(): void }> {
    const server = createServer((_, response) => response.end(recorded));
    open.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = () => {
      server.close();
      server.closeAllConnections();
    };
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, close };
  }

  it('needs the server of that name', () => {
    const cluster = { servers: { proxy: { metrics: '127.0.0.1:1' } } } as unknown as Cluster;
    expect(probes.get('karpenter')?.().unavailable(cluster)).to.match(/no server "karpenter" with a port "metrics"/);
  });

  it('tells who is chosen to go, and is blind to the decisions alone when Karpenter does not answer', async () => {
    let watching: ServerResponse | undefined;
    await using api = await serve(({ url }, response) => {
      if (url.includes('watch=')) {
        watching = response;
        response.writeHead(200).flushHeaders();
      } else response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [claim('a', ['Initialized'])] }));
    });
    const said = await metrics();
    const events: JournalEvent[] = [];
    const ending = new AbortController();
    const clock = startClock();
    const append = (body: EventBody, t = clock.now()) => void events.push({ t, ...body });
    const run = { clock, journal: { append }, signal: ending.signal } as unknown as Run;
    const servers = { karpenter: { metrics: said.address } };
    const cluster = { connect: () => api.connection, servers } as unknown as Cluster;
    const { ended } = (await probes.get('karpenter')?.().observe(cluster, run)) ?? expect.fail('no such probe');
    while (!watching) await sleep(20);
    const going = claim('a', ['Initialized', 'DisruptionReason']);
    watching.write(`${JSON.stringify({ type: 'MODIFIED', object: going })}\n`);
    said.close();
    const blind = () => events.flatMap((event) => (event.kind === 'blind' ? [event.source] : []));
    const most = (labels?: Labels) =>
      Math.max(
        ...events.flatMap((event) =>
          event.kind === 'sample' && event.metric === 'karpenter.going' && event.labels === labels ? [event.value] : [],
        ),
      );
    while (blind().length === 0 || most() < 1) await sleep(50);
    ending.abort(new Error('enough'));
    await ended;
    expect(new Set(blind())).to.deep.equal(new Set(['karpenter/metrics']));
    const told = events.flatMap((event) => (event.kind === 'seen' ? [event.detail] : []));
    expect(told).to.deep.equal(['Karpenter chose the node to go: DisruptionReason']);
    const promised = events.flatMap((event) =>
      event.kind === 'observing' ? event.metrics.map(({ name }) => name) : [],
    );
    for (const event of events) if ('metric' in event) expect(promised).to.include(event.metric);
  });
});

describe('autoscaler-rampage', () => {
  it('has one variant that loses its nodes and three that keep them, or lose them slowly', async () => {
    const all = await variantsOf(scenario, 'embedded');
    expect(all.map(({ name, expect: expected }) => [name, expected])).to.deep.equal([
      ['rampage', 'signature'],
      ['smoothing', 'limits'],
      ['schedule', 'limits'],
      ['budget-10', 'limits'],
    ]);
    const { cluster, objects } = await load(scenario, { variant: 'rampage', set: {} });
    expect(cluster.servers?.map(({ name, program }) => [name, program])).to.deep.equal([
      ['karpenter', 'karpenter-kwok'],
    ]);
    // What is applied later takes the requests away only if the same applied them.
    expect(objects.slice(1).map(({ apply }) => apply)).to.deep.equal([true, true]);
  });
});
