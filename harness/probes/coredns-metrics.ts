import { KubeClient, type KubeObject } from '../kube/client.ts';
import { type Cluster, ClusterError, type Millis, type Probe, type Run } from '../model.ts';
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
 * GET /metrics of every CoreDNS each second: servers beside the cluster that have a port `metrics`, else the Ready pods of
 * kube-dns through the API server.
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
  const all = beside(cluster).map((server) => {
    const source = `${name}/${server}`;
    const { metrics: address, dns } = cluster.servers?.[server] ?? {};
    const url = new URL(`http://${address}/metrics`);
    const scrapes = new Scrapes(run, sources, { server });
    const sight = new Sight(run, source, new Obituaries(cluster, [server]));
    let before: number | undefined;
    const look = async () => {
      const [text, now] = await Promise.all([scrapeHttp(url, run.signal), udpDrops(Number(dns?.split(':')[1]))]);
      // It answers, so its socket is there, whether the kernel showed it or not.
      const dropped = now ?? before;
      before = dropped;
      const kernel = dropped === undefined ? '' : `\n# TYPE ${drops} counter\n${drops} ${dropped}\n`;
      return () => scrapes.write(text + kernel);
    };
    return poll(run, run.signal, { source, every: each, promises, sight, look });
  });
  const ended = (await Promise.all(all)).map((one) => one.ended);
  return { ended: Promise.all(ended).then(() => undefined) };
}

interface Pod extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Pods come and go: which are Ready is asked each time. */
async function watchPods(cluster: Cluster, run: Run) {
  const client = new KubeClient(cluster.connect(`ordeal:${name}`), { signal: run.signal, timeout: 5_000 });
  const seen = metrics.filter((metric) => metric.name !== 'coredns.drops');
  const promises = () => [{ metrics: seen, every: each }];
  const known = new Map<string, Scrapes>();
  const look = async () => {
    const path = '/api/v1/namespaces/kube-system/pods';
    const { items } = await client.list<Pod>(path, { labelSelector: 'k8s-app=kube-dns' });
    const ready = items.filter(({ status }) =>
      status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    );
    if (ready.length === 0) throw new ClusterError('pods of kube-dns', 'ENOENT', 'none is Ready');
    const reads = ready.map(async ({ metadata: { name: pod } }) => {
      const text = await client.text(`${path}/${pod}:9153/proxy/metrics`);
      const scrapes = known.get(pod) ?? new Scrapes(run, sources, { server: pod });
      known.set(pod, scrapes);
      return () => scrapes.write(text);
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
