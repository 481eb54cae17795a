import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { request } from 'undici';
import { launched, launcher } from '../harness/cluster/launcher.ts';
import { freePorts } from '../harness/cluster/ports.ts';
import { refuseOpenSockets } from '../harness/cluster/readback.ts';
import { serverArgs, serverVersion } from '../harness/cluster/server-programs.ts';
import { reloadServer } from '../harness/faults/reload-server.ts';
import { renderMany } from '../harness/kube/manifest.ts';
import type { Cluster, EventBody, FaultSpec, JournalEvent, Millis, Run } from '../harness/model.ts';
import { answerOf, Generations } from '../harness/probes/proxy-answers.ts';
import { probes } from '../harness/probes/table.ts';
import { childrenOf, marked, titleOf } from '../harness/process.ts';
import { startClock } from '../harness/run/clock.ts';
import { endProcesses } from '../harness/run/undo/host.ts';
import { isProgram, onPath } from '../harness/tools/find.ts';
import { skip } from './skip.ts';

const passed = {
  at: 1_795_271_751.899,
  client: 'other',
  status: '200',
  generation: 1,
  limit_conn: '',
  limit_req: '',
  upstream: '200',
  header: '0.101',
};
const causeOf = ({ status = 200, ...fields }: { status?: number; [name: string]: string | number | undefined }) =>
  answerOf(JSON.stringify({ ...passed, ...fields, status: String(status).padStart(3, '0') })).cause;

describe('the proxy of ingress-hammer', () => {
  const folder = fileURLToPath(new URL('../scenarios/ingress-hammer', import.meta.url));
  const parameters: Record<string, string> = {
    burst: '58',
    connections: '300',
    shutdownTimeout: '0s',
    rules: 'no-limits',
  };
  const beside = (name: string) =>
    readFileSync(join(folder, name), 'utf8').replaceAll(/\$\{(\w+)\}/g, (_, word) => parameters[word] ?? '');
  const [map = { data: {} }] = renderMany(readFileSync(join(folder, 'kind', 'ingress.yaml'), 'utf8'), parameters, 1);
  const { 'nginx.conf': configuration = '', ...rules } = map['data'] as Record<string, string>;
  const directives = (text: string) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));

  it('has the same limits in a pod as beside the cluster', () => {
    expect(Object.keys(rules)).to.have.length(5);
    for (const [name, text] of Object.entries(rules))
      expect(directives(text), name).to.deep.equal(directives(beside(name)));
  });

  it('is configured alike there, but for where it listens, who asks and where it writes', () => {
    const own = /^(daemon|pid|access_log|\w+_temp_path|include|listen|127\.0\.0\.2|hammer|geo|map) /;
    const alike = (text: string) => directives(text).filter((line) => !own.test(line));
    expect(alike(configuration)).to.deep.equal(alike(beside('nginx.conf')));
  });
});

describe('the log of a proxy', () => {
  it('tells why somebody was refused', () => {
    expect(causeOf({})).to.equal('ok');
    expect(causeOf({ status: 429, limit_conn: 'REJECTED', upstream: '', header: '' })).to.equal('limit-conn');
    expect(causeOf({ status: 503, limit_req: 'REJECTED', upstream: '', header: '' })).to.equal('limit-req');
    expect(causeOf({ status: 503, limit_conn: 'PASSED', limit_req: 'PASSED', upstream: '503' })).to.equal('backend');
  });

  it('knows a backend that says 503 from one that says nothing, also after a second try', () => {
    expect(causeOf({ status: 503, upstream: '504, 503', header: '-, 0.002' })).to.equal('backend');
    expect(causeOf({ status: 504, upstream: '504', header: '-' })).to.equal('timeout');
    expect(causeOf({ status: 504, upstream: '504, 504', header: '-, -' })).to.equal('timeout');
    expect(causeOf({ status: 504, upstream: '504', header: '0.2' })).to.equal('backend');
    expect(causeOf({ status: 502, upstream: '502, 502', header: '-, -' })).to.equal('unreachable');
    expect(causeOf({ status: 200, upstream: '504, 200', header: '-, 0.1' })).to.equal('ok');
  });

  it('knows a client that left, and one that was cut off, from a proxy in trouble', () => {
    expect(causeOf({ status: 0, upstream: '504, -', header: '-, -' })).to.equal('cut-off');
    expect(causeOf({ status: 499, upstream: '504, -', header: '-, -' })).to.equal('client-left');
    expect(causeOf({ status: 500, upstream: '', header: '' })).to.equal('proxy');
  });

  it('is not believed where a line is none of ours', () => {
    for (const line of ['', 'null', '[]', '{"at":1}', 'GET / HTTP/1.1', JSON.stringify({ ...passed, status: 'x' })])
      expect(() => answerOf(line), line).to.throw(/none of ours/);
  });

  it('says who is old: a worker by whose side a later configuration has answered', () => {
    const generations = new Generations();
    const seen = [1, 1, 2, 1, 2, 3, 2, 3].map((one) => generations.of(one));
    expect(seen).to.deep.equal(['current', 'current', 'current', 'old', 'current', 'current', 'old', 'current']);
  });
});

const configuration = (port: number, folder: string) => `daemon off; pid ${folder}/nginx.pid; error_log stderr crit;
worker_processes 2; events { worker_connections 64; }
http {
  log_format ordeal escape=json '{"at":$msec,"client":"$arg_client","status":"$status","generation":$generation,'
    '"limit_conn":"$limit_conn_status","limit_req":"$limit_req_status","upstream":"$upstream_status","header":"$upstream_header_time"}';
  access_log ${folder}/access.log ordeal;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path ${folder}/${one};`).join(' ')}
  include ${folder}/pods.conf;
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://application; proxy_buffering off; } }
}`;

describe('a proxy that is reloaded', function () {
  this.timeout(180_000);

  const mark = `ingress${process.pid}`;
  const events: JournalEvent[] = [];
  const ending = new AbortController();
  const clock = startClock();
  const append = (body: EventBody, t: Millis = clock.now()) => void events.push({ t, ...body });
  const owe = () => expect.fail('nothing is owed but the run itself');
  let folder: string;
  let backend: Server;
  let url: string;
  let cluster: Cluster;
  let run: Run;

  const samples = (metric: string, labels: object = {}) =>
    events.flatMap((event) =>
      event.kind === 'sample' &&
      event.metric === metric &&
      Object.entries(labels).every(([key, value]) => event.labels?.[key] === value)
        ? [event.value]
        : [],
    );
  const sum = (metric: string, labels?: object) => samples(metric, labels).reduce((all, value) => all + value, 0);
  const until = async (holds: () => boolean) => {
    for (let round = 0; round < 600 && !holds(); round += 1) await sleep(50);
    expect(holds()).to.equal(true);
  };
  // A worker that ends closes what it kept alive, just then maybe: each request has a connection of its own.
  const ask = (path: string) => request(`${url}${path}`, { reset: true });
  const fault = (by: string) => {
    const parameters = { server: 'proxy', file: 'pods.conf', by, every: 1_000 };
    const spec: FaultSpec = {
      name: 'reload-server',
      fault: 'reload-server',
      during: 'fault',
      after: 0,
      workers: 1,
      parameters,
      deadline: 60_000,
    };
    return reloadServer.make(spec);
  };

  before(async function () {
    const known = onPath('nginx', `${process.env['PATH']}:/usr/local/sbin:/usr/sbin:/sbin`);
    const nginx = (await Promise.all(known.map(async (file) => ((await isProgram(file)) ? file : undefined)))).find(
      (file) => file !== undefined,
    );
    if (nginx === undefined) skip(this, 'there is no nginx here: setup-debian.sh installs it');
    folder = mkdtempSync(join(tmpdir(), 'ordeal-ingress-'));
    backend = createServer((asked, answer) => {
      if (asked.url?.startsWith('/events')) answer.write('data: still here\n\n');
      else answer.writeHead(asked.url?.startsWith('/busy') ? 503 : 200).end('done');
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    const { http, open } = await freePorts(['http', 'open']);
    url = `http://127.0.0.1:${http}`;
    writeFileSync(join(folder, 'nginx.conf'), configuration(http, folder));
    const pods = (generation: number, port: number) =>
      `map $pid $generation { default ${generation}; }\nupstream application { server 127.0.0.1:${port}; }\n`;
    for (const generation of [1, 2, 3])
      writeFileSync(join(folder, `pods-${generation}`), pods(generation, (backend.address() as AddressInfo).port));
    writeFileSync(join(folder, 'pods.conf'), readFileSync(join(folder, 'pods-1')));
    writeFileSync(join(folder, 'broken'), 'upstream application {');
    const more = `server { listen 0.0.0.0:${open}; }\n`;
    writeFileSync(join(folder, 'open'), readFileSync(join(folder, 'pods-1'), 'utf8') + more);
    const script = join(folder, '.launch');
    writeFileSync(script, launcher({ component: 'proxy', program: nginx, folder, mark }), { mode: 0o700 });
    const version = await serverVersion('nginx', nginx, {}, ending.signal);
    const args = serverArgs('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], version);
    spawn(script, args, { stdio: 'ignore', detached: true, env: { PATH: process.env['PATH'], ORDEAL_MARK: mark } });
    await until(
      () => (launched(folder, 'proxy') && childrenOf(launched(folder, 'proxy')?.child.pid ?? 0).length) === 2,
    );
    const child = launched(folder, 'proxy')?.child ?? expect.fail('it is not there');
    const components = [{ name: 'proxy', ...child, folder }];
    cluster = { components, refuseOpenSockets: () => refuseOpenSockets(mark, components) } as unknown as Cluster;
    run = { id: 'test', folder, mark, clock, journal: { append }, ledger: { owe }, signal: ending.signal };
  });

  after(async () => {
    ending.abort(new Error('enough'));
    backend?.closeAllConnections();
    backend?.close();
    await endProcesses(mark);
  });

  it('carries the mark of its run, although nginx writes over its environment', () => {
    const [master = 0] = marked(mark).filter((pid) => titleOf(pid).includes('master process'));
    expect(readFileSync(`/proc/${master}/environ`, 'latin1')).not.to.contain(mark);
    expect(marked(mark)).to.include.members(childrenOf(master).map(({ pid }) => pid));
  });

  it("has workers that are its harness's own, also where that is root", () => {
    for (const { pid } of childrenOf(cluster.components?.[0]?.pid ?? 0))
      expect(statSync(`/proc/${pid}`).uid).to.equal(process.getuid?.());
  });

  it('is told apart, answer by answer and worker by worker, by what it says itself', async () => {
    const observing = ['proxy-log', 'proxy-workers'].map((name) => probes.get(name)?.() ?? expect.fail(name));
    for (const probe of observing) expect(probe.unavailable(cluster)).to.equal(undefined);
    const ended = await Promise.all(observing.map((probe) => probe.observe(cluster, run)));
    const stream = await ask('/events?client=subscriber');
    await (await ask('/?client=other')).body.dump();
    const reloading = fault('pods-2 pods-3');
    expect(await reloading.unavailable(cluster)).to.equal(undefined);
    const injected = await reloading.inject(cluster, run);
    await (await ask(`/busy?client=${encodeURIComponent('"}\n\u001b[31m')}`)).body.dump();
    await sleep(2_000);
    await (await ask('/?client=other')).body.dump();
    const evidence = await injected.evidence();
    expect(evidence, evidence.detail).to.deep.include({ real: true });
    await injected.end();
    await until(() => sum('proxy.answers', { client: 'other', status: '200', cause: 'ok' }) === 2);
    await until(() => Math.max(...samples('proxy.outlived')) > 1);
    expect(samples('proxy.connections', { worker: 'old' }).at(-1)).to.be.at.least(1);
    stream.body.on('error', () => undefined).destroy();
    await until(
      () => samples('proxy.outlived').at(-1) === 0 && samples('proxy.workers', { worker: 'old' }).at(-1) === 0,
    );
    await until(() => sum('proxy.answers', { client: 'subscriber', worker: 'old' }) === 1);
    expect(sum('proxy.answers', { status: '503', cause: 'backend' })).to.equal(1);
    expect(events.filter((event) => event.kind === 'blind')).to.deep.equal([]);
    ending.abort(new Error('enough'));
    await Promise.all(ended.map((one) => one.ended));
  });

  it('that does not take what it is given is no evidence, and goes on as it was', async () => {
    run = { ...run, signal: new AbortController().signal };
    const injected = await fault('pods-2 broken').inject(cluster, run);
    await sleep(1_500);
    const workers = childrenOf(cluster.components?.[0]?.pid ?? 0);
    await sleep(15_500);
    const { real, detail } = await injected.evidence();
    expect(real).to.equal(false);
    expect(detail).to.match(/1 of 2 reloads.*began no worker after it got broken/);
    const left = childrenOf(cluster.components?.[0]?.pid ?? 0);
    expect(left, left.map(({ pid }) => titleOf(pid)).join(', ')).to.have.length(2);
    expect(workers).to.deep.include.members(left);
  });

  it('ends the run where a reload opens it to other machines', async () => {
    const injected = await fault('pods-1 open').inject(cluster, run);
    const refusal = (error: unknown) =>
      expect(String(error)).to.match(/not on loopback only:\nproxy listens on 0\.0\.0\.0:\d+/);
    await injected.failing?.().then(() => expect.fail('it goes on'), refusal);
    await injected.evidence().then(() => expect.fail('it goes on'), refusal);
    await injected.end();
    const first = fault('open').inject(cluster, run);
    await first.then(() => expect.fail('it goes on'), refusal);
  });

  it('is refused where a file or the server is not there', async () => {
    expect(await fault('pods-2 pods-9').unavailable(cluster)).to.equal('proxy has no file pods-9');
    expect(await fault('pods-2 ../pods-3').unavailable(cluster)).to.equal('proxy has no file ../pods-3');
    const other = { components: [{ name: 'etcd', pid: 1 }] } as unknown as Cluster;
    expect(await fault('pods-2').unavailable(other)).to.equal('this cluster has no server proxy');
    for (const name of ['proxy-log', 'proxy-workers'])
      expect(probes.get(name)?.().unavailable(other), name).to.match(/there is no server proxy/);
  });

  it('leaves nobody behind, and what is dead is not silent', async () => {
    const stop = new AbortController();
    const probe = probes.get('proxy-log')?.() ?? expect.fail();
    const { ended } = await probe.observe(cluster, { ...run, signal: stop.signal });
    await endProcesses(mark);
    await until(() => events.some((event) => event.kind === 'blind' && event.source === 'proxy-log'));
    const blind = events.find((event) => event.kind === 'blind' && event.source === 'proxy-log');
    expect(blind && 'reason' in blind && blind.reason).to.match(/process \d+ is gone/);
    stop.abort(new Error('enough'));
    await ended;
    expect(marked(mark)).to.deep.equal([]);
  });
});
