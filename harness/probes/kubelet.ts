import { KubeClient } from '../kube/client.ts';
import type { Probe } from '../model.ts';
import { together } from './every.ts';
import { KubeletHealth } from './kubelet-health.ts';
import { KubeletScrape } from './kubelet-scrape.ts';
import { metricsOf } from './metrics.ts';
import { pollNodes, taken } from './poll-nodes.ts';

const name = 'kubelet';
const metrics = metricsOf(name);
const health = metrics.filter(({ name: metric }) => /^kubelet\.(up|healthz\.)/.test(metric));
const scraped = metrics.filter((metric) => !health.includes(metric));

/** How long a kubelet may take: a frozen node makes every request hang. */
const timeout = { health: 2_000, metrics: 4_000 };

/** Asks each kubelet through the API server how it is each second, and reads its metrics and its cAdvisor's each 5 s. */
export function kubelet(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) =>
      cluster.nodes?.length ? undefined : 'the cluster has no kubelets, or its nodes cannot be reached',
    async observe(cluster, run) {
      const nodes = cluster.nodes ?? [];
      const connections = Math.min(64, 4 * nodes.length + 2);
      const connection = cluster.connect(`ordeal:${name}`);
      const asking = new KubeClient(connection, { signal: run.signal, timeout: timeout.health, connections });
      const reading = new KubeClient(connection, { signal: run.signal, timeout: timeout.metrics, connections });
      const healths = new Map(nodes.map((node) => [node, new KubeletHealth(asking, node.name, run)]));
      const scrapes = new Map(nodes.map((node) => [node, new KubeletScrape(reading, node.name, run)]));
      const first = Promise.withResolvers<void>();
      const watch = async (signal: AbortSignal) => {
        const healthy = await pollNodes(run, signal, {
          source: name,
          every: 1_000,
          nodes,
          metrics: () => health,
          look: (node) => taken(healths, node).look(),
          explain: (node, error) => taken(healths, node).explain(error),
        });
        const scraping = await pollNodes(run, signal, {
          source: `${name}/metrics`,
          every: 5_000,
          nodes,
          metrics: () => scraped,
          look: (node) => taken(scrapes, node).look(),
          explain: (node, error) => taken(scrapes, node).explain(node, error),
        });
        first.resolve();
        await Promise.all([healthy.ended, scraping.ended]);
      };
      const ended = together(run.signal, watch).finally(async () => {
        await Promise.all([asking, reading].map((client) => client[Symbol.asyncDispose]()));
      });
      await Promise.race([first.promise, ended]);
      return { ended };
    },
  };
}
