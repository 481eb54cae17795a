import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { KubeClient } from '../harness/kube/client.ts';
import { Lookout } from '../harness/kube/watch.ts';
import type { Cluster, Death, EventBody, JournalEvent, Millis, Run } from '../harness/model.ts';
import { compareVersions, Hearing } from '../harness/probes/hearing.ts';
import { probeMetrics } from '../harness/probes/metrics.ts';
import { histograms, series } from '../harness/probes/prometheus.ts';
import { Scrapes } from '../harness/probes/scrape.ts';
import { probes } from '../harness/probes/table.ts';
import { startClock } from '../harness/run/clock.ts';
import { coverage } from '../harness/verdict/coverage.ts';
import { indexJournal } from '../harness/verdict/journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'ordeal-probes-'));
const caFile = join(folder, 'ca.pem');
writeFileSync(caFile, '');

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const json = (response: ServerResponse, body: object, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

async function serve(answer: Answer): Promise<{ server: Server; url: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** Observes with one probe until `during` has returned, then ends it and gives what it wrote. */
async function observe(
  name: string,
  parts: Partial<Cluster> & { url?: string },
  during: (e: JournalEvent[]) => unknown,
) {
  const events: JournalEvent[] = [];
  const controller = new AbortController();
  const clock = startClock();
  const append = (body: EventBody, t: Millis = clock.now()) => void events.push({ t, ...body });
  const owe = () => expect.fail('a probe owes nothing');
  const run: Run = {
    id: 'test',
    folder,
    mark: 'probes',
    clock,
    journal: { append },
    ledger: { owe },
    signal: controller.signal,
  };
  const connect = (user: string) => ({ server: parts.url ?? 'http://127.0.0.1:1', caFile, user, token: 'secret' });
  const probe = probes.get(name)?.() ?? expect.fail(`no probe ${name}`);
  const cluster = { connect, ...parts } as unknown as Cluster;
  expect(probe.unavailable(cluster)).to.equal(undefined);
  const { ended } = await probe.observe(cluster, run);
  let failure: unknown;
  const joined = ended.catch((error) => {
    failure = error;
  });
  await during(events);
  controller.abort(new Error('enough'));
  await joined;
  const promised = events.flatMap((event) => (event.kind === 'observing' ? event.metrics.map((m) => m.name) : []));
  for (const event of events) if ('metric' in event) expect(promised).to.include(event.metric);
  const samples = (metric: string) =>
    events.flatMap((event) => (event.kind === 'sample' && event.metric === metric ? [event] : []));
  const sum = (metric: string, labels?: object) =>
    samples(metric)
      .filter((sample) => !labels || JSON.stringify(sample.labels) === JSON.stringify(labels))
      .reduce((total, { value }) => total + value, 0);
  return { events, samples, sum, failure, blind: events.filter((event) => event.kind === 'blind') };
}

describe('the table of probes', () => {
  it('has what each promises', () => {
    expect([...probes.keys()].sort()).to.deep.equal([...probeMetrics.keys()].sort());
    for (const [name, make] of probes) expect(make()).to.include({ name, metrics: probeMetrics.get(name) });
  });
});

describe('reading Prometheus text', () => {
  const text = [
    '# TYPE a_total counter',
    'a_total{resource="pods",group="x"} 3',
    'a_total{resource="pods",group="y \\"q\\""} 4e+00',
    'a_total{resource="nodes",group=""} 1',
    '# TYPE b_seconds histogram',
    ...['GET', 'PUT'].flatMap((verb) => [
      `b_seconds_bucket{verb="${verb}",le="0.1"} 1`,
      `b_seconds_bucket{verb="${verb}",le="+Inf"} 5`,
      `b_seconds_sum{verb="${verb}"} 2.5`,
      `b_seconds_count{verb="${verb}"} 5`,
    ]),
    '# TYPE plain gauge',
    'plain 42',
  ].join('\n');

  it('sums over the labels that are not kept', () => {
    expect(series(text, 'a_total', ['resource'])).to.deep.equal([
      { labels: { resource: 'pods' }, value: 7 },
      { labels: { resource: 'nodes' }, value: 1 },
    ]);
    expect(series(text, 'a_total', ['group'], { resource: ['pods'] })[1]?.labels).to.deep.equal({ group: 'y "q"' });
    expect(series(text, 'plain', [])).to.deep.equal([{ labels: {}, value: 42 }]);
    expect(series(text, 'absent', [])).to.deep.equal([]);
  });

  it('reads histograms whose lines are mixed', () => {
    const whole = { bounds: [0.1, null], counts: [2, 10], sum: 5 };
    expect(histograms(text, 'b_seconds', [])).to.deep.equal([{ labels: {}, ...whole }]);
    expect(histograms(text, 'b_seconds', ['verb'], { verb: ['PUT'] })).to.have.length(1);
  });

  it('journals growth with both its ends, and that it looked', () => {
    const events: JournalEvent[] = [];
    let t = 0;
    const append = (body: EventBody, at: Millis = t) => void events.push({ t: at, ...body });
    const run = { clock: { now: () => t, fromWall: () => t }, journal: { append } };
    const scrapes = new Scrapes(run, [{ metric: 'a', from: 'a', kind: 'counter', labels: ['r'] }]);
    const scrape = (at: Millis, ...lines: string[]) => {
      t = at;
      scrapes.write(['# TYPE a counter', ...lines].join('\n'));
    };
    scrape(1, 'a{r="x"} 5', 'a{r="y"} 1');
    scrape(2, 'a{r="x"} 5', 'a{r="y"} 1');
    scrape(3, 'a{r="x"} 5', 'a{r="y"} 1');
    scrape(4, 'a{r="x"} 5', 'a{r="y"} 4', 'a{r="new"} 2');
    const written = events.flatMap((e) => (e.kind === 'sample' ? [`${e.t} ${e.labels?.['r']} ${e.value}`] : []));
    expect(written).to.deep.equal(['1 x 5', '1 y 1', '2 x 5', '3 x 5', '3 y 1', '4 y 4', '3 new 0', '4 new 2']);
  });
});

describe('the audit probe', () => {
  const line = (user: string, verb: string, took: number, stage = 'ResponseComplete') => {
    const end = Date.now();
    const stamp = (wall: number) => new Date(wall).toISOString().replace('Z', '250Z');
    const times = { requestReceivedTimestamp: stamp(end - took), stageTimestamp: stamp(end) };
    return `${JSON.stringify({ stage, verb, user: { username: user }, ...times })}\n`;
  };

  it('sums query time by user and verb, from now on, over partial lines, to the last byte', async () => {
    const auditLog = join(folder, 'audit.log');
    writeFileSync(auditLog, line('history', 'list', 100));
    const { sum, samples } = await observe('audit', { auditLog }, async () => {
      const cut = line('flooder', 'list', 2_000);
      appendFileSync(auditLog, line('flooder', 'list', 1_000) + cut.slice(0, 50));
      await sleep(1_200);
      appendFileSync(
        auditLog,
        cut.slice(50) + line('flooder', 'watch', 60_000) + line('x', 'get', 5, 'RequestReceived'),
      );
      await sleep(700);
      appendFileSync(auditLog, line('other', 'get', 250));
    });
    expect(sum('audit.query-time', { user: 'flooder', verb: 'list' })).to.be.closeTo(3, 1e-6);
    expect(sum('audit.query-time', { user: 'other', verb: 'get' })).to.be.closeTo(0.25, 1e-6);
    expect(sum('audit.requests')).to.equal(4);
    expect(samples('audit.query-time').some(({ labels }) => labels?.['user'] === 'history')).to.equal(false);
    expect(samples('audit.requests').filter(({ value }) => value === 0)).to.not.be.empty;
  });

  it('does not explain a log that vanished or was cut, though the API server is dead', async () => {
    const auditLog = join(folder, 'cut.log');
    writeFileSync(auditLog, line('old', 'list', 100));
    const death = () => Promise.resolve({ component: 'kube-apiserver', at: 0, lastLines: [] });
    const parts = { auditLog, components: [{ name: 'kube-apiserver', pid: 1 }], death };
    const { blind, sum } = await observe('audit', parts, async () => {
      writeFileSync(auditLog, '');
      await sleep(700);
      appendFileSync(auditLog, line('new', 'list', 100));
      await sleep(700);
      renameSync(auditLog, `${auditLog}.gone`);
      await sleep(700);
      renameSync(`${auditLog}.gone`, auditLog);
    });
    expect(blind.map(({ reason }) => / (truncated|ENOENT) /.exec(reason)?.[1])).to.include.members([
      'truncated',
      'ENOENT',
    ]);
    expect(blind.some(({ explained }) => explained)).to.equal(false);
    expect(sum('audit.requests', { user: 'new', verb: 'list' })).to.equal(1);
  });

  it('fails, and so voids the run, when the log is no audit log', async () => {
    const auditLog = join(folder, 'other.log');
    writeFileSync(auditLog, '');
    const { failure } = await observe('audit', { auditLog }, async () => {
      appendFileSync(auditLog, 'what?\n');
      await sleep(700);
    });
    expect(failure).to.be.instanceOf(SyntaxError);
  });
});

describe('the API canary', function () {
  this.timeout(20_000);

  it('takes refusals and errors as samples', async () => {
    let status = 200;
    const { server, url } = await serve((_, response) => json(response, {}, status));
    const { events, sum, samples, blind } = await observe('api-canary', { url }, async () => {
      await sleep(1_100);
      status = 503;
      await sleep(700);
      close(server);
      await sleep(1_500);
    });
    expect(sum('api.get.failures', { cause: 'refused' })).to.be.greaterThan(2);
    expect(sum('api.get.failures', { cause: 'status-503' })).to.be.within(1, 5);
    expect(samples('api.get.available').filter(({ value }) => value === 1).length).to.be.within(2, 8);
    expect(events.some((event) => event.kind === 'histogram' && event.histogram.max > 0)).to.equal(true);
    expect(samples('harness.lag').length).to.be.greaterThan(2);
    expect(blind).to.deep.equal([]);
  });

  it('goes on asking while the server hangs, and takes 5 s for the time', async () => {
    let hang = false;
    const { server, url } = await serve((_, response) => void (hang || json(response, {})));
    const { events, sum, samples } = await observe('api-canary', { url }, async () => {
      hang = true;
      await sleep(7_500);
    });
    close(server);
    expect(sum('api.get.failures', { cause: 'timeout' })).to.be.greaterThan(4);
    const longest = events.filter((event) => event.kind === 'histogram' && event.histogram.max >= 5);
    expect(longest).to.not.be.empty;
    for (const event of longest) expect(event.t, 'when it was asked').to.be.within(0, 3_000);
    const failed = samples('api.get.failures').filter(({ value }) => value > 0);
    const unavailable = samples('api.get.available').filter(({ value }) => value === 0);
    expect(failed.map(({ t }) => t)).to.deep.equal(unavailable.map(({ t }) => t));
  });
});

describe('the nodes probe', function () {
  this.timeout(20_000);
  const node = (status: string, version: number) => ({
    metadata: { name: 'node-0', resourceVersion: String(version) },
    status: { conditions: [{ type: 'Ready', status, reason: 'R', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
  });
  const lease = { metadata: { name: 'node-0', resourceVersion: '1' }, spec: { renewTime: '2026-01-01T00:00:00Z' } };

  it('tells each change of a condition, samples every second, and is blind when it is shut out', async () => {
    let watching: ServerResponse | undefined;
    let shut = 0;
    const { server, url } = await serve((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
      if (shut) json(response, { message: 'no' }, shut);
      else if (!searchParams.has('watch'))
        json(response, {
          metadata: { resourceVersion: '1' },
          items: [pathname.endsWith('nodes') ? node('True', 1) : lease],
        });
      else {
        response.writeHead(200).flushHeaders();
        if (pathname.endsWith('nodes')) watching = response;
      }
    });
    const { events, samples, blind, failure } = await observe('nodes', { url }, async (seen) => {
      expect(seen.some((event) => event.kind === 'observing')).to.equal(true);
      await sleep(1_500);
      watching?.write(`${JSON.stringify({ type: 'MODIFIED', object: node('Unknown', 2) })}\n`);
      await sleep(2_500);
      shut = 403;
      await sleep(2_500);
      shut = 0;
      close(server);
      await sleep(1_500);
    });
    expect(failure).to.equal(undefined);
    const [change] = events.filter((event) => event.kind === 'seen');
    expect(change).to.include({ subject: 'node-0', detail: 'Ready: True → Unknown (R)', wall: '2026-01-01T00:00:00Z' });
    expect(samples('node.ready').map(({ value }) => value)).to.include.members([1, 0]);
    expect(samples('node.lease-age').at(-1)?.value).to.be.greaterThan(2);
    expect(blind.filter(({ reason, explained }) => !explained && reason.includes('403'))).to.not.be.empty;
    expect(blind.filter(({ explained }) => explained)).to.not.be.empty;
  });
});

describe('a probe whose watch never comes back', function () {
  this.timeout(20_000);

  for (const name of ['nodes', 'events'])
    it(`is blind to the end, and samples nothing: ${name}`, async () => {
      let open: ServerResponse[] | undefined = [];
      const { server, url } = await serve((request, response) => {
        if (!request.url?.includes('watch')) json(response, { metadata: { resourceVersion: '1' }, items: [] });
        else if (!open) json(response, { message: 'no' }, 403);
        else {
          response.writeHead(200).flushHeaders();
          open.push(response);
        }
      });
      let broken = 0;
      const { events, blind } = await observe(name, { url }, async (seen) => {
        await sleep(1_500);
        for (const response of open ?? []) response.destroy();
        open = undefined;
        broken = seen.at(-1)?.t ?? 0;
        await sleep(3_500);
      });
      close(server);
      const after = events.filter((event) => event.kind === 'sample' && event.t > broken + 200);
      expect(after).to.deep.equal([]);
      expect(blind.every(({ explained, reason }) => !explained || reason.includes('ECONNRESET'))).to.equal(true);
      expect((blind.at(-1)?.t ?? 0) - broken).to.be.greaterThan(3_000);
      expect(blind.length).to.be.within(4, 16);
    });
});

describe('hearing', () => {
  const at = (t: Millis, versions: Record<string, string>) => ({ t, versions });
  const metadata = (name: string, resourceVersion: string) => ({ metadata: { name, resourceVersion } });

  /** Checks at the given times against what is there; the watch told of a@5 at 0 and is silent since. Gives when it is dropped. */
  async function checked(checks: ReturnType<typeof at>[], heard: readonly Millis[] = []) {
    let t = 0;
    let there: Record<string, string> = {};
    const dropped: string[] = [];
    const lookout = new Lookout();
    Object.assign(lookout, {
      sees: true,
      heard: 0,
      drop: (from: Millis, why: string) => dropped.push(`${from} ${why}`),
    });
    lookout.known.set('/a', { name: 'a', resourceVersion: '5' });
    const list = async () => ({
      items: Object.entries(there).map(([name, version]) => metadata(name, version)),
      resourceVersion: '9',
    });
    const client = { list, get: () => expect.fail('it compares') } as unknown as KubeClient;
    const clock = { now: () => t, fromWall: () => t };
    const compare = () => compareVersions(client, '/p');
    const hearing = new Hearing(client, lookout, { clock, path: '/p', silence: 1_000, compareEvery: 1_000, compare });
    for (const check of checks) {
      t = check.t;
      there = check.versions;
      if (heard.includes(t)) lookout.heard = t;
      await hearing.check();
    }
    return dropped;
  }

  it('drops a watch that keeps silent about news', async () => {
    const news = { a: '7' };
    const checks = [at(1_000, { a: '5' }), at(2_000, news), at(3_000, news), at(7_000, news), at(8_000, news)];
    expect(await checked(checks)).to.deep.equal(['1000 it brings no news: /a changed']);
    expect(await checked([at(2_000, {}), at(7_000, {})])).to.deep.equal(['0 it brings no news: /a is gone']);
    expect(await checked([at(2_000, { a: '5', b: '6' }), at(7_000, {})])).to.have.length(1);
  });

  it('leaves one alone that has nothing to say, or is late, or is ahead', async () => {
    expect(await checked([at(2_000, { a: '5' }), at(7_000, { a: '5' }), at(13_000, { a: '4' })])).to.deep.equal([]);
    expect(await checked([at(2_000, { a: '7' }), at(6_000, { a: '7' }), at(7_100, { a: '7' })], [6_000])).to.deep.equal(
      [],
    );
  });
});

describe('the events probe', () => {
  it('tells and counts what happens from now on', async () => {
    const event = (reason: string) => ({
      metadata: { name: reason, namespace: 'n', resourceVersion: '2' },
      involvedObject: { kind: 'Pod', namespace: 'n', name: 'p' },
      ...{ reason, message: 'm', type: 'Normal', lastTimestamp: null },
    });
    const { server, url } = await serve((request, response) => {
      if (!request.url?.includes('watch'))
        json(response, { metadata: { resourceVersion: '1' }, items: [event('Old')] });
      else response.writeHead(200).write(`${JSON.stringify({ type: 'ADDED', object: event('New') })}\n`);
    });
    const { events, sum } = await observe('events', { url }, () => sleep(1_300));
    close(server);
    expect(events.filter((e) => e.kind === 'seen').map((e) => `${e.subject} ${e.detail}`)).to.deep.equal([
      'Pod n/p New: m',
    ]);
    expect(sum('events', { reason: 'New', type: 'Normal' })).to.equal(1);
  });
});

describe('probes of components', function () {
  this.timeout(10_000);

  it('follows memory, CPU and death of a process', async () => {
    const child = spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' });
    const died = Promise.withResolvers<Death>();
    const parts = { components: [{ name: 'etcd', pid: child.pid ?? 0 }], death: () => died.promise };
    const { samples, sum, blind } = await observe('components', parts, async () => {
      await sleep(2_300);
      child.kill('SIGKILL');
      died.resolve({ component: 'etcd', at: 2_300, oom: true, lastLines: [] });
      await sleep(1_500);
    });
    expect(Math.max(...samples('etcd.memory').map(({ value }) => value))).to.be.greaterThan(1e7);
    expect(Math.max(...samples('component.cpu').map(({ value }) => value))).to.be.within(0.1, 1.5);
    expect(sum('component.deaths', { component: 'etcd', cause: 'oom' })).to.equal(1);
    expect(samples('component.up').at(-1)?.value).to.equal(0);
    expect(blind).to.not.be.empty;
    for (const event of blind) expect(event).to.include({ explained: true, source: 'components/etcd' });
  });

  it('explains no silence of a process that nobody saw die, nor that of others by a death', async () => {
    const living = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore' });
    const parts = {
      components: [
        { name: 'etcd', pid: 2 ** 22 + 1 },
        { name: 'kube-apiserver', pid: living.pid ?? 0 },
        { name: 'kube-scheduler', pid: 2 ** 22 + 2 },
      ],
      death: (component: string) =>
        component === 'kube-scheduler'
          ? Promise.resolve({ component, at: 0, lastLines: [] })
          : new Promise<Death>(() => undefined),
    };
    const { events, samples, blind } = await observe('components', parts, () => sleep(4_500));
    living.kill();
    const sources = (explained: boolean) =>
      new Set(blind.filter((b) => b.explained === explained).map((b) => b.source));
    expect([...sources(false)].sort()).to.deep.equal(['components', 'components/etcd']);
    expect([...sources(true)]).to.deep.equal(['components/kube-scheduler']);
    expect(samples('component.up').some(({ labels }) => labels?.['component'] === 'etcd')).to.equal(false);
    const index = indexJournal(events);
    const promisedBy = (metric: string) => index.sources.get(metric)?.map((source) => source.name);
    expect(promisedBy('etcd.memory')).to.deep.equal(['components/etcd']);
    expect(promisedBy('component.memory')).to.deep.equal(['components']);
    const seen = (metric: string) => coverage(index, metric, index.timesOf(metric), { start: 0, end: 4_400 }, [])?.gap;
    expect(seen('etcd.memory')).to.include('nobody saw it die');
    expect(seen('apiserver.memory')).to.equal(undefined);
  });

  it('scrapes etcd, and knows a refusal from a silence', async () => {
    let answers = true;
    const body = '# TYPE etcd_mvcc_db_total_size_in_bytes gauge\netcd_mvcc_db_total_size_in_bytes 2.5e+06\n';
    const { server, url } = await serve((_, response) => void response.writeHead(answers ? 200 : 404).end(body));
    const { samples, blind } = await observe('etcd-metrics', { endpoints: { apiserver: url, etcd: url } }, async () => {
      await sleep(1_300);
      answers = false;
      await sleep(1_000);
      close(server);
      await sleep(1_200);
    });
    expect(samples('etcd.db.size')[0]?.value).to.equal(2_500_000);
    expect(blind.map(({ explained }) => explained)).to.include.members([false, true]);
  });
});
