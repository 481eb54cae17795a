import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Cluster, EventBody, JournalEvent, Run } from '../harness/model.ts';
import { scrapeHttp } from '../harness/probes/http-scrape.ts';
import { probes } from '../harness/probes/table.ts';
import { udpDrops } from '../harness/probes/udp-drops.ts';
import { startClock } from '../harness/run/clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'ordeal-coredns-'));
const caFile = join(folder, 'ca.pem');
writeFileSync(caFile, '');

/** As CoreDNS 1.14.2 writes it. */
const metrics = (requests: number) => `# TYPE coredns_dns_requests_total counter
coredns_dns_requests_total{family="1",proto="udp",server="dns://127.0.0.1:1053",type="A",view="",zone="."} ${requests}
coredns_dns_requests_total{family="1",proto="tcp",server="dns://127.0.0.1:1053",type="A",view="",zone="."} 1
# TYPE coredns_dns_responses_total counter
coredns_dns_responses_total{plugin="kubernetes",rcode="NXDOMAIN",server="dns://127.0.0.1:1053",view="",zone="."} ${requests}
`;

let servers: Server[] = [];
let socket: Socket | undefined;
afterEach(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  servers = [];
  socket?.close();
  socket = undefined;
});

async function serve(answer: (path: string) => { status?: number; body: string }): Promise<string> {
  const server = createServer((request, response) => {
    const { status = 200, body } = answer(request.url ?? '');
    response.writeHead(status).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bind(): Promise<string> {
  const made = createSocket('udp4');
  socket = made;
  await new Promise<void>((resolve) => made.bind(0, '127.0.0.1', resolve));
  return `127.0.0.1:${made.address().port}`;
}

/** Watches such a cluster until `during` has returned. */
async function watch(parts: Partial<Cluster> & { readonly url?: string }, during: (events: JournalEvent[]) => unknown) {
  const events: JournalEvent[] = [];
  const controller = new AbortController();
  const clock = startClock();
  const journal = { append: (body: EventBody, t = clock.now()) => void events.push({ t, ...body }) };
  const connect = (user: string) => ({ server: parts.url ?? '', caFile, user, token: 'secret' });
  const run = { clock, journal, signal: controller.signal } as unknown as Run;
  const probe = probes.get('coredns-metrics')?.() ?? expect.fail('no such probe');
  const { ended } = await probe.observe({ connect, ...parts } as unknown as Cluster, run);
  await during(events);
  controller.abort(new Error('enough'));
  await ended;
  return events;
}

const samples = (events: readonly JournalEvent[], metric: string) =>
  events.flatMap((event) => (event.kind === 'sample' && event.metric === metric ? [event] : []));

describe('the probe coredns-metrics', function () {
  this.timeout(10_000);

  it('tells servers apart, and what the kernel threw away', async () => {
    const one = { metrics: await serve(() => ({ body: metrics(10) })), dns: await bind() };
    const other = { metrics: await serve(() => ({ body: metrics(20) })) };
    const events = await watch({ servers: { one, other, proxy: { http: '127.0.0.1:1' } } }, () => sleep(50));
    const requests = samples(events, 'coredns.requests').map(({ labels, value }) => [labels, value]);
    expect(requests).to.include.deep.members([
      [{ server: 'one', type: 'A' }, 11],
      [{ server: 'other', type: 'A' }, 21],
    ]);
    expect(samples(events, 'coredns.responses')[0]?.labels).to.include({ rcode: 'NXDOMAIN' });
    const drops = samples(events, 'coredns.drops').map(({ labels, value }) => [labels, value]);
    expect(drops[0]).to.deep.equal([{ server: 'one' }, 0]);
    expect(samples(events, 'coredns.servers').at(-1)?.value).to.equal(2);
  });

  it('says how much CPU time each may use, and what has no limit may use all', async () => {
    const one = { metrics: await serve(() => ({ body: metrics(10) })), dns: await bind() };
    const components = [{ name: 'one', pid: process.pid, cpus: 0.15 }];
    const limits = async (cluster: Partial<Cluster>) =>
      samples(await watch(cluster, () => sleep(50)), 'coredns.cpu-limit').map(({ labels, value }) => [
        labels,
        value,
      ])[0];
    expect(await limits({ servers: { one }, components })).to.deep.equal([{ server: 'one' }, 150]);
    expect(await limits({ servers: { one } })).to.deep.equal([{ server: 'one' }, 1000 * availableParallelism()]);
  });

  it('takes no redirect, and no answer without an end', async () => {
    const { signal } = new AbortController();
    const elsewhere = await serve(() => ({ body: metrics(10) }));
    const from = createServer((_, response) => response.writeHead(302, { location: `http://${elsewhere}/` }).end());
    const endless = createServer((_, response) => {
      const piece = Buffer.alloc(1 << 20, 35);
      const write = () => {
        while (response.write(piece));
      };
      response.on('drain', write);
      write();
    });
    for (const [server, code] of [
      [from, 302],
      [endless, 'EFBIG'],
    ] as const) {
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
      const error = await scrapeHttp(url, signal).catch((thrown: unknown) => thrown);
      expect(error).to.include({ name: 'ClusterError', code });
    }
  });

  it('is blind to the server that does not answer alone', async () => {
    let status = 200;
    const one = { metrics: await serve(() => ({ status, body: metrics(10) })) };
    const other = { metrics: await serve(() => ({ body: metrics(20) })) };
    const events = await watch({ servers: { one, other } }, async (seen) => {
      status = 500;
      while (!seen.some(({ kind }) => kind === 'blind')) await sleep(20);
    });
    const blind = events.flatMap((event) => (event.kind === 'blind' ? [event] : []));
    expect(new Set(blind.map(({ source }) => source))).to.deep.equal(new Set(['coredns-metrics/one']));
    expect(blind[0]?.explained).to.equal(false);
  });

  it('asks the pods of kube-dns that run, Ready or not, through the API server, and those that come later', async () => {
    const pod = (name: string, state: object, limits?: object) => ({
      metadata: { name },
      spec: { containers: [{ name: 'coredns', resources: { limits: { cpu: '9' } } }] },
      status: { containerStatuses: [{ name: 'coredns', state, ...(limits && { resources: { limits } }) }] },
    });
    let pods = [pod('coredns-a', { running: {} }, { cpu: '150m' }), pod('coredns-b', { waiting: {} })];
    const asked = new Set<string>();
    const url = await serve((path) => {
      asked.add(path);
      return { body: path.endsWith('/metrics') ? metrics(5) : JSON.stringify({ metadata: {}, items: pods }) };
    });
    const events = await watch({ url: `http://${url}`, nodes: [] }, async (seen) => {
      pods = [pod('coredns-b', { running: {} })];
      while (!samples(seen, 'coredns.requests').some(({ labels }) => labels?.['server'] === 'coredns-b'))
        await sleep(20);
    });
    expect(samples(events, 'coredns.requests')[0]?.labels).to.include({ server: 'coredns-a' });
    const gone = events.flatMap((event) => (event.kind === 'gone' ? [event.labels] : []));
    expect(gone, 'said once').to.deep.equal([{ server: 'coredns-a' }]);
    const limits = samples(events, 'coredns.cpu-limit').map(({ labels, value }) => [labels?.['server'], value]);
    expect(limits).to.deep.include.members([
      ['coredns-a', 150],
      ['coredns-b', 9000],
    ]);
    expect([...asked][0])
      .to.include('/kube-system/pods?')
      .and.to.include('labelSelector=k8s-app%3Dkube-dns');
    expect(asked).to.include('/api/v1/namespaces/kube-system/pods/coredns-a:9153/proxy/metrics');
    const promised = events.flatMap((event) =>
      event.kind === 'observing' ? event.metrics.map(({ name }) => name) : [],
    );
    expect(promised).to.include('coredns.requests').and.to.not.include('coredns.drops');
  });

  it('says where there is nothing to ask', () => {
    const probe = probes.get('coredns-metrics')?.();
    expect(probe?.unavailable({ servers: {} } as unknown as Cluster)).to.match(/no server with a port "metrics"/);
  });
});

describe('drops of a UDP port', () => {
  it('are those of its sockets, and none are known where there is no socket', async () => {
    const port = Number((await bind()).split(':')[1]);
    expect(await udpDrops(port)).to.equal(0);
    socket?.close();
    socket = undefined;
    expect(await udpDrops(port)).to.equal(undefined);
  });
});
