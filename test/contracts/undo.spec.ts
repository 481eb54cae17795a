import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { faults } from '../../harness/faults/table.ts';
import type { Cluster, FaultSpec, Injected, Run } from '../../harness/model.ts';
import { hurry, waiting } from '../../harness/run/arm.ts';
import { startClock } from '../../harness/run/clock.ts';
import { makeRunFolder } from '../../harness/run/folder.ts';
import { openLedger, readLedger } from '../../harness/run/ledger.ts';
import { undo } from '../../harness/run/undo.ts';
import { type Edge, otherMark, startMachine } from './machine.ts';
import { type Server, startServer } from './server.ts';

const MiB = 2 ** 20;

interface Case {
  readonly parameters?: FaultSpec['parameters'];
  /** What it does is undone with the run's own cluster, on which it owes nothing itself: what stands for such a cluster. */
  readonly ofTheRun?: (run: Run, otherMark: string) => Promise<Server>;
}

/** Every fault of the table, by default on a machine of two nodes: who adds a fault adds its line here. */
const cases: Readonly<Record<string, Case>> = {
  'stop-kubelet': {},
  'pause-kubelet': {},
  'kill-kubelet': { parameters: { mode: 'again', every: 500 } },
  'stop-runtime': {},
  'kill-runtime': { parameters: { mode: 'once', every: 500 } },
  'power-off-node': {},
  'freeze-node': {},
  'limit-node-memory': { parameters: { memory: 64 * MiB } },
  'memory-hog': {
    parameters: {
      ...{ qos: 'BestEffort', pods: 2, total: MiB, step: MiB, every: 100 },
      ...{ restart: 'Never', medium: 'heap', image: 'x' },
    },
  },
  'throttle-node-io': { parameters: { iops: 20 } },
  'fill-node-disk': { parameters: { bytes: 4096 } },
  'reload-server': {
    parameters: { server: 'proxy', file: 'pods.conf', by: 'more.conf', every: 1000 },
    ofTheRun: startServer,
  },
};

/** A run whose harness lives, and a ledger on disk. */
function newRun(): Run {
  const root = mkdtempSync(join(tmpdir(), 'ordeal-contract-'));
  const made = makeRunFolder({ runs: join(root, 'runs'), state: join(root, 'state') }, 'contract');
  const { signal } = new AbortController();
  return { ...made, clock: startClock(), journal: { append: () => {} }, ledger: openLedger(made.folder), signal };
}

function inject(name: string, { cluster }: { readonly cluster: Cluster }, run: Run): Promise<Injected> {
  const parameters = cases[name]?.parameters ?? {};
  const spec = { name, fault: name, during: 'fault', after: 0, workers: 1, parameters, deadline: 600_000 };
  return (faults.get(name) ?? expect.fail(`no fault ${name}`)).make(spec).inject(cluster, run);
}

/** Whoever comes after the harness, as `ordeal clean` does: it knows the run's folder and nothing else. */
async function clean({ folder }: Run): Promise<readonly string[]> {
  const unpaid = await openLedger(folder).payAll();
  return unpaid.map(({ debt, error }) => `${debt?.undo}: ${error}`);
}

/** Tells the processes that were to pay later that it is done. */
async function relieve({ mark }: Run): Promise<void> {
  expect(await hurry(mark, 20_000), 'nobody waits to pay what is paid').to.deep.equal([]);
}

const debtsOf = ({ folder }: Run) => readLedger(folder).map(({ debt }) => debt);

describe('the undo of every fault', function () {
  this.timeout('3m');

  it('has a case in this contract for each fault of the table, and no other', () => {
    expect(Object.keys(cases).sort()).to.deep.equal([...faults.keys()].sort());
  });

  for (const [name, { ofTheRun }] of Object.entries(cases)) {
    if (ofTheRun) continue;

    describe(name, () => {
      it('leaves the world as it was when the fault ends, and when it is ended twice', async () => {
        await using machine = await startMachine();
        const before = machine.world();
        const run = newRun();
        const injected = await inject(name, machine, run);
        expect(debtsOf(run)).not.to.be.empty;
        expect(machine.world(), 'the deed was done').not.to.equal(before);
        await injected.end();
        await injected.end();
        expect(machine.world()).to.equal(before);
        expect(readLedger(run.folder).every(({ settled }) => settled)).to.equal(true);
        await relieve(run);
      });

      it('is paid by whoever finds the debt, and changes nothing when it is paid again', async () => {
        await using machine = await startMachine();
        const before = machine.world();
        const run = newRun();
        await inject(name, machine, run);
        expect(await clean(run)).to.deep.equal([]);
        expect(machine.world()).to.equal(before);
        await relieve(run);
        const paid = machine.world();
        for (const debt of debtsOf(run).reverse()) await undo(debt, { folder: run.folder });
        expect(machine.world()).to.equal(paid);
      });

      it('is paid wherever the harness was killed: before the deed, in its middle, after it', async () => {
        const steps = await changesOf(name);
        for (const [step, edge] of cutsOf(steps)) {
          await using machine = await startMachine();
          const before = machine.world();
          const run = newRun();
          machine.cut(step, edge);
          const where = `killed ${edge} change ${step} of ${steps}`;
          expect(await failed(inject(name, machine, run)), where).to.equal(true);
          if (machine.world() !== before) expect(debtsOf(run), `${where}: owed before done`).not.to.be.empty;
          machine.revive();
          expect(await clean(run), where).to.deep.equal([]);
          expect(machine.world(), where).to.equal(before);
          await relieve(run);
        }
      });

      it('is paid by the next one where who paid it was killed in the middle of it', async () => {
        const steps = await changesOf(name, clean);
        for (const [step, edge] of cutsOf(steps)) {
          await using machine = await startMachine();
          const before = machine.world();
          const run = newRun();
          await inject(name, machine, run);
          machine.cut(step, edge);
          await clean(run);
          machine.revive();
          const where = `killed ${edge} change ${step} of ${steps}`;
          expect(await clean(run), where).to.deep.equal([]);
          expect(machine.world(), where).to.equal(before);
          await relieve(run);
        }
      });

      it('is not paid on a stranger’s machine, and stays owed', async () => {
        await using machine = await startMachine();
        const run = newRun();
        await inject(name, machine, run);
        machine.giveAwayNodes();
        const theirs = machine.world();
        const unpaid = await clean(run);
        expect(unpaid).to.have.length(debtsOf(run).length);
        for (const complaint of unpaid) expect(complaint).to.contain('not ours, left alone');
        expect(machine.world()).to.equal(theirs);
        // Nobody is to pay it any more: who waits would try for a day.
        for (const pid of waiting(run.mark)) process.kill(pid, 'SIGKILL');
      });
    });
  }

  for (const [name, { ofTheRun }] of Object.entries(cases)) {
    if (!ofTheRun) continue;
    describe(name, () => {
      const before = '1 processes of others';
      for (const [what, killed] of [
        ['after it was done', false],
        ['when the server died in the middle of it', true],
      ] as const) {
        it(`owes nothing itself, and goes with the run, once and twice, ${what}`, async () => {
          const run = newRun();
          await using server = await ofTheRun(run, otherMark);
          const owed = debtsOf(run);
          if (killed) await server.kill();
          expect(await failed(inject(name, server, run))).to.equal(killed);
          expect(debtsOf(run)).to.deep.equal(owed);
          expect(server.world()).not.to.equal(before);
          expect(await clean(run)).to.deep.equal([]);
          expect(server.world()).to.equal(before);
          for (const debt of debtsOf(run).reverse()) await undo(debt, { folder: run.folder });
          expect(server.world()).to.equal(before);
        });
      }
    });
  }
});

/** How many changes of the machine it takes to inject the fault, or, with `then`, to do that afterwards. */
async function changesOf(name: string, then?: (run: Run) => Promise<unknown>): Promise<number> {
  await using machine = await startMachine();
  const run = newRun();
  await inject(name, machine, run);
  const deeds = machine.deeds;
  await (then ?? clean)(run);
  await relieve(run);
  const count = then ? machine.deeds - deeds : deeds;
  expect(count).to.be.greaterThan(0);
  return count;
}

const cutsOf = (steps: number) =>
  Array.from({ length: steps }, (_, index) => index + 1).flatMap((step): [number, Edge][] => [
    [step, 'before'],
    [step, 'after'],
  ]);

const failed = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => false,
    () => true,
  );
