import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { load } from '../harness/commands/find.ts';
import { merge as add, quantile, rankOf } from '../harness/histogram.ts';
import { KubeClient } from '../harness/kube/client.ts';
import { podComplaints } from '../harness/load/pods/complaints.ts';
import { follow } from '../harness/load/pods/follow.ts';
import { jobObjects, namespaceOf } from '../harness/load/pods/job.ts';
import { Merge } from '../harness/load/pods/merge.ts';
import { segmentArguments, segmentEnvironment } from '../harness/load/pods/samples.ts';
import { Users } from '../harness/load/pods/users.ts';
import { Voice } from '../harness/load/pods/voice.ts';
import { parsePoint } from '../harness/load/points.ts';
import type { Cluster, EventBody, JournalEvent, LoadSpec, Millis, Run, Scenario } from '../harness/model.ts';
import { startClock } from '../harness/run/clock.ts';
import { conduct, type Stage } from '../harness/run/conductor.ts';
import { Scope } from '../harness/run/scope.ts';
import { provide } from '../harness/tools/tools.ts';
import { loadImage } from '../harness/tools/workload-table.ts';

const key = 'a-key-that-nobody-else-can-know';
const folder = mkdtempSync(join(tmpdir(), 'ordeal-spread-'));
const duration: Millis = 6_000;
const rate = 60;

/** Arrivals at a fixed rate, of which a segment is a fixed part; some answers are slow, some fail, and some requests never leave. */
const script = `
import http from 'k6/http';
import { Counter, Gauge, Trend } from 'k6/metrics';
const made = new Counter('made'), lag = new Trend('lag', true), level = new Gauge('level');
export const options = { scenarios: { one: {
  executor: 'constant-arrival-rate', rate: ${rate}, timeUnit: '1s', preAllocatedVUs: 240, maxVUs: 240,
  duration: __ENV.ORDEAL_DURATION + 's', gracefulStop: '5s',
} } };
export default function () {
  const { status, timings } = http.get(__ENV.ORDEAL_SERVER + '/' + Math.random(), { tags: { name: 'list' } });
  if (status === 503) console.warn('${key.slice(0, -1)} 3 {"end":{"wall":1}} \\n${key.slice(0, -1)} 4 {"end":{"wall":1}}');
  made.add(2); lag.add(timings.duration); level.add(7);
  http.get('http://127.0.0.1:1/', { tags: { name: 'dead' } });
  http.get(__ENV.ORDEAL_SERVER + '/' + Math.random());
}`;

const spec: LoadSpec = {
  name: 'test',
  script: join(folder, 'load.k6.ts'),
  during: 'fault',
  as: 'somebody',
  requests: ['list', 'dead'],
  metrics: [
    { name: 'made', unit: 'count', kind: 'increment', help: '' },
    { name: 'lag', unit: 'seconds', kind: 'distribution', help: '' },
    { name: 'level', unit: 'bytes', kind: 'gauge', help: '' },
  ],
  parameters: {},
};

interface Played {
  readonly merge: Merge;
  readonly events: readonly JournalEvent[];
  readonly voided: readonly string[];
  /** Every sample that k6 took, as it says itself. */
  readonly raw: readonly { metric: string; value: number; name: string; status: string }[];
  readonly served: number;
  sum(metric: string, labels?: object): number;
  histogram(metric: string): ReturnType<typeof add>;
}

describe('a load spread over several k6', function () {
  this.timeout(60_000);
  let k6 = 'k6';

  before(async function () {
    this.timeout(1_800_000);
    const named = process.env['ORDEAL_TOOLS'];
    const tools = await provide([{ name: 'k6-ordeal' }], {
      ...(named && { folder: named }),
      cache: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ordeal'),
      path: process.env['PATH'] ?? '',
      env: process.env,
      signal: new AbortController().signal,
      progress: () => {},
    });
    k6 = tools.get('k6-ordeal')?.path ?? k6;
    writeFileSync(spec.script, script);
  });

  after(() => rm(folder, { recursive: true }));

  /** Lets so many k6 offer it together, each as a pod would. */
  async function play(pods: number, told: { begin?: number; during?: (children: ChildProcess[]) => void } = {}) {
    let served = 0;
    const server = createServer((_, response) => {
      served += 1;
      if (served % 7 === 0) response.writeHead(503);
      setTimeout(() => response.end('well'), served % 50 === 0 ? 400 : served % 20);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const events: JournalEvent[] = [];
    const clock = startClock();
    const append = (body: EventBody, t: Millis = clock.now()) => void events.push({ t, ...body });
    const within = { from: Date.now() - 60_000, to: Date.now() + 120_000 };
    const merge = new Merge(spec, { clock, journal: { append } }, { pods, key, secrets: [], within });
    const { begin = Date.now() + 5_000 } = told;
    merge.begin();
    const children: ChildProcess[] = [];
    const raw: Played['raw'][number][] = [];
    const ends = await Promise.all(
      merge.voices.map(async (voice, pod) => {
        const samples = join(folder, `${pods}-${pod}.json`);
        const address = `127.0.0.1:${await freePort()}`;
        const arguments_ = segmentArguments(spec.script, address);
        const child = spawn(k6, [...arguments_.slice(0, -1), `--out=json=${samples}`, ...arguments_.slice(-1)], {
          stdio: ['ignore', 'pipe', 'pipe'],
          env: {
            HOME: folder,
            ...segmentEnvironment(spec, pods, { key, begin, address }),
            JOB_COMPLETION_INDEX: String(pod),
            ORDEAL_SERVER: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
            ORDEAL_DURATION: String(duration / 1000),
          },
        });
        children.push(child);
        // Both streams come in one in the log of a pod.
        for (const stream of [child.stdout, child.stderr]) {
          createInterface({ input: stream }).on('line', (line) => expect(voice.take(line), line).to.equal(true));
        }
        if (pod === pods - 1) told.during?.(children);
        const [exitCode] = (await once(child, 'close')) as [number | null];
        const wanted = new Set(['http_req_duration', 'lag', 'made']);
        for await (const line of createInterface({ input: createReadStream(samples) })) {
          const point = parsePoint(line, wanted);
          if (point) raw.push({ ...point, name: point.tags['name'] ?? '', status: point.tags['status'] ?? '' });
        }
        return [pod, { exitCode: exitCode ?? 137, reason: '' }] as const;
      }),
    );
    merge.end();
    server.closeAllConnections();
    server.close();
    const offered = { spec, begin, duration, ends: new Map(ends) };
    const played: Played = {
      merge,
      events,
      raw,
      served,
      voided: podComplaints(merge, offered),
      sum: (metric, labels) =>
        events.reduce((total, event) => {
          if (event.kind !== 'sample' || event.metric !== metric) return total;
          return !labels || JSON.stringify(event.labels) === JSON.stringify(labels) ? total + event.value : total;
        }, 0),
      histogram: (metric) =>
        add(events.flatMap((event) => (event.kind === 'histogram' && event.metric === metric ? event.histogram : []))),
    };
    return played;
  }

  it('adds up to what one k6 offers, and to every raw sample of all', async () => {
    const one = await play(1);
    const four = await play(4);
    for (const played of [one, four]) {
      expect(played.voided.filter((reason) => !reason.includes('bottleneck'))).to.deep.equal([]);
      const list = played.raw.filter(({ metric, name }) => metric === 'http_req_duration' && name === 'list');
      expect(played.sum('list.requests')).to.equal(list.length);
      expect(played.sum('list.failures', { status: '503' })).to.equal(list.filter((it) => it.status === '503').length);
      expect(played.sum('dead.failures')).to.equal(played.sum('dead.requests')).and.to.be.greaterThan(300);
      expect(played.histogram('dead.duration').count).to.equal(0);
      expect(played.sum('made')).to.equal(2 * list.length);
      expect(played.histogram('lag').count).to.equal(list.length);

      const sorted = list.map(({ value }) => value / 1000).sort((a, b) => a - b);
      const merged = played.histogram('list.duration');
      expect(merged.count).to.equal(sorted.length);
      expect(merged.sum).to.be.closeTo(
        sorted.reduce((sum, value) => sum + value, 0),
        1e-6,
      );
      for (const q of [0.5, 0.95, 0.99]) {
        const true_ = sorted[rankOf(q, sorted.length) - 1] ?? 0;
        expect(quantile(merged, q), `p${q * 100}`).to.be.within(true_ * 0.99, true_ * 1.01);
      }
    }
    const asked = (rate * duration) / 1000;
    expect(four.sum('list.requests')).to.be.within(0.98 * one.sum('list.requests'), 1.02 * one.sum('list.requests'));
    expect(four.sum('list.requests')).to.be.within(0.98 * asked, 1.02 * asked);
    console.log(
      `      one: ${one.sum('list.requests')} requests; four: ${four.sum('list.requests')}, p99 ${quantile(four.histogram('list.duration'), 0.99)}`,
    );
  });

  const sabotage: Record<string, { begin?: () => number; during?: (children: ChildProcess[]) => void; says: RegExp }> =
    {
      'one of them is killed': {
        during: (children) => void setTimeout(() => children[1]?.kill('SIGKILL'), 7_000),
        says: /^load test: pod 1: k6 exited with code 137/m,
      },
      'one of them is stopped': {
        during: (children) => void setTimeout(() => children[0]?.kill('SIGTERM'), 7_000),
        says: /^load test: pod 0: k6 ended early: .*'terminated' signal/m,
      },
      'one of them freezes': {
        during: ([child]) => {
          setTimeout(() => child?.kill('SIGSTOP'), 6_500);
          setTimeout(() => child?.kill('SIGCONT'), 13_000);
        },
        says: /^load test: pod 0: k6 was silent for \d/m,
      },
      'they are late': { begin: () => Date.now() - 2_000, says: /pod 0: it began \d+\.\d s late/ },
    };
  for (const [what, { begin, during, says }] of Object.entries(sabotage))
    it(`proves nothing when ${what}`, async () => {
      const { voided } = await play(2, { ...(begin && { begin: begin() }), ...(during && { during }) });
      expect(voided.join('\n')).to.match(says);
    });
});

async function freePort(): Promise<number> {
  const socket = createSocket().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  socket.close();
  await once(socket, 'close');
  return port;
}

describe('the log of a pod', () => {
  interface Heard {
    readonly voice: Voice;
    /** What was added up. */
    readonly made: () => number;
  }

  function listen(): Heard {
    let made = 0;
    const metrics = [{ name: 'made', unit: 'count', kind: 'increment', help: '', labels: ['of'] }] as const;
    const listener = {
      spec: { requests: [], metrics },
      within: { from: wall - 60_000, to: wall + 60_000 },
      sum: ({ sum }: { sum: number }) => {
        made += sum;
      },
      end: () => {},
      tick: () => {},
    };
    return { voice: new Voice(key, startClock(), listener, ['secret']), made: () => made };
  }
  const wall = Date.now();
  const one = { metric: 'made', tags: {}, wall, count: 1, sum: 1, last: 1 };
  const line = (number: number, said: object = { sum: one }) => `${key} ${number} ${JSON.stringify(said)}`;
  const end = (number: number) => line(number, { end: { wall } });

  it('is told from what k6 logs, whatever that quotes', () => {
    const { voice, made } = listen();
    const quoted = `{"level":"info","msg":"${key.slice(1)} 1 {} secret"}`;
    for (const text of [quoted, line(1), `{"level":"warn","msg":"cut ${line(2)}`, 'off"}', `${key} x {}`, line(3)])
      expect(voice.take(text), text).to.equal(true);
    expect(made()).to.equal(3);
    expect(voice.log.lines.join('|')).to.include('[secret]').and.not.include(key);
    expect(voice.broken).to.equal(undefined);
  });

  const nonsense: Record<string, object> = {
    'words that nobody knows': { hallo: 1 },
    'a histogram that does not add up': { sum: { ...one, max: 1, buckets: [3, 2] } },
    'half a pair': { sum: { ...one, max: 1, buckets: [3] } },
    'fewer than none': { sum: { ...one, count: -1 } },
    'more than there can be': { sum: { ...one, max: 1, buckets: [1e9, 1] } },
  };
  for (const [what, said] of Object.entries(nonsense))
    it(`is worth nothing when it holds ${what}`, () => {
      const { voice, made } = listen();
      voice.take(line(1, said));
      expect(voice.broken).to.match(/cannot be understood/);
      expect(made()).to.equal(0);
    });

  const flood: Record<string, { readonly said: (at: number) => object; readonly says: RegExp }> = {
    'series without end': {
      said: (at) => ({ sum: { ...one, tags: { of: String(at) } } }),
      says: /more than 500 series/,
    },
    'sums without end': { said: () => ({ sum: one }), says: /more than 5000 sums in a second/ },
    'seconds without end': { said: (at) => ({ tick: { wall, up: at } }), says: /more seconds than there were/ },
    'times that were not': {
      said: (at) => ({ sum: { ...one, wall: wall + 1_000 * at } }),
      says: /a time at which it did not run/,
    },
    'what nobody wants': { said: () => ({ sum: { ...one, metric: 'x'.repeat(999) } }), says: /tells of x{100}, which/ },
  };
  for (const [what, { said, says }] of Object.entries(flood))
    it(`is no longer taken when it tells ${what}`, () => {
      const { voice, made } = listen();
      for (let at = 1; at <= 20_000; at++) voice.take(line(at, said(at)));
      expect(voice.broken).to.match(says);
      const taken = made();
      voice.take(line(20_001));
      expect(made()).to.equal(taken).and.to.be.at.most(5_000);
      expect(voice.take(end(20_002)) && voice.end?.wall).to.equal(wall);
    });

  it('is worth nothing when a line is longer than any of ours', () => {
    const { voice } = listen();
    voice.take('x'.repeat(1 << 17));
    expect(voice.broken).to.match(/longer than 64 KiB/);
    expect(voice.log.lines).to.deep.equal([]);
  });

  /** Serves a log as a kubelet does, with what each connection gets of it; the last one is repeated. */
  async function serve(answers: readonly ((query: URLSearchParams) => string | number)[], heard: Heard, ended = false) {
    const asked: URLSearchParams[] = [];
    const server = createServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://pod');
      const answer = answers[Math.min(asked.length, answers.length - 1)]?.(searchParams) ?? 500;
      asked.push(searchParams);
      if (typeof answer === 'number') response.writeHead(answer).end('not now');
      else if (answer.endsWith('~')) response.write(answer.slice(0, -1), () => response.socket?.destroy());
      else response.end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const connection = { server: `http://127.0.0.1:${port}`, caFile: '/dev/null', user: 'test', token: 'secret' };
    const { signal } = new AbortController();
    await using client = new KubeClient(connection, { signal });
    const over = async () => ended || asked.length >= answers.length;
    await follow(client, { path: '/log', voice: heard.voice, over }, startClock(), signal);
    server.closeAllConnections();
    server.close();
    return asked;
  }
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, at) => `${line(from + at)}\n`).join('');

  it('is read on where a connection broke, each line once', async () => {
    const heard = listen();
    const asked = await serve(
      [() => `${lines(1, 5)}${line(6).slice(0, 30)}~`, () => 503, () => `${lines(4, 9)}${end(10)}\n`],
      heard,
    );
    expect(heard.made()).to.equal(9);
    expect(heard.voice.broken).to.equal(undefined);
    expect(asked.map((query) => query.has('sinceSeconds'))).to.deep.equal([false, true, true]);
  });

  it('is read from its first line when some are missing', async () => {
    const heard = listen();
    await serve([() => `${lines(1, 3)}~`, () => lines(6, 8), () => `${lines(1, 8)}${end(9)}\n`], heard);
    expect(heard.made()).to.equal(8);
    expect(heard.voice.broken).to.equal(undefined);
  });

  it('is worth nothing when lines are gone for good: the kubelet turned it over', async () => {
    const heard = listen();
    await serve([() => `${lines(1, 3)}~`, () => `${lines(6, 8)}${end(9)}\n`], heard);
    expect(heard.made()).to.equal(6);
    expect(heard.voice.broken).to.equal('lines 4 to 5 of its log are lost');
  });

  it('ends with its container, although k6 never said that it ended', async () => {
    const heard = listen();
    await serve([() => lines(1, 3), () => `${lines(1, 4)}panic: out of memory\n`], heard);
    expect(heard.made()).to.equal(4);
    expect(heard.voice.end).to.equal(undefined);
    expect(heard.voice.log.lines).to.deep.equal(['panic: out of memory']);
  });

  it('is lost, and soon, when its end cannot be read', async () => {
    const heard = listen();
    const asked = await serve([() => lines(1, 3), () => 503], heard, true);
    expect(asked).to.have.length(6);
    expect(heard.voice.broken).to.match(/^the end of its log is lost: .*503/);
  });

  it('ends when the pod is gone', async () => {
    const heard = listen();
    await serve([() => `${lines(1, 3)}~`, () => 404], heard);
    expect(heard.made()).to.equal(3);
  });
});

describe('the load of several pods', () => {
  it('says where it cannot be told whether k6 waits for CPU, and who began before the others', () => {
    const told: string[] = [];
    const append = (body: EventBody) => void (body.kind === 'progress' && told.push(body.text));
    const begin = Date.now();
    const within = { from: begin - 60_000, to: begin + 60_000 };
    const merge = new Merge(spec, { clock: startClock(), journal: { append } }, { pods: 2, key, secrets: [], within });
    const said = [{ begun: { wall: begin - 1_500 } }, ...[1, 2].map((up) => ({ tick: { wall: begin, up } }))];
    for (const [at, one] of said.entries()) merge.voices[1]?.take(`${key} ${at + 1} ${JSON.stringify(one)}`);
    expect(told).to.deep.equal(['load test: whether k6 waits for CPU cannot be told in pod 1']);
    const found = podComplaints(merge, { spec, begin, duration: 1_000, ends: new Map() });
    expect(found).to.include('load test: pod 1: it began 1.5 s early');
  });
});

describe('the virtual users of all pods', () => {
  const at = (second: number, users: number) => ({
    ...{ metric: 'vus', tags: {}, count: 1, sum: users, last: users },
    wall: 1_000_000 + 1_000 * second,
  });
  const summed = (users: Users, rest = false) =>
    users.sums(rest).map(({ wall, last }) => [Math.floor(wall / 1000) - 1000, last]);

  it('are told when all have told theirs, and never those of some', () => {
    const users = new Users(3);
    for (const second of [0, 1, 2]) users.add(0, at(second, 5));
    for (const second of [1, 2, 3]) users.add(1, at(second, 5));
    expect(summed(users)).to.deep.equal([]);
    for (const second of [1, 2, 3]) users.add(2, at(second, 4));
    expect(summed(users)).to.deep.equal([[1, 14]]);
    expect(summed(users)).to.deep.equal([]);
    // One has no sample in a second, as its clock is late.
    users.add(0, at(4, 6));
    for (const second of [4, 5]) for (const pod of [1, 2]) users.add(pod, at(second, 5));
    expect(summed(users)).to.deep.equal([
      [2, 14],
      [3, 14],
    ]);
  });

  it('are fewer when a pod has ended', () => {
    const users = new Users(2);
    for (const second of [0, 1, 2, 3]) users.add(0, at(second, 5));
    for (const second of [0, 1]) users.add(1, at(second, 3));
    users.end(1, at(2, 0).wall);
    expect(summed(users)).to.deep.equal([
      [0, 8],
      [1, 8],
      [2, 5],
    ]);
    expect(summed(users, true)).to.deep.equal([[3, 5]]);
    expect(summed(new Users(2), true)).to.deep.equal([]);
  });
});

describe('a phase whose loads begin by themselves', () => {
  /** Plays a phase with two loads, of which the second takes longer to be ready, and a fault that takes so long to come into force. */
  async function play(force: Millis) {
    const order: string[] = [];
    const voided: string[] = [];
    const begins: number[] = [];
    const clock = startClock();
    const append = (body: EventBody) => {
      if (body.kind === 'phase') order.push(body.edge);
      if (body.kind === 'voided') voided.push(body.reason);
    };
    const load = (readyWithin: Millis) => ({
      during: 'fault',
      readyWithin,
      ready: async (...[, , , { by, begin }]: [unknown, unknown, unknown, { by: number; begin: number }]) => {
        order.push('ready');
        expect(by).to.be.greaterThan(Date.now());
        begins.push(begin);
      },
      offer: async () => void order.push('offer'),
    });
    const own = {
      during: 'fault',
      offer: async () => {
        order.push('own');
        if (voided.length === 0) expect(Date.now() - (begins[0] ?? 0)).to.be.within(-5, 1_000);
      },
    };
    const inject = async () => {
      await sleep(force);
      order.push('in force');
      return { targets: ['it'], evidence: async () => ({ real: true, detail: '' }), end: async () => {} };
    };
    const spec = { name: 'it', fault: 'it', during: 'fault', after: 0, workers: 1, parameters: {}, deadline: 0 };
    const stage: Stage = {
      provider: { name: 'none', unavailable: async () => undefined, create: async () => ({}) as Cluster },
      probes: [],
      loads: [own, load(100), load(400)],
      faults: [{ spec, fault: { name: 'it', unavailable: async () => undefined, inject } }],
      admit: async () => {},
      prepare: async () => {},
    };
    const scenario = { phases: [{ name: 'fault', duration: 100 }], cluster: {} } as unknown as Scenario;
    const run = { clock, journal: { append }, signal: new AbortController().signal } as unknown as Run;
    await conduct(scenario, stage, run, new Scope(), async () => {});
    return { order, voided, begins };
  }

  it('has one moment for all, and its faults in force by then', async () => {
    const [quick, slow] = await Promise.all([play(0), play(12_000)]);
    for (const { order, begins } of [quick, slow]) {
      expect(order).to.deep.equal(['ready', 'ready', 'start', 'offer', 'offer', 'in force', 'own', 'end']);
      expect(new Set(begins)).to.have.property('size', 1);
    }
    expect(quick.voided).to.deep.equal([]);
    expect(slow.voided.join()).to.match(/^phase fault: its load began \d\S* s before .* its faults were in force$/);
  }).timeout(60_000);
});

describe('a scenario whose load names pods', () => {
  const folder = fileURLToPath(new URL('e2e/scenarios/kind-spread', import.meta.url));

  it('has its image loaded into the nodes', async () => {
    const scenario = await load(folder, { set: {} });
    expect(scenario.load.map(({ pods }) => pods)).to.deep.equal([4]);
    expect(scenario.cluster.kind?.images).to.deep.equal([loadImage]);
  });

  it('has manifests of which each pod is told its own, and secrets are in a Secret', () => {
    const options = {
      namespace: namespaceOf('test', 'mark'),
      mark: 'mark',
      pods: 3,
      image: 'k6:1',
      script: '',
      ca: '',
    };
    const times = { begin: 1, duration: 5_000, deadline: 60_000 };
    const objects = jobObjects(spec, { ...options, ...times, token: 'a-token', key });
    expect(objects.map(({ kind }) => kind)).to.deep.equal(['Namespace', 'ConfigMap', 'Secret', 'Job']);
    for (const object of objects.filter(({ kind }) => kind !== 'Secret'))
      expect(JSON.stringify(object)).to.not.match(new RegExp(`a-token|${key}`));
    expect(objects[3]?.['spec']).to.include({ completions: 3, parallelism: 3, completionMode: 'Indexed' });
  });

  it('has a namespace that is told from that of every other load', () => {
    const names = ['a', `${'a'.repeat(60)}b`, `${'a'.repeat(60)}c`, `${'a'.repeat(38)}-`].map((name) =>
      namespaceOf(name, '0123456789abcdef'),
    );
    expect(new Set(names)).to.have.property('size', names.length);
    for (const name of names) expect(name).to.match(/^ordeal-0123456789abcdef-[a-z0-9-]{0,38}[a-z0-9]$/);
  });
});
