import { docker } from '../docker.ts';
import type { FaultKind } from '../model.ts';
import { containerOf, runningState, stateOf } from './container.ts';
import { nodeFault, sign } from './targets.ts';

/** Kills the node's container, as when the power fails. A killed container stays off, whatever its restart policy. */
export const powerOffNode: FaultKind = {
  name: 'power-off-node',
  help: 'the node loses its power (its container is killed) until the phase ends',
  endangers: 'machine',
  parameters: {},
  make: (spec) =>
    nodeFault(spec, {
      outside: true,
      async break(node, _cluster, run) {
        const container = containerOf(node);
        const before = await runningState(node, run.signal);
        const debt = { undo: 'power-on-node', container, mark: run.mark } as const;
        const owed = await run.ledger.owe(debt, { within: spec.deadline });
        run.signal.throwIfAborted();
        // No signal: cut off between client and daemon, nobody would know whether it was done.
        await docker(['kill', container]);
        owed.done();
        sign(run, spec, node, 'node powered off');
        return {
          async evidence() {
            const now = await stateOf(container, run.signal);
            const real = !now.running && now.startedAt === before.startedAt && now.finishedAt !== before.finishedAt;
            const is = now.running ? `on since ${now.startedAt}` : `off since ${now.finishedAt}`;
            return { real, detail: `the node is ${is}` };
          },
          async end() {
            await owed.settle();
            const [was, is] = [before, await stateOf(container, run.signal)].map(({ addresses }) =>
              addresses.join(' '),
            );
            if (was === is) return;
            // Docker gives the address of a container that is off to whoever asks next.
            const text = `node ${node.name} came back with another address (${was} → ${is}); its kubelet may still report the old one`;
            run.journal.append({ kind: 'progress', text });
          },
        };
      },
    }),
};
