import { chmodSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { merge, quantile } from '../harness/histogram.ts';
import { GeneratorJudge } from '../harness/load/generator.ts';
import { k6Load } from '../harness/load/k6.ts';
import { LastLines } from '../harness/load/log.ts';
import { Work } from '../harness/load/work.ts';
import type { Cluster, EventBody, JournalEvent, LoadSpec, Millis, Run } from '../harness/model.ts';
import { marked } from '../harness/process.ts';
import { startClock } from '../harness/run/clock.ts';
import { provide } from '../harness/tools/tools.ts';

const token = 'ordeal.test-token-that-must-not-be-seen';
let k6 = 'k6';

/** A script of `clients` users that do `body` for the asked time; the server is at `at`. */
const script = (body: string, executor = "executor: 'constant-vus', vus: 4") => `
import http from 'k6/http';
import { sleep } from 'k6';
import { Counter, Gauge, Trend } from 'k6/metrics';
const at: string = __ENV.ORDEAL_SERVER;
const parameters: { pause: number } = JSON.parse(__ENV.ORDEAL_PARAMETERS);
const headers = { Authorization: 'Bearer ' + __ENV.ORDEAL_TOKEN };
const made = new Counter('made'), lag = new Trend('lag', true), level = new Gauge('level');
const get = (name: string, path: string) => http.get(at + path, { headers, tags: { name }, timeout: '5s' });
export const options = { scenarios: { one: { ${executor}, duration: __ENV.ORDEAL_DURATION + 's', gracefulStop: '6s' } } };
export default function () { ${body} }`;
const steady = "get('list', '/fine'); sleep(parameters.pause);";

interface Played {
  readonly events: JournalEvent[];
  readonly folder: string;
  readonly hits: number;
  readonly voided: string[];
  sum(metric: string, labels?: object): number;
}

interface Play {
  readonly text?: string;
  readonly program?: string;
  readonly duration?: Millis;
  readonly spec?: Partial<LoadSpec>;
  /** Of the cluster. */
  readonly more?: object;
  readonly answer?: (response: ServerResponse, hit: number) => void;
  readonly during?: (run: Run, abort: () => void, events: readonly JournalEvent[]) => Promise<void>;
}

async function play({
  text = script(steady),
  program = k6,
  duration = 2_000,
  spec,
  more,
  answer,
  during,
}: Play): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), 'ordeal-load-'));
  const events: JournalEvent[] = [];
  let hits = 0;
  const server = createServer((_, response) => {
    hits += 1;
    if (answer) answer(response, hits);
    else response.end('well');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const controller = new AbortController();
  const clock = startClock();
  const append = (body: EventBody, t: Millis = clock.now()) => void events.push({ t, ...body });
  const mark = `load-${Math.random().toString(16).slice(2)}-mark`;
  const owe = () => expect.fail('a load owes nothing of its own');
  const run: Run = { id: 'test', folder, mark, clock, journal: { append }, ledger: { owe }, signal: controller.signal };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connect = (user: string) => ({ server: url, caFile: '/dev/null', user, token });
  writeFileSync(join(folder, 'load.k6.ts'), text);
  const whole: LoadSpec = {
    name: 'test',
    script: join(folder, 'load.k6.ts'),
    during: 'fault',
    as: 'somebody',
    requests: ['list'],
    metrics: [],
    parameters: { pause: 0.01 },
    ...spec,
  };
  const offered = k6Load(whole, program).offer({ connect, ...more } as unknown as Cluster, run, duration);
  await Promise.all([offered, during?.(run, () => controller.abort(new Error('enough')), events)]);
  server.closeAllConnections();
  server.close();
  expect(marked(mark), 'processes left').to.deep.equal([]);
  expect(readdirSync(folder), 'files left').to.deep.equal(['load.k6.ts']);
  expect(JSON.stringify(events)).to.not.include(token);
  return {
    events,
    folder,
    hits,
    voided: events.flatMap((event) => (event.kind === 'voided' ? [event.reason] : [])),
    sum: (metric, labels) =>
      events.reduce((total, event) => {
        const fits = event.kind === 'sample' && event.metric === metric;
        return fits && (!labels || JSON.stringify(event.labels) === JSON.stringify(labels))
          ? total + event.value
          : total;
      }, 0),
  };
}

const histograms = ({ events }: Played, metric: string) =>
  merge(events.flatMap((event) => (event.kind === 'histogram' && event.metric === metric ? [event.histogram] : [])));

function fake(lines: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'ordeal-k6-')), 'k6');
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('load by k6', function () {
  this.timeout(40_000);

  before(async function () {
    this.timeout(1_800_000);
    const folder = process.env['ORDEAL_TOOLS'];
    const tools = await provide([{ name: 'k6' }], {
      ...(folder && { folder }),
      cache: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ordeal'),
      path: process.env['PATH'] ?? '',
      env: process.env,
      signal: new AbortController().signal,
      progress: () => {},
    });
    k6 = tools.get('k6')?.path ?? k6;
  });

  it('counts every request once, at its time, and keeps the distribution', async () => {
    const answer = (response: ServerResponse, hit: number) =>
      void setTimeout(() => response.end('well'), hit % 10 === 0 ? 300 : 20);
    const played = await play({ answer, duration: 4_000 });
    expect(played.voided).to.deep.equal([]);
    expect(played.hits).to.be.greaterThan(100);
    expect(played.sum('list.requests')).to.equal(played.hits);
    expect(played.sum('list.failures')).to.equal(0);
    const all = histograms(played, 'list.duration');
    expect(all.count).to.equal(played.hits);
    expect(quantile(all, 0.5)).to.be.within(0.0198, 0.28);
    expect(quantile(all, 0.95)).to.be.within(0.297, 1.5);
    const seconds = new Set(
      played.events.flatMap((event) => (event.kind === 'histogram' ? [Math.floor(event.t / 1000)] : [])),
    );
    expect(seconds.size).to.be.greaterThan(3);
    const observing = played.events.find((event) => event.kind === 'observing');
    expect(observing).to.include({ source: 'load:test', every: 1_000 });
    expect(played.events.some((event) => event.kind === 'sample' && event.metric === 'load.waiting')).to.equal(true);
  });

  it('lets the script ask the name servers of the run, and no other', async () => {
    const servers = { dns: { dns: '127.0.0.1:1053', ready: '127.0.0.1:1054' } };
    const only = async (more: object) => {
      let found: string | undefined;
      await play({
        more,
        during: async (run) => {
          await sleep(1_500);
          const environment = readFileSync(`/proc/${marked(run.mark)[0]}/environ`, 'latin1').split('\0');
          found = environment.find((one) => one.startsWith('ORDEAL_DNS_ONLY='));
        },
      });
      return found;
    };
    expect(await only({ servers })).to.equal('ORDEAL_DNS_ONLY=127.0.0.1:1053,127.0.0.1:1054');
    expect(await only({})).to.equal('ORDEAL_DNS_ONLY=');
  });

  it('gives the token by environment only', async () => {
    await play({
      during: async (run) => {
        await sleep(1_500);
        const [pid = 0] = marked(run.mark);
        expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).to.include(token);
        expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))
          .to.include('/dev/fd/3')
          .and.not.include(token);
      },
    });
  });

  it('takes failures as data, by status', async () => {
    const answer = (response: ServerResponse, hit: number) => {
      if (hit % 4 === 0) response.socket?.destroy();
      else response.writeHead(hit % 2 ? 200 : 503).end();
    };
    const played = await play({ answer });
    expect(played.voided).to.deep.equal([]);
    expect(played.sum('list.failures', { status: '503' })).to.be.greaterThan(20);
    expect(played.sum('list.requests') - played.sum('list.failures')).to.equal(Math.ceil(played.hits / 2));
  });

  it('leaves out the time of requests that never left', async () => {
    const text = script("http.get('http://127.0.0.1:1/', { tags: { name: 'list' } }); sleep(0.1); get('list', '/');");
    const played = await play({ text });
    expect(played.sum('list.failures')).to.be.greaterThan(10);
    expect(histograms(played, 'list.duration').zero).to.equal(undefined);
  });

  it("carries the script's own metrics in base units, and says what is not declared", async () => {
    const text = script("made.add(2); lag.add(1500); level.add(7); get('other', '/'); get('list', '/'); sleep(0.1);");
    const metrics: LoadSpec['metrics'] = [
      { name: 'made', unit: 'count', kind: 'increment', help: '' },
      { name: 'lag', unit: 'seconds', kind: 'distribution', help: '' },
      { name: 'level', unit: 'bytes', kind: 'gauge', help: '' },
    ];
    const played = await play({ text, spec: { metrics } });
    expect(played.sum('made')).to.equal(played.hits);
    expect(histograms(played, 'lag')).to.include({ max: 1.5, count: played.hits / 2 });
    expect(played.events.find((event) => event.kind === 'sample' && event.metric === 'level')).to.include({ value: 7 });
    const told = played.events.filter((event) => event.kind === 'progress' && event.text.includes("'other'"));
    expect(told).to.have.length(1);
  });

  it('writes zeros while the server is silent', async () => {
    const answer = (response: ServerResponse) => void setTimeout(() => response.end('late'), 3_500);
    const played = await play({ answer });
    expect(played.voided).to.deep.equal([]);
    const zeros = played.events.filter((e) => e.kind === 'sample' && e.metric === 'list.requests' && e.value === 0);
    expect(zeros.length).to.be.greaterThan(1);
  });

  it('ends within seconds when the run is aborted, without a complaint', async () => {
    let aborted = 0;
    const played = await play({
      duration: 30_000,
      answer: () => {},
      during: async (_, abort) => {
        await sleep(2_000);
        aborted = performance.now();
        abort();
      },
    });
    expect(performance.now() - aborted).to.be.lessThan(4_000);
    expect(played.voided).to.deep.equal([]);
  });

  const sabotage: Record<string, Play & { readonly says: RegExp }> = {
    'a k6 that exits at once': {
      program: fake(`echo "no such flag ${token}" >&2; exit 3`),
      says: /k6 exited with code 3 after .*no such flag \[secret\]/,
    },
    'a k6 that sends nothing': { program: fake('sleep 2'), says: /sent no samples/ },
    'a k6 that is not there': { program: '/nowhere/k6', says: /ENOENT/ },
    'a k6 that is killed': {
      duration: 10_000,
      during: async (run) => {
        await sleep(2_000);
        for (const pid of marked(run.mark)) process.kill(pid, 'SIGKILL');
      },
      says: /killed by SIGKILL/,
    },
    'a k6 that is frozen for a while': {
      duration: 9_000,
      during: async (run) => {
        await sleep(2_000);
        const pids = marked(run.mark);
        for (const pid of pids) process.kill(pid, 'SIGSTOP');
        await sleep(6_000);
        for (const pid of pids) process.kill(pid, 'SIGCONT');
      },
      says: /k6 was silent for \d/,
    },
    'a k6 that speaks gibberish': {
      program: fake(`echo '{"metric":"vus","data":{"time":"2024' >&3; sleep 3`),
      says: /k6 cannot be understood/,
    },
    'a script that throws at its start': { text: 'throw new Error("bad script");', says: /code 107 .*bad script/ },
    'a script that ends early': {
      text: script(steady, "executor: 'constant-vus', vus: 1").replace("__ENV.ORDEAL_DURATION + 's'", "'1s'"),
      duration: 8_000,
      says: /ended after .* of 8.0 s asked for/,
    },
    'a path that answers 404': {
      answer: (response) => void response.writeHead(404).end(),
      says: /none of \d+ requests succeeded, most were answered 404/,
    },
    'a load that makes no declared request': { spec: { requests: ['watch'] }, says: /made no request named watch/ },
    'a load that makes not all declared requests': {
      spec: { requests: ['list', 'watch'] },
      says: /no request named watch$/m,
    },
    'too few virtual users': {
      text: script(steady, "executor: 'constant-arrival-rate', rate: 50, preAllocatedVUs: 1, maxVUs: 1"),
      answer: (response) => void setTimeout(() => response.end(), 300),
      says: /dropped \d+ of \d+ iterations/,
    },
  };
  for (const [what, { says, ...how }] of Object.entries(sabotage))
    it(`voids the run: ${what}`, async () => {
      const { voided } = await play(how.program === undefined ? { ...how, program: k6 } : how);
      expect(voided.join('\n')).to.match(says);
    });
});

describe('what k6 logged', () => {
  it('is kept short, and without a secret that lies where it is cut', () => {
    const log = new LastLines([token]);
    for (let line = 0; line < 40; line++) log.add(`${`${token} `.repeat(200)}${'x'.repeat(1 << 20)}`);
    expect(log.lines.join('')).to.have.length.at.most(2_500).and.not.include(token.slice(0, 12));
    log.add(JSON.stringify({ level: 'error', msg: `no ${token}`, error: 'cause' }));
    expect(log.lines.at(-1)).to.equal('no [secret]: cause');
  });
});

describe('the judge of the generator', () => {
  const judged = (
    usage: { cpu: number; waiting: number },
    ended: number,
    meanSeconds: number,
    of: 'requests' | 'iterations' = 'requests',
  ): string => {
    const judge = new GeneratorJudge();
    for (let second = 0; second < 10; second++)
      judge.second(
        { ...usage, ran: usage.cpu * 2, waited: usage.waiting },
        { of, ended, meanSeconds: ended > 0 ? [meanSeconds] : [] },
      );
    return judge.verdict() ?? '';
  };

  it('voids when k6 waited and the server did not', () => {
    expect(judged({ cpu: 0.1, waiting: 0.5 }, 100, 0.008)).to.match(/in 10 of 10 s k6 waited/);
    expect(judged({ cpu: 0.95, waiting: 0 }, 2_000, 0.002)).to.match(/bottleneck/);
  });

  it('lets the figures stand when the server was slow, or k6 was idle', () => {
    expect(judged({ cpu: 0.2, waiting: 0.9 }, 14, 7)).to.equal('');
    expect(judged({ cpu: 0.3, waiting: 0.6 }, 187, 0.5)).to.equal('');
    expect(judged({ cpu: 0.02, waiting: 0.05 }, 10, 0.004)).to.equal('');
    expect(judged({ cpu: 0.2, waiting: 1 }, 0, 0)).to.equal('');
  });

  it('knows a load without requests by its iterations, and one without either by its waiting', () => {
    expect(judged({ cpu: 0.1, waiting: 0.5 }, 50, 0.01, 'iterations')).to.match(/bottleneck/);
    expect(judged({ cpu: 0.1, waiting: 0.5 }, 50, 1, 'iterations')).to.equal('');
    expect(judged({ cpu: 0.1, waiting: 0.5 }, 0, 0, 'iterations')).to.match(/bottleneck/);
    expect(judged({ cpu: 0.1, waiting: 0.1 }, 0, 0, 'iterations')).to.equal('');
  });

  it('is asked about a script without requests, too', () => {
    const work = new Work({ requests: [] });
    const sum = { tags: {}, wall: 1, count: 4, sum: 2, last: 0.5 };
    for (const metric of ['http_req_duration', 'iteration_duration', 'lag']) work.add({ ...sum, metric });
    expect(work.done()).to.deep.equal({ of: 'iterations', ended: 4, meanSeconds: [0.5] });
    expect(work.done()).to.deep.equal({ of: 'iterations', ended: 0, meanSeconds: [] });
  });
});
