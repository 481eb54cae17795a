import { KubeClient } from '../kube/client.ts';
import { Lookout, watch } from '../kube/watch.ts';
import type { Cluster, MetricSpec, Millis, Probe, Run } from '../model.ts';
import { together, untilAborted } from './every.ts';
import { compareVersions, Hearing } from './hearing.ts';
import { scrapeHttp } from './http-scrape.ts';
import { ClaimView, type NodeClaim } from './karpenter-claims.ts';
import { writeScrape } from './karpenter-scrape.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import { Obituaries, Sight } from './sight.ts';

const name = 'karpenter';
const metrics = metricsOf(name);
const each: Millis = 1_000;
const path = '/apis/karpenter.sh/v1/nodeclaims';
/** Claims may have nothing to say for hours: they are few, and so all are compared. */
const silence: Millis = 2_900;
const ofClaims = ['karpenter.nodes', 'karpenter.going'];
const isOfClaims = (metric: MetricSpec) => ofClaims.includes(metric.name);

/** What the server `karpenter` says of its decisions, and how its node claims stand. Each of the two is a source of its own. */
export function karpenter(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) =>
      addressOf(cluster) === undefined ? 'there is no server "karpenter" with a port "metrics"' : undefined,
    async observe(cluster, run) {
      const both = await Promise.all([scrape(cluster, run), follow(cluster, run)]);
      return { ended: Promise.all(both.map(({ ended }) => ended)).then(() => undefined) };
    },
  };
}

const addressOf = ({ servers }: Cluster) => servers?.[name]?.['metrics'];

function scrape(cluster: Cluster, run: Run) {
  const source = `${name}/metrics`;
  const url = new URL(`http://${addressOf(cluster)}/metrics`);
  const sight = new Sight(run, source, new Obituaries(cluster, [name]));
  const promises = () => [{ metrics: metrics.filter((metric) => !isOfClaims(metric)), every: each }];
  const look = async () => {
    const text = await scrapeHttp(url, run.signal);
    return () => writeScrape(run, text);
  };
  return poll(run, run.signal, { source, every: each, promises, sight, look });
}

async function follow(cluster: Cluster, run: Run) {
  const source = `${name}/claims`;
  const client = new KubeClient(cluster.connect(`ordeal:${name}`), { signal: run.signal, timeout: 5_000 });
  const sight = new Sight(run, source, new Obituaries(cluster, ['kube-apiserver', 'etcd']));
  const lookout = new Lookout();
  const compare = () => compareVersions(client, path);
  const hearing = new Hearing(client, lookout, { clock: run.clock, path, silence, compareEvery: silence, compare });
  const view = new ClaimView(run);
  const synced = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  const watching = async (signal: AbortSignal) => {
    const options = { clock: run.clock, lookout, onGap: sight.gap.bind(sight) };
    for await (const event of watch<NodeClaim>(client, path, options, signal)) {
      if (event.type === 'SYNCED') {
        view.synced = true;
        synced.resolve();
      } else if (event.type === 'DELETED') view.delete(event.object.metadata);
      else view.see(event.object);
    }
  };
  const promises = () => [{ metrics: metrics.filter(isOfClaims), every: each }];
  const look = async () => {
    await hearing.check();
    return lookout.sees ? () => view.write() : undefined;
  };
  const certain = () => hearing.certain;
  const counting = async (signal: AbortSignal) => {
    await untilAborted(synced.promise, signal);
    if (signal.aborted) return;
    const polling = await poll(run, signal, { source, every: each, promises, sight, certain, look });
    first.resolve();
    await polling.ended;
  };
  const ended = together(run.signal, watching, counting).finally(() => client[Symbol.asyncDispose]());
  await Promise.race([first.promise, ended]);
  return { ended };
}
