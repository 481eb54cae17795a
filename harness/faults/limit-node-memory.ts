import { docker } from '../docker.ts';
import { type FaultKind, type FaultSpec, type Node, RefusedError, type Run, ToolError } from '../model.ts';
import { containerOf, isSignedLimit, runningState, signedLimit } from './container.ts';
import { refuseLimit } from './memory-bounds.ts';
import { forgetPeak, memoryBeforehand, memoryOf, pressureOf, ranIntoLimit } from './node-memory.ts';
import { givenAmount, inMiB } from './parameter.ts';
import { nodeFault, sign } from './targets.ts';

/** Takes memory away from a node, without swap. The kubelet does not see it; the kernel enforces it. */
export const limitNodeMemory: FaultKind = {
  name: 'limit-node-memory',
  help: 'the node (its container) may use no more than so much memory until the phase ends',
  endangers: 'kernel',
  parameters: { memory: { type: 'bytes', help: 'what the node may use in all', least: 64 * 1024 ** 2 } },
  make: (spec) => make(spec, givenAmount(spec, 'memory')),
  async refuse(spec, cluster) {
    const [node] = await memoryBeforehand(spec, cluster);
    return node && refuseLimit(givenAmount(spec, 'memory'), node);
  },
};

const make = (spec: FaultSpec, bytes: number) =>
  nodeFault(spec, {
    outside: true,
    async refuse(nodes, _cluster, run) {
      for (const node of nodes) {
        const { memory } = await runningState(node, run.signal);
        const reason = isSignedLimit(memory)
          ? `${node.name} is limited by ordeal already, to ${inMiB(memory)}: wait for that run, or say ordeal clean`
          : refuseLimit(bytes, await memoryOf(node));
        if (reason !== undefined) throw new RefusedError(`fault ${spec.name}: ${reason}`);
      }
    },
    async break(node, _cluster, run) {
      const container = containerOf(node);
      const before = await runningState(node, run.signal);
      await forgetPeak(node, run.signal);
      const pressure = await pressureOf(node);
      const debt = {
        undo: 'restore-node-memory',
        container,
        bytes: before.memory,
        ...(before.swap !== undefined && { swapBytes: before.swap }),
        mark: run.mark,
      } as const;
      const owed = await run.ledger.owe(debt, { within: spec.deadline });
      await limit(node, container, bytes, spec, run);
      owed.done();
      sign(run, spec, node, `node memory limited to ${inMiB(bytes)}`);
      return {
        async evidence() {
          const now = await pressureOf(node);
          // A limit that nobody ever ran into changed nothing.
          // The kernel counts in pages.
          const inForce = now.limit <= bytes && bytes - now.limit < 2 ** 16;
          const real = inForce && ranIntoLimit(pressure, now);
          const most = `${inMiB(now.peak)} at most, ${inMiB(now.usage)} now`;
          return {
            real,
            detail: `limit ${inMiB(now.limit)}, used: ${most}; limit hit ${now.hits - pressure.hits} times`,
          };
        },
        end: () => owed.settle(),
      };
    },
  });

/** The kernel refuses a limit below what is in use and cannot be given back. */
async function limit(node: Node, container: string, bytes: number, spec: FaultSpec, run: Run): Promise<void> {
  try {
    const signed = String(signedLimit(bytes));
    const most = ['--memory', signed, '--memory-swap', signed];
    run.signal.throwIfAborted();
    // No signal: cut off between client and daemon, nobody would know whether it was done.
    await docker(['update', ...most, container]);
  } catch (error) {
    if (!(error instanceof ToolError) || !/unable to set memory limit/.test(error.message)) throw error;
    const { usage } = await pressureOf(node);
    const what = `${node.name} uses ${inMiB(usage)} and cannot be limited to ${inMiB(bytes)}`;
    throw new RefusedError(`fault ${spec.name}: ${what}`, { cause: error });
  }
}
