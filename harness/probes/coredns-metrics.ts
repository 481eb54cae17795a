import { availableParallelism } from 'node:os';
import { KubeClient } from '../kube/client.ts';
import { type Cluster, ClusterError, type Millis, type Probe, type Run } from '../model.ts';
import { cpuLimitOf, type DnsPod, isRunning } from './coredns-pod.ts';
import { scrapeHttp } from './http-scrape.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import { Scrapes, type Source } from './scrape.ts';
import { Obituaries, Sight } from './sight.ts';
import { udpDrops } from './udp-drops.ts';

const name = 'coredns-metrics';
const metrics = metricsOf(name);
const each: Millis = 1_000;
const drops = 'ordeal_udp_drops_total';

/** Names and labels as CoreDNS 1.14 has them. */
const sources: readonly Source[] = [
  { metric: 'coredns.requests', from: 'coredns_dns_requests_total', kind: 'counter', labels: ['type'] },
  { metric: 'coredns.responses', from: 'coredns_dns_responses_total', kind: 'counter', labels: ['rcode'] },
  { metric: 'coredns.duration', from: 'coredns_dns_request_duration_seconds', kind: 'buckets' },
  { metric: 'coredns.cache.hits', from: 'coredns_cache_hits_total', kind: 'counter', labels: ['type'] },
  { metric: 'coredns.cache.misses', from: 'coredns_cache_misses_total', kind: 'counter' },
  { metric: 'coredns.forwarded', from: 'coredns_proxy_request_duration_seconds', kind: 'buckets', labels: ['rcode'] },
  { metric: 'coredns.rejected', from: 'coredns_forward_max_concurrent_rejects_total', kind: 'counter' },
  { metric: 'coredns.drops', from: drops, kind: 'counter' },
];

/**
 * GET /metrics of every CoreDNS each second: servers beside the cluster that have a port `metrics`, else the pods of
 * kube-dns that run, Ready or not, through the API server.
 */
export function corednsMetrics(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) =>
      beside(cluster).length > 0 || cluster.nodes
        ? undefined
        : 'there is no server with a port "metrics", and there are no pods',
    observe: (cluster, run) => (beside(cluster).length > 0 ? watchServers(cluster, run) : watchPods(cluster, run)),
  };
}

const beside = ({ servers = {} }: Cluster): readonly string[] =>
  Object.keys(servers).filter((server) => servers[server]?.['metrics'] !== undefined);

/** Each has a source of its own: what explains the silence of one says nothing of the others. */
async function watchServers(cluster: Cluster, run: Run) {
  const promises = () => [{ metrics, every: each }];
  const up = new Set<string>();
  const all = beside(cluster).map((server) => {
    const source = `${name}/${server}`;
    const { metrics: address, dns } = cluster.servers?.[server] ?? {};
    const url = new URL(`http://${address}/metrics`);
    const scrapes = new Scrapes(run, sources, { server });
    const sight = new Sight(run, source, new Obituaries(cluster, [server]));
    const { cpus } = cluster.components?.find((one) => one.name === server) ?? {};
    let before: number | undefined;
    const look = async () => {
      const reads = [scrapeHttp(url, run.signal), udpDrops(Number(dns?.split(':')[1]))] as const;
      const [text, now] = await Promise.all(reads).catch((error: unknown) => {
        up.delete(server);
        throw error;
      });
      up.add(server);
      // It answers, so its socket is there, whether the kernel showed it or not.
      const dropped = now ?? before;
      before = dropped;
      const kernel = dropped === undefined ? '' : `\n# TYPE ${drops} counter\n${drops} ${dropped}\n`;
      return () => {
        scrapes.write(text + kernel);
        tell(run, server, cpus, up.size);
      };
    };
    return poll(run, run.signal, { source, every: each, promises, sight, look });
  });
  const ended = (await Promise.all(all)).map((one) => one.ended);
  return { ended: Promise.all(ended).then(() => undefined) };
}

function tell({ journal }: Run, server: string, cpus: number | undefined, servers: number): void {
  journal.append({
    kind: 'sample',
    metric: 'coredns.cpu-limit',
    labels: { server },
    value: Math.round(1e6 * (cpus ?? availableParallelism())) / 1e3,
  });
  journal.append({ kind: 'sample', metric: 'coredns.servers', value: servers });
}

/** Pods come and go: which run is asked each time. One that is overloaded is not Ready, and counts all the same. */
async function watchPods(cluster: Cluster, run: Run) {
  const client = new KubeClient(cluster.connect(`ordeal:${name}`), { signal: run.signal, timeout: 5_000 });
  const seen = metrics.filter((metric) => metric.name !== 'coredns.drops');
  const promises = () => [{ metrics: seen, every: each }];
  const known = new Map<string, Scrapes>();
  const look = async () => {
    const path = '/api/v1/namespaces/kube-system/pods';
    const { items } = await client.list<DnsPod>(path, { labelSelector: 'k8s-app=kube-dns' });
    const running = items.filter(isRunning);
    const named = new Set(items.map(({ metadata }) => metadata.name));
    for (const pod of known.keys()) {
      if (named.has(pod)) continue;
      known.delete(pod);
      run.journal.append({ kind: 'gone', source: name, labels: { server: pod } });
    }
    if (running.length === 0) throw new ClusterError('pods of kube-dns', 'ENOENT', 'none runs');
    const reads = running.map(async (one) => {
      const { name: pod } = one.metadata;
      const text = await client.text(`${path}/${pod}:9153/proxy/metrics`);
      const scrapes = known.get(pod) ?? new Scrapes(run, sources, { server: pod });
      known.set(pod, scrapes);
      return () => {
        scrapes.write(text);
        tell(run, pod, cpuLimitOf(one), running.length);
      };
    });
    const writes = await Promise.all(reads);
    return () => {
      for (const write of writes) write();
    };
  };
  const sight = new Sight(run, name, new Obituaries(cluster, []));
  const { ended } = await poll(run, run.signal, { source: name, every: each, promises, sight, look });
  return { ended: ended.finally(() => client[Symbol.asyncDispose]()) };
}
