import type { Probe } from '../model.ts';
import { together } from './every.ts';
import { metricsOf } from './metrics.ts';
import { readNode } from './node-reading.ts';
import { Kernels, NodeSamples, promisedBy } from './node-samples.ts';
import { NodeUnits } from './node-units.ts';
import { pollNodes, taken } from './poll-nodes.ts';

const name = 'node';
const metrics = metricsOf(name);
const ofUnits = metrics.filter(({ name: metric }) => metric.startsWith('node.unit.'));
const ofFiles = metrics.filter((metric) => !ofUnits.includes(metric));

/** Memory, throttling, IO and pressure of each node, each second from its files; its units each 5 s from systemd. */
export function node(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) => (cluster.nodes?.length ? undefined : "the cluster's nodes cannot be reached from here"),
    async observe(cluster, run) {
      const nodes = cluster.nodes ?? [];
      const kernels = new Kernels();
      const samples = new Map(nodes.map((each) => [each, new NodeSamples(run, each.name, kernels)]));
      const units = new Map(nodes.map((each) => [each, new NodeUnits(run, each)]));
      const first = Promise.withResolvers<void>();
      const watch = async (signal: AbortSignal) => {
        const reading = await pollNodes(run, signal, {
          source: name,
          every: 1_000,
          nodes,
          metrics: () =>
            promisedBy(
              [...samples.values()].map(({ latest }) => latest),
              ofFiles,
            ),
          look: async (each) => ({ write: taken(samples, each).take(await readNode(each)) }),
        });
        const asking = await pollNodes(run, signal, {
          source: `${name}/units`,
          every: 5_000,
          nodes,
          metrics: () => ofUnits,
          look: async (each) => ({ write: await taken(units, each).look() }),
        });
        first.resolve();
        await Promise.all([reading.ended, asking.ended]);
      };
      const ended = together(run.signal, watch);
      await Promise.race([first.promise, ended]);
      return { ended };
    },
  };
}
