import { pause } from '../kube/abortable.ts';
import { type Millis, type Node, type Probe, type Run, ToolError } from '../model.ts';
import { together, untilAborted } from './every.ts';
import { KernelLines, type Tenant } from './kernel-lines.ts';
import { kernelLog } from './kernel-log.ts';
import { Listener } from './listener.ts';
import { LogTally } from './log-tally.ts';
import { metricsOf } from './metrics.ts';
import { pollNodes, taken } from './poll-nodes.ts';
import { unitLog } from './unit-log.ts';

const name = 'node-logs';
const metrics = metricsOf(name);
const ofKernel = metrics.filter(({ name: metric }) => metric === 'node.oom-victims');
const ofAll = metrics.filter((metric) => !ofKernel.includes(metric));
const period: Millis = 2_000;
/** The time after which journald tells that it dropped lines, as it is shipped. */
const interval: Millis = 30_000;
/** All nodes should be heard by then; those that are not are told as not seen. */
const beginning: Millis = 15_000;
const boot = '/proc/sys/kernel/random/boot_id';

/**
 * Follows the logs of the kubelet and containerd on every node and the log of every kernel, and tells lines that have a known
 * signature. Each follower makes its log bring a sign of life again and again: silence is not the same as no news.
 */
export function nodeLogs(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) => (cluster.nodes?.length ? undefined : "the cluster's nodes cannot be reached from here"),
    async observe(cluster, run) {
      const nodes = cluster.nodes ?? [];
      const tally = new LogTally(run);
      const kernels = await kernelsOf(nodes, run, tally);
      const units = new Map(nodes.map((node) => [node, unitsOf(node, run, tally)]));
      const all = [...new Set([...units.values(), ...kernels.values()])];
      const first = Promise.withResolvers<void>();
      const watch = async (signal: AbortSignal) => {
        await untilAborted(Promise.race([Promise.all(all.map(heard(signal))), pause(beginning, signal)]), signal);
        // The kernel is heard by any node that has it, while the log of a node that starves may be late.
        const kernel = await pollNodes(run, signal, {
          source: `${name}/kernel`,
          every: period,
          nodes,
          metrics: () => ofKernel,
          look: async (node) => ({ certain: taken(kernels, node).check(), write: () => tally.flushVictims(true) }),
        });
        const both = await pollNodes(run, signal, {
          source: name,
          every: period,
          nodes,
          metrics: () => ofAll,
          look: async (node) => {
            const certain = Math.min(taken(units, node).check(), taken(kernels, node).check());
            return { certain, write: () => tally.flushSignatures(true) };
          },
        });
        first.resolve();
        await Promise.all([kernel.ended, both.ended]);
      };
      const listen = all.map((listener) => (signal: AbortSignal) => listener.listen(signal));
      const ended = together(run.signal, watch, ...listen).finally(() => {
        tally.flushVictims(false);
        tally.flushSignatures(false);
      });
      await Promise.race([first.promise, ended]);
      return { ended };
    },
  };
}

function unitsOf(node: Node, run: Run, tally: LogTally): Listener {
  const lost = (reason: string) =>
    tellLost(run, [name], Math.min(listener.heard, run.clock.now() - interval), `${node.name}: ${reason}`);
  const log = unitLog(node, run.clock, (entry, at) => tally.unit(node.name, entry, at), lost);
  const listener = new Listener(log, run.clock);
  return listener;
}

/** What was dropped since `from`, as far as is known. */
function tellLost(run: Run, sources: readonly string[], from: Millis, reason: string): void {
  for (const source of sources)
    run.journal.append({ kind: 'blind', source, from: Math.max(0, from), reason, explained: false, lost: true });
}

/** One listener for each kernel: nodes that are containers of one machine have the same. */
async function kernelsOf(nodes: readonly Node[], run: Run, tally: LogTally): Promise<ReadonlyMap<Node, Listener>> {
  const boots = await Promise.all(nodes.map(bootOf));
  const known = boots.find((each) => each !== undefined) ?? '';
  const groups = Map.groupBy(nodes, (node) => boots[nodes.indexOf(node)] ?? known);
  const listeners = new Map<Node, Listener>();
  for (const group of groups.values()) {
    const lines = new KernelLines(group.map(tenant));
    const lost = (reason: string) => tellLost(run, [name, `${name}/kernel`], listener.heard, reason);
    const take = (line: string) => {
      for (const each of lines.read(line)) {
        tally.kernel(each);
        if (each.lost !== undefined) lost(each.lost);
      }
    };
    const overrun = () => lost('the kernel dropped lines of its log before they were read');
    const listener = new Listener(kernelLog(group, run.clock, take, overrun), run.clock);
    for (const node of group) listeners.set(node, listener);
  }
  return listeners;
}

async function bootOf(node: Node): Promise<string | undefined> {
  try {
    return (await node.read([boot])).get(boot)?.trim();
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

function tenant({ name: node, ref }: Node): Tenant {
  return { node, ...(ref.via === 'docker' && { container: ref.container }) };
}

/** Until it was heard for the first time. */
const heard = (signal: AbortSignal) => async (listener: Listener) => {
  while (listener.heard === Number.NEGATIVE_INFINITY && !signal.aborted) await pause(50, signal);
};
