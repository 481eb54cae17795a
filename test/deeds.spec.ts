import { expect } from 'chai';
import { faults } from '../harness/faults/table.ts';
import type { Cluster, Executed, FaultSpec, Node, Run } from '../harness/model.ts';
import { startClock } from '../harness/run/clock.ts';

describe('the deed of a fault', () => {
  const deeds = { 'stop-kubelet': 'stop', 'pause-kubelet': '--signal=STOP' } as const;
  for (const [name, word] of Object.entries(deeds)) {
    it(`is done to its end when the run is aborted in the middle of it, and is then on the books: ${name}`, async () => {
      const abort = new AbortController();
      const told: string[] = [];
      const node = {
        name: 'n',
        role: 'worker',
        ref: { via: 'docker', container: 'a'.repeat(64) },
        outside: true,
        async exec(command, { signal } = {}): Promise<Executed> {
          signal?.throwIfAborted();
          if (command.includes(word)) {
            abort.abort(new Error('enough'));
            expect(signal?.aborted).not.to.equal(true);
            told.push(word);
          }
          const stdout = 'ActiveState=active\nMainPID=7\nNRestarts=0\nActiveEnterTimestampMonotonic=1\n';
          return { exitCode: 0, stdout, stderr: '' };
        },
      } satisfies Partial<Node> as unknown as Node;
      const run: Run = {
        id: 'x',
        folder: '/nowhere',
        mark: 'feedfacefeedface',
        clock: startClock(),
        journal: { append: () => undefined },
        ledger: {
          owe: async () => ({
            done: () => {
              told.push('done');
            },
            settle: async () => undefined,
          }),
        },
        signal: abort.signal,
      };
      const spec: FaultSpec = { name, fault: name, during: 'x', after: 0, workers: 1, parameters: {}, deadline: 9000 };
      await faults
        .get(name)
        ?.make(spec)
        .inject({ nodes: [node] } as unknown as Cluster, run);
      expect(told).to.deep.equal([word, 'done']);
    });
  }
});
