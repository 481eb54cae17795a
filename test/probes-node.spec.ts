import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  type Cluster,
  type EventBody,
  type JournalEvent,
  type Millis,
  type Node,
  type Run,
  ToolError,
} from '../harness/model.ts';
import { appOf, appOfName } from '../harness/probes/app.ts';
import { KernelLines } from '../harness/probes/kernel-lines.ts';
import { kernelLog } from '../harness/probes/kernel-log.ts';
import { Listener } from '../harness/probes/listener.ts';
import { parseNode } from '../harness/probes/node-reading.ts';
import { NodeSight } from '../harness/probes/node-sight.ts';
import type { Pod } from '../harness/probes/pod-status.ts';
import { PodView } from '../harness/probes/pod-view.ts';
import { signatures, signaturesOf } from '../harness/probes/signatures.ts';
import { probes } from '../harness/probes/table.ts';
import { unitLog } from '../harness/probes/unit-log.ts';
import { startClock } from '../harness/run/clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'ordeal-probes-node-'));
const caFile = join(folder, 'ca.pem');
writeFileSync(caFile, '');

/** This machine as a node: what is run on it is run here. */
function here(name: string): Node {
  const lost = (error: unknown) => Promise.reject(error);
  return {
    name,
    role: 'worker',
    ref: { via: 'docker', container: 'a'.repeat(64) },
    outside: false,
    exec: () => lost(new ToolError('no', { command: 'no' })),
    read: () => lost(new ToolError('no', { command: 'no' })),
    readCgroup: () => lost(new ToolError('no', { command: 'no' })),
    async *follow([program = '', ...args], signal) {
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      const end = () => child.kill();
      signal.addEventListener('abort', end, { once: true });
      try {
        yield* createInterface({ input: child.stdout });
        signal.throwIfAborted();
      } finally {
        end();
      }
    },
  };
}

function recorded() {
  const events: JournalEvent[] = [];
  const controller = new AbortController();
  const clock = startClock();
  const append = (body: EventBody, t: Millis = clock.now()) => void events.push({ t, ...body });
  const owe = () => expect.fail('a probe owes nothing');
  const { signal } = controller;
  const run: Run = { id: 'test', folder, mark: 'probes', clock, journal: { append }, ledger: { owe }, signal };
  const stop = (): void => controller.abort(new Error('enough'));
  return { events, run, stop };
}

async function observe(name: string, parts: Partial<Cluster> & { url: string }, during: () => unknown) {
  const { events, run, stop } = recorded();
  const connect = (user: string) => ({ server: parts.url, caFile, user, token: 'secret' });
  const cluster = { connect, ...parts } as unknown as Cluster;
  const probe = probes.get(name)?.() ?? expect.fail(`no probe ${name}`);
  expect(probe.unavailable(cluster)).to.equal(undefined);
  const { ended } = await probe.observe(cluster, run);
  await during();
  stop();
  await ended;
  const promised = events.flatMap((event) => (event.kind === 'observing' ? event.metrics.map((m) => m.name) : []));
  for (const event of events) if ('metric' in event) expect(promised).to.include(event.metric);
  const samples = (metric: string) =>
    events.flatMap((event) => (event.kind === 'sample' && event.metric === metric ? [event] : []));
  const grown = (metric: string) =>
    samples(metric).flatMap(({ labels, value }) => (value > 0 ? [{ ...labels, value }] : []));
  const seen = events.flatMap((event) => (event.kind === 'seen' ? [`${event.subject}: ${event.detail}`] : []));
  return { events, samples, grown, seen, blind: events.filter((event) => event.kind === 'blind') };
}

type Answer = (url: URL, response: ServerResponse) => void;
async function serve(answer: Answer): Promise<{ server: Server; url: string }> {
  const server = createServer((request: IncomingMessage, response) =>
    answer(new URL(request.url ?? '', 'http://localhost'), response),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}
const json = (response: ServerResponse, body: object, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

describe('what a pod belongs to', () => {
  it('is its label, its owner without the hash, or itself', () => {
    const pod = (metadata: object) => ({ metadata: { name: 'web-6d9f7c5b9d-x2x4z', ...metadata } });
    const owner = (kind: string, name: string) => ({ ownerReferences: [{ kind, name }] });
    expect(appOf(pod({ labels: { app: 'shop' } }))).to.equal('shop');
    expect(appOf(pod(owner('ReplicaSet', 'web-6d9f7c5b9d')))).to.equal('web');
    expect(appOf(pod(owner('DaemonSet', 'agent')))).to.equal('agent');
    expect(appOf(pod(owner('Node', 'worker')))).to.equal('web-6d9f7c5b9d-x2x4z');
    expect(['web-6d9f7c5b9d-x2x4z', 'agent-bbngk', 'db-0', 'plain-thing'].map(appOfName)).to.deep.equal([
      'web',
      'agent',
      'db',
      'plain-thing',
    ]);
  });
});

describe('the pods probe', function () {
  this.timeout(20_000);
  const pod = (name: string, version: number, status: object, metadata: object = {}) => ({
    metadata: {
      name,
      namespace: 'shop',
      uid: name,
      resourceVersion: `${version}`,
      labels: { app: 'web' },
      ...metadata,
    },
    spec: { nodeName: 'worker' },
    status: { phase: 'Running', ...status },
  });
  const ready = (status: string) => ({ conditions: [{ type: 'Ready', status }] });
  const container = (restartCount: number, state: object, lastState: object = {}) => ({
    containerStatuses: [{ name: 'main', restartCount, state, lastState }],
  });
  const oom = { terminated: { reason: 'OOMKilled', exitCode: 137, containerID: 'containerd://1' } };

  it('counts how pods stand, and tells what befalls them once each; what was before is history', async () => {
    let watching: ServerResponse | undefined;
    const old = pod('old', 1, { ...ready('True'), ...container(4, {}, oom) });
    const { server, url } = await serve(({ searchParams }, response) => {
      if (!searchParams.has('watch')) json(response, { metadata: { resourceVersion: '1' }, items: [old] });
      else {
        response.writeHead(200).flushHeaders();
        watching = response;
      }
    });
    const send = (type: string, object: object) => watching?.write(`${JSON.stringify({ type, object })}\n`);
    const { samples, grown, seen, blind, events } = await observe('pods', { url }, async () => {
      await sleep(300);
      send('ADDED', pod('new', 2, { phase: 'Pending' }));
      const waiting = { waiting: { reason: 'CreateContainerError', message: 'no such file' } };
      send('MODIFIED', pod('new', 3, { phase: 'Pending', ...container(0, waiting) }));
      send('MODIFIED', pod('new', 4, { phase: 'Pending', ...container(0, waiting) }));
      await sleep(1_100);
      send('MODIFIED', pod('new', 5, ready('True')));
      send('MODIFIED', pod('new', 6, { ...ready('False'), ...container(1, {}, oom) }));
      send('MODIFIED', pod('new', 7, { ...ready('True'), ...container(1, {}, oom) }));
      const target = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByTaintManager',
        message: 'NoExecute',
      };
      const marked = { deletionTimestamp: '2026-01-01T00:00:00Z' };
      send('MODIFIED', pod('new', 8, { conditions: [target] }, marked));
      send('ADDED', pod('gone', 9, ready('False')));
      const evicted = { phase: 'Failed', reason: 'Evicted', message: 'low on memory' };
      send('MODIFIED', pod('gone', 10, { ...evicted, ...container(1, {}) }));
      await sleep(1_500);
    });
    close(server);
    const of = { namespace: 'shop', app: 'web' };
    expect(grown('pod.restarts')).to.deep.equal([{ ...of, value: 1 }]);
    expect(grown('pod.oom-kills')).to.deep.equal([{ ...of, value: 1 }]);
    expect(grown('pod.start-errors')).to.deep.equal([{ ...of, reason: 'CreateContainerError', value: 1 }]);
    expect(grown('pod.evictions')).to.deep.equal([{ ...of, node: 'worker', value: 1 }]);
    expect(grown('pod.deletion-marks')).to.deep.equal([
      { ...of, node: 'worker', reason: 'DeletionByTaintManager', value: 1 },
    ]);
    expect(seen.map((text) => text.replace(/\d+\.\d s/, 'N s'))).to.deep.equal([
      'shop/new: main: CreateContainerError: no such file',
      'shop/new: Ready after N s',
      'shop/new: main: OOMKilled, exit 137',
      'shop/new: 1 restart (1 in all)',
      'shop/new: marked for deletion: DeletionByTaintManager: NoExecute',
      'shop/gone: Evicted: low on memory',
    ]);
    const last = (metric: string) => samples(metric).at(-1)?.value;
    expect([last('pods.running'), last('pods.failed'), last('pods.terminating'), last('pods.ready')]).to.deep.equal([
      1, 1, 1, 1,
    ]);
    expect(last('pod.on-node')).to.equal(1);
    expect(samples('pods.not-ready-yet').map(({ value }) => value)).to.include(1);
    const waits = events.filter((event) => event.kind === 'histogram');
    expect(waits).to.have.length(1);
    expect(waits[0]?.histogram.sum).to.be.greaterThan(1);
    expect(blind).to.deep.equal([]);
  });
});

describe('what befalls a pod', () => {
  const status = (phase: string, more: object = {}) => ({ phase, ...more });
  const podOf = (name: string, is: object) =>
    ({ metadata: { name, namespace: 'shop', uid: name }, spec: { nodeName: 'w' }, status: is }) as Pod;
  const watching = () => {
    const { run, events } = recorded();
    const view = new PodView(run);
    view.synced = true;
    return { view, events };
  };
  const evictions = (events: readonly JournalEvent[]) =>
    events.flatMap((event) => (event.kind === 'sample' && event.metric === 'pod.evictions' ? [event.value] : []));
  const evicted = {
    reason: 'Evicted',
    message: 'The node was low on resource: memory.',
    conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }],
  };

  it('is an eviction in whatever phase its containers end, and one only', () => {
    const { view, events } = watching();
    for (const name of ['a', 'b', 'c', 'd']) view.see(podOf(name, status('Running')));
    view.see(podOf('a', status('Succeeded', evicted)));
    view.see(podOf('b', status('Running', { conditions: evicted.conditions })));
    view.see(podOf('b', status('Failed', evicted)));
    view.see(podOf('c', status('Failed', { reason: 'DeadlineExceeded', message: 'too long' })));
    view.see(podOf('d', status('Running', { conditions: [{ ...evicted.conditions[0], status: 'False' }] })));
    view.end();
    expect(evictions(events).reduce((sum, value) => sum + value, 0)).to.equal(2);
    const seen = events.flatMap((event) =>
      event.kind === 'seen' ? [`${event.subject} ${event.labels?.['reason']}`] : [],
    );
    expect(seen).to.deep.equal(['shop/a Evicted', 'shop/b Evicted', 'shop/c DeadlineExceeded']);
  });

  it('is told of what the verdict reads, however much else was told before', () => {
    const { view, events } = watching();
    for (let number = 0; number < 600; number++) view.see(podOf(`p${number}`, status('Failed')));
    view.see(podOf('late', status('Failed', evicted)));
    const told = (reason: string) =>
      events.filter((event) => event.kind === 'seen' && event.labels?.['reason'] === reason).length;
    expect([told('Failed'), told('Evicted')]).to.deep.equal([500, 1]);
  });
});

describe('the kubelet probe', function () {
  this.timeout(30_000);
  const metrics = [
    '# TYPE kubelet_runtime_operations_total counter',
    'kubelet_runtime_operations_total{operation_type="list"} 7',
    '# TYPE process_resident_memory_bytes gauge',
    'process_resident_memory_bytes 5e+07',
    '',
  ].join('\n');
  const row = (pod: string, container: string) => `{container="${container}",id="/${pod}",namespace="n",pod="${pod}"}`;
  const cadvisor = [
    '# TYPE container_memory_working_set_bytes gauge',
    ...['a', 'b'].map((pod) => `container_memory_working_set_bytes${row(pod, 'c')} 100 1`),
    `container_memory_working_set_bytes${row('a', '')} 999 1`,
    '',
  ].join('\n');

  it('takes a kubelet that refuses or hangs for a sample, and an API server that is gone for blindness', async () => {
    let how: 'well' | 'refuse' | 'hang' = 'well';
    const labels = { app: 'web' };
    const { server, url } = await serve(({ pathname }, response) => {
      if (pathname === '/api/v1/pods')
        json(response, {
          metadata: { resourceVersion: '1' },
          items: ['a', 'b'].map((name) => ({ metadata: { name, namespace: 'n', labels } })),
        });
      else if (!pathname.includes('/proxy/')) json(response, {});
      else if (how === 'refuse')
        json(response, { message: 'error trying to reach service: dial tcp: connect: connection refused' }, 502);
      else if (how === 'well')
        response.end(pathname.endsWith('healthz') ? 'ok' : pathname.endsWith('cadvisor') ? cadvisor : metrics);
    });
    const { samples, grown, blind, events } = await observe('kubelet', { url, nodes: [here('w')] }, async () => {
      await sleep(1_500);
      how = 'refuse';
      await sleep(6_000);
      how = 'hang';
      await sleep(5_000);
      close(server);
      await sleep(2_500);
    });
    expect(new Set(samples('kubelet.up').map(({ value }) => value))).to.deep.equal(new Set([1, 0]));
    expect(new Set(grown('kubelet.healthz.failures').map((each) => 'cause' in each && each.cause))).to.deep.equal(
      new Set(['refused', 'timeout']),
    );
    const longest = events.flatMap((event) => (event.kind === 'histogram' ? [event.histogram.max] : []));
    expect(Math.max(...longest)).to.be.at.least(2);
    expect(samples('container.memory')[0]).to.deep.include({
      labels: { node: 'w', namespace: 'n', app: 'web' },
      value: 200,
    });
    expect(samples('kubelet.runtime.operations')[0]?.labels).to.deep.equal({ node: 'w', operation: 'list' });
    expect(samples('kubelet.runtime.errors')[0]).to.deep.include({ value: 0 });
    const ofHealth = blind.filter(({ source }) => source === 'kubelet');
    expect(ofHealth).to.not.be.empty;
    for (const { reason } of ofHealth) expect(reason).to.match(/API server|ECONN/);
    const ofMetrics = blind.filter(({ source }) => source === 'kubelet/metrics');
    expect(ofMetrics.map(({ explained }) => explained)).to.include(true);
  });
});

describe('the files of a node', () => {
  const meminfo = 'MemTotal:       24682416 kB\nMemFree:        100 kB\nMemAvailable:   20000000 kB\n';
  it('are read under cgroup v1', () => {
    const reading = parseNode(
      new Map([
        ['/proc/meminfo', meminfo],
        ['/proc/vmstat', 'nr_free 1\noom_kill 39\n'],
        ['/proc/pressure/memory', 'some avg10=12.50 avg60=0.00 avg300=0.00 total=6041281\nfull avg10=1.00 total=1\n'],
      ]),
      new Map([
        ['memory.usage_in_bytes', '1000000\n'],
        ['memory.limit_in_bytes', '2000000\n'],
        ['memory.stat', 'inactive_file 8\ntotal_inactive_file 300000\n'],
        ['cpu.stat', 'nr_periods 0\nnr_throttled 0\nthrottled_time 1500000000\n'],
        ['blkio.throttle.io_serviced_recursive', '254:0 Read 10\n254:0 Total 10\nTotal 10\n'],
      ]),
    );
    expect(reading).to.deep.include({
      usage: 1e6,
      workingSet: 7e5,
      limit: 2e6,
      available: 13e5,
      throttled: 1.5,
      io: 10,
    });
    expect(reading.kernelOomKills).to.equal(39);
    expect([...reading.pressure]).to.deep.equal([['memory', 0.125]]);
  });

  it('are read under cgroup v2, and a limit beyond the memory is none', () => {
    const reading = parseNode(
      new Map([['/proc/meminfo', meminfo]]),
      new Map([
        ['memory.current', '1000000\n'],
        ['memory.max', 'max\n'],
        ['memory.stat', 'inactive_file 300000\n'],
        ['cpu.stat', 'usage_usec 9\nthrottled_usec 2500000\n'],
        ['io.stat', '254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:0 rbytes=0 wbytes=0 rios=1 wios=0\n'],
        ['memory.pressure', 'some avg10=50.00 avg60=0 avg300=0 total=1\n'],
      ]),
    );
    expect(reading).to.deep.include({ workingSet: 7e5, limit: 24682416 * 1024, throttled: 2.5, io: 8 });
    expect(reading.available).to.equal(20000000 * 1024);
    expect(reading.pressure.get('memory')).to.equal(0.5);
    expect(reading).to.not.have.property('kernelOomKills');
  });
});

describe('the kernel log', () => {
  const [ours, strangers] = ['a1'.repeat(32), 'b2'.repeat(32)];
  const report = (container: string, limited: string, task: string, name: string) => [
    `${name} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0`,
    `Memory cgroup stats for /docker/${container}${limited}:`,
    `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=${container},mems_allowed=0,oom_memcg=/docker/${container}${limited},task_memcg=/docker/${container}${task},task=${name},pid=8836,uid=0`,
    `Memory cgroup out of memory: Killed process 8836 (${name}) total-vm:1343816kB, anon-rss:18816kB, oom_score_adj:0`,
  ];
  const uid = '8fd1d838-6e2d-4238-a8c4-f728ad24033d';
  const read = (lines: readonly string[], container: string | undefined = ours) => {
    const kernel = new KernelLines([
      { node: 'worker', ...(container && { container }) },
      { node: 'other', container: 'c3' },
    ]);
    return lines.flatMap((line) => kernel.read(line));
  };

  it('names the victim and the limit that was met', () => {
    const kubelet = read(report(ours, '', '/system.slice/kubelet.service', 'kubelet'));
    expect(kubelet.at(-1)?.victim?.labels).to.deep.equal({ node: 'worker', victim: 'kubelet', qos: '', limit: 'node' });
    const pod = `/kubelet/kubepods/besteffort/pod${uid}`;
    const victim = read(report(ours, pod, `${pod}/cafe`, 'hog')).at(-1)?.victim;
    expect(victim).to.deep.equal({
      labels: { node: 'worker', victim: 'pod', qos: 'besteffort', limit: 'pod' },
      process: 'hog',
      pod: uid,
    });
    const slice = `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${uid.replaceAll('-', '_')}.slice/x.scope`;
    expect(read(report(ours, '', slice, 'hog')).at(-1)?.victim).to.deep.include({ pod: uid });
  });

  it('gives the line of the invocation to the same node, and leaves strangers out', () => {
    const mixed = [
      ...report(strangers, '', '/init.scope', 'stranger'),
      'eth0: link up',
      ...report(ours, '', '/init.scope', 'sh'),
    ];
    const lines = read(mixed);
    expect(lines.filter(({ line }) => /oom|Killed/.test(line)).map(({ node }) => node)).to.deep.equal([
      'worker',
      'worker',
      'worker',
    ]);
    expect(lines.find(({ line }) => line.includes('link up'))?.node).to.equal(undefined);
  });

  const killed = (pid: number, name: string) =>
    `Memory cgroup out of memory: Killed process ${pid} (${name}) total-vm:1kB, anon-rss:1kB`;
  const victims = (lines: readonly string[]) =>
    read(lines).flatMap(({ victim, lost }) => (victim ? [victim.labels['victim']] : lost ? ['lost'] : []));

  it('does not take a kill without a report for one that was reported', () => {
    const pod = `/kubelet/kubepods/besteffort/pod${uid}`;
    const ofKubelet = report(ours, '', '/system.slice/kubelet.service', 'kubelet');
    expect(victims([...report(ours, pod, `${pod}/x`, 'hog'), killed(24415, 'kubelet')])).to.deep.equal(['pod', 'lost']);
    expect(victims([...ofKubelet, killed(8836, 'kubelet')])).to.deep.equal(['kubelet', 'lost']);
    expect(victims([...ofKubelet, killed(99, 'postgres')])).to.deep.equal(['kubelet', 'lost']);
    const strange = report(strangers, '', '/x', 'stress');
    expect(victims([...strange, 'oom_kill_process: 12 callbacks suppressed'])).to.deep.equal(['lost']);
    expect(victims([...strange, killed(24415, 'kubelet')])).to.deep.equal(['lost']);
    expect(victims(['net_ratelimit: 3 callbacks suppressed'])).to.deep.equal([]);
  });

  it('knows whose those are that the kernel kills with a whole group', () => {
    const pod = `/kubelet/kubepods/burstable/pod${uid}/cafe`;
    const whole = `Tasks in /docker/${ours}${pod} are going to be killed due to memory.oom.group set`;
    const first = report(ours, pod, pod, 'hog');
    expect(
      victims([...first, whole, killed(2, 'a'), 'oom_reaper: reaped process 2 (a)', killed(3, 'b')]),
    ).to.deep.equal(['pod', 'pod', 'pod']);
    expect(victims([...first, whole, killed(2, 'a'), 'eth0: up', killed(3, 'b')])).to.deep.equal([
      'pod',
      'pod',
      'lost',
    ]);
    expect(victims([killed(2, 'a'), whole, killed(3, 'b')])).to.deep.equal(['lost', 'lost']);
  });

  it('of a machine that is one node is all of that node', () => {
    const kernel = new KernelLines([{ node: 'metal' }]);
    const global =
      'oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/kubepods/x,task=a,pid=1,uid=0';
    const killed = 'Out of memory: Killed process 1 (a) total-vm:1kB';
    const lines = ['INFO: task x blocked for more than 120 seconds', global, killed].flatMap((line) =>
      kernel.read(line),
    );
    expect(lines.map(({ node }) => node)).to.deep.equal(['metal', 'metal', 'metal']);
    expect(lines.at(-1)?.victim?.labels).to.include({ limit: 'machine', victim: 'pod', qos: 'guaranteed' });
  });
});

describe('the signatures', () => {
  it('have names of their own, and are known where they mean something', () => {
    expect(new Set(signatures.map(({ name }) => name)).size).to.equal(signatures.length);
    const names = (line: string, from: Parameters<typeof signaturesOf>[1]) =>
      signaturesOf(line, from).map(({ name }) => name);
    const skipping =
      'kubelet.go:2646] "Skipping pod synchronization" err="[container runtime status check may not have completed yet, PLEG is not healthy: pleg has yet to be successful]"';
    expect(names(skipping, 'kubelet')).to.deep.equal(['pleg-unhealthy', 'runtime-not-ready']);
    expect(names(skipping, 'kernel')).to.deep.equal([]);
    expect(names('kubelet.service: Main process exited, code=killed, status=9/KILL', 'systemd')).to.deep.equal([
      'unit-died',
    ]);
    expect(names('level=info msg="cleaning up after shim disconnected" id=1', 'containerd')).to.deep.equal([]);
    expect(names('level=info msg="shim disconnected" id=1', 'containerd')).to.deep.equal(['shim-ended']);
    expect(names('"Error updating node status" err="context deadline exceeded"', 'kubelet')).to.deep.equal([
      'status-failed',
      'deadline',
    ]);
  });
});

describe('blindness for nodes', () => {
  it('is explained only while all that is not seen is explained', () => {
    const { events, run } = recorded();
    const sight = new NodeSight(run, 'node');
    sight.good('a');
    sight.good('b');
    sight.lost('a', 'no answer', 'a is paused');
    sight.lost('b', 'no answer', undefined);
    sight.lost('a', 'no answer', 'a is paused');
    sight.good('b');
    sight.lost('a', 'no answer', 'a is paused');
    expect(events.map((event) => event.kind === 'blind' && event.explained)).to.deep.equal([true, false, false, true]);
  });
});

/** The log of a kernel, and what was taken of it; `sign` is a record of it that holds the latest sign. */
function kernelLogged() {
  const { run, stop } = recorded();
  const told: string[] = [];
  const node = here('w');
  const log = kernelLog(
    [node],
    run.clock,
    (line) => told.push(line),
    () => told.push('LOST'),
  );
  const sign = (number: number) => `15,${number},100,-;${/'<15>(.*)'/.exec(log.say())?.[1]}`;
  return { run, stop, told, log, node, sign };
}

describe('the log of a kernel', function () {
  this.timeout(20_000);

  it('is heard by nothing but a new sign of ours that came through it, and told from the first one on', () => {
    const { told, log, sign } = kernelLogged();
    log.follow();
    expect(log.take('6,7,90,-;long ago')).to.equal(undefined);
    expect(log.take('ordeal listens')).to.equal(undefined);
    expect(log.take(sign(8)), 'the sign').to.be.a('number');
    expect(log.take('6,9,110,-;news')).to.equal(undefined);
    const old = sign(8);
    log.follow();
    for (const line of ['6,7,90,-;long ago', old, '6,9,110,-;news', '6,10,120,-;more'])
      expect(log.take(line)).to.equal(undefined);
    expect(log.take(sign(11))).to.be.a('number');
    expect(told).to.deep.equal(['news', 'more']);
  });

  it('is told without what programs write into it, and with what is missing', () => {
    const { told, log, sign } = kernelLogged();
    log.follow();
    log.take(sign(1));
    log.take('12,2,100,-;oom-kill:constraint=FORGED');
    log.take('4,3,100,-;true');
    log.take('4,5,100,-;after a gap');
    expect(told).to.deep.equal(['true', 'LOST', 'after a gap']);
    log.follow();
    expect(log.take(sign(2)), 'of a kernel that started anew').to.be.a('number');
    log.take('4,3,100,-;new');
    expect(told.slice(3)).to.deep.equal(['LOST', 'new']);
  });

  for (const [what, program] of [
    ['is empty', 'cat /dev/null'],
    ['says nothing', 'sleep 60'],
    ['cannot be read', 'false'],
  ])
    it(`is not heard where it ${what}`, async () => {
      const { run, stop, log, node } = kernelLogged();
      const said = join(folder, `said ${what}`);
      const say = () => `echo x >> '${said}'`;
      const listener = new Listener({ ...log, follow: () => `${program}`, say, node: () => node }, run.clock);
      const listening = listener.listen(run.signal);
      await sleep(3_000);
      expect(() => listener.check()).to.throw(ToolError);
      expect(listener.heard).to.equal(Number.NEGATIVE_INFINITY);
      const signs = existsSync(said) ? readFileSync(said, 'utf8').split('\n').length - 1 : 0;
      expect(signs, 'signs for nobody').to.be.at.most(1);
      stop();
      await listening;
    });
});

describe('lines that a log lost', function () {
  this.timeout(20_000);

  it('are told as lost for every source that needs them', async () => {
    const node: Node = {
      ...here('w'),
      async *follow([, , script = ''], signal) {
        const [, sign] = /'<15>(.*)'/.exec(script) ?? [];
        const [, tag] = /-t (\S+)/.exec(script) ?? [];
        const entry = (fields: object) =>
          JSON.stringify({ __CURSOR: 's=1', __REALTIME_TIMESTAMP: `${Date.now() * 1000}`, ...fields });
        if (sign !== undefined) {
          yield* [`15,1,0,-;${sign}`, '6,4,0,-;after a gap', '4,5,0,-;oom_kill_process: 3 callbacks suppressed'];
          yield '3,6,0,-;Memory cgroup out of memory: Killed process 7 (kubelet) total-vm:1kB';
        } else {
          const MESSAGE_ID = 'a596d6fe7bfa4994828e72309e95d61e';
          yield entry({ SYSLOG_IDENTIFIER: tag, MESSAGE: 'listening' });
          yield entry({ MESSAGE_ID, MESSAGE: 'Suppressed 9 messages from /system.slice/kubelet.service' });
          yield entry({ MESSAGE_ID, MESSAGE: 'Suppressed 9 messages from /system.slice/cron.service' });
        }
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
    };
    const { blind } = await observe('node-logs', { url: 'http://none', nodes: [node] }, () => sleep(1_000));
    const reasons = (source: string) =>
      blind.flatMap((event) => (event.source === source && event.lost && !event.explained ? [event.reason] : []));
    expect(reasons('node-logs/kernel').map((reason) => reason.split(' ').slice(0, 4).join(' '))).to.deep.equal([
      'the kernel dropped lines',
      'the kernel dropped reports',
      'the kernel does not',
    ]);
    expect(reasons('node-logs')).to.include.members(reasons('node-logs/kernel'));
    const ofUnits = reasons('node-logs').filter((reason) => reason.includes('journald'));
    expect(ofUnits).to.deep.equal(['w: journald: Suppressed 9 messages from /system.slice/kubelet.service']);
  });
});

describe('listening to a log', function () {
  this.timeout(20_000);
  const until = async (is: () => boolean) => {
    for (let tries = 0; tries < 200 && !is(); tries++) await sleep(50);
    expect(is()).to.equal(true);
  };

  it('goes on where it stopped when its follower ends, and knows silence from deafness', async function () {
    this.timeout(60_000);
    const { run, stop } = recorded();
    const file = join(folder, 'log');
    writeFileSync(file, '');
    let from = 1;
    const lines: string[] = [];
    let say = `echo sign >> ${file}`;
    const log = {
      node: () => here('w'),
      follow: () => `timeout 1 tail -n +${from} -f ${file}`,
      say: () => say,
      beat: 2_000,
      hurried: 5,
      take(line: string) {
        from += 1;
        if (line !== 'sign') lines.push(line);
        return run.clock.now();
      },
    };
    const listener = new Listener(log, run.clock);
    expect(() => listener.check()).to.throw(ToolError, 'nothing is heard');
    const listening = listener.listen(run.signal);
    await until(() => listener.heard > 0);
    for (const text of ['one', 'two', 'three']) {
      writeFileSync(file, `${text}\n`, { flag: 'a' });
      await sleep(700);
    }
    await until(() => lines.length === 3);
    expect(lines).to.deep.equal(['one', 'two', 'three']);
    expect(listener.check()).to.equal(listener.heard);
    say = 'true';
    const heard = listener.heard;
    await sleep(11_000);
    expect(listener.heard).to.be.within(heard, heard + 4_000);
    expect(() => listener.check()).to.throw(ToolError);
    stop();
    await listening;
  });

  it('takes entries of journald by unit, by who says it and by when, whatever the clock of the node', () => {
    const taken: string[] = [];
    const { run } = recorded();
    const times: Millis[] = [];
    const log = unitLog(
      here('w'),
      run.clock,
      ({ unit, source, message }, at) => {
        taken.push(`${unit} ${source} ${message}`);
        times.push(at);
      },
      expect.fail,
    );
    const tag = /-t (\S+)/.exec(log.say())?.[1] ?? '';
    const wall = Date.now() - 3_600_000;
    const entry = (later: Millis, fields: object) =>
      log.take(JSON.stringify({ __CURSOR: 's=1;i=2', __REALTIME_TIMESTAMP: `${(wall + later) * 1000}`, ...fields }));
    expect(log.follow()).to.include('-n 0');
    expect(entry(0, { MESSAGE: 'listening', SYSLOG_IDENTIFIER: tag })).to.be.at.least(0);
    entry(-5_000, { MESSAGE: 'a', _SYSTEMD_UNIT: 'kubelet.service' });
    entry(-4_000, { MESSAGE: 'b', _SYSTEMD_UNIT: 'init.scope', UNIT: 'containerd.service' });
    entry(-3_000, { MESSAGE: [99], _SYSTEMD_UNIT: 'containerd.service' });
    expect(log.take('{"MESSAGE":"cut sho')).to.equal(undefined);
    expect(taken).to.deep.equal(['kubelet kubelet a', 'containerd systemd b', 'containerd containerd c']);
    expect(Math.round(((times[2] ?? 0) - (times[0] ?? 0)) / 100), 'when they were logged').to.equal(20);
    expect(log.follow()).to.include("--after-cursor='s=1;i=2'");
  });
});
