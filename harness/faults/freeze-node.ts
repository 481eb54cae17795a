import { docker } from '../docker.ts';
import type { FaultKind } from '../model.ts';
import { containerOf, runningState, stateOf } from './container.ts';
import { nodeFault, sign } from './targets.ts';

/** Freezes every process of the node (the freezer's control group): connections stay open, nobody answers. Nothing may be run on it meanwhile. */
export const freezeNode: FaultKind = {
  name: 'freeze-node',
  help: 'every process of the node is frozen until the phase ends',
  endangers: 'machine',
  parameters: {},
  make: (spec) =>
    nodeFault(spec, {
      outside: true,
      async break(node, _cluster, run) {
        const container = containerOf(node);
        const before = await runningState(node, run.signal);
        const debt = { undo: 'thaw-node', container, mark: run.mark } as const;
        const owed = await run.ledger.owe(debt, { within: spec.deadline });
        run.signal.throwIfAborted();
        // No signal: cut off between client and daemon, nobody would know whether it was done.
        await docker(['pause', container]);
        owed.done();
        sign(run, spec, node, 'node frozen');
        return {
          async evidence() {
            const now = await stateOf(container, run.signal);
            const real = now.paused && now.startedAt === before.startedAt;
            return { real, detail: now.paused ? 'every process is frozen' : 'the node is not frozen' };
          },
          end: () => owed.settle(),
        };
      },
    }),
};
