import type { Labels, MetricSpec, Millis, Run } from '../model.ts';
import { Growth } from './growth.ts';
import type { NodeReading } from './node-reading.ts';

const gauges = {
  'node.memory.usage': 'usage',
  'node.memory.working-set': 'workingSet',
  'node.memory.limit': 'limit',
  'node.memory.available': 'available',
} as const satisfies Record<string, keyof NodeReading>;
const counters = {
  'node.cpu.throttled': 'throttled',
  'node.io.served': 'io',
} as const satisfies Record<string, keyof NodeReading>;
/** When the node that told of a kernel is silent for so long, another one of that kernel does. */
const patience: Millis = 2_500;

/** Nodes may share a kernel: its counters are told once, under the name of the node that told them first. */
export class Kernels {
  readonly #known = new Map<string, { readonly growth: Growth; readonly name: string; node: string; at: Millis }>();

  grown(boot: string, node: string, kills: number, now: Millis): { name: string; by: number } | undefined {
    const kernel = this.#known.get(boot) ?? { growth: new Growth(), name: node, node, at: now };
    this.#known.set(boot, kernel);
    if (kernel.node !== node && now - kernel.at < patience) return undefined;
    kernel.node = node;
    kernel.at = now;
    return { name: kernel.name, by: kernel.growth.since(new Map([['', kills]])).get('') ?? 0 };
  }
}

/** Journals what one node's files say. */
export class NodeSamples {
  readonly #run: Run;
  readonly #node: string;
  readonly #kernels: Kernels;
  /** The latest reading. */
  latest: NodeReading | undefined;

  constructor(run: Run, node: string, kernels: Kernels) {
    this.#run = run;
    this.#node = node;
    this.#kernels = kernels;
  }

  take(reading: NodeReading): () => void {
    this.latest = reading;
    return () => {
      for (const [metric, key] of Object.entries({ ...gauges, ...counters })) {
        const value = reading[key];
        if (value !== undefined) this.#sample(metric, value);
      }
      for (const [resource, value] of reading.pressure) this.#sample('node.psi', value, { resource });
      const { boot, kernelOomKills } = reading;
      if (boot === undefined || kernelOomKills === undefined) return;
      const grown = this.#kernels.grown(boot, this.#node, kernelOomKills, this.#run.clock.now());
      if (grown) this.#sample('kernel.oom-kills', grown.by, { node: grown.name });
    };
  }

  #sample(metric: string, value: number, labels: Labels = {}): void {
    this.#run.journal.append({ kind: 'sample', metric, labels: { node: this.#node, ...labels }, value });
  }
}

/** What the nodes' kernels have of it. */
export function promisedBy(
  readings: readonly (NodeReading | undefined)[],
  metrics: readonly MetricSpec[],
): readonly MetricSpec[] {
  const some = (has: (reading: NodeReading) => boolean) => readings.some((reading) => reading && has(reading));
  const absent = new Set<string>();
  for (const [metric, key] of Object.entries({ ...gauges, ...counters }))
    if (!some((reading) => reading[key] !== undefined)) absent.add(metric);
  if (!some(({ pressure }) => pressure.size > 0)) absent.add('node.psi');
  if (!some(({ kernelOomKills }) => kernelOomKills !== undefined)) absent.add('kernel.oom-kills');
  return metrics.filter(({ name }) => !absent.has(name));
}
