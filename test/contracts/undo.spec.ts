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
import { startApi, startTheirApi } from './api.ts';
import { startComponent } from './component.ts';
import type { Edge, Ground } from './ground.ts';
import { startLink } from './link.ts';
import { startMachine } from './machine.ts';
import { startServer } from './server.ts';

const MiB = 2 ** 20;

interface Case {
  /** Which it is; that of its name when absent. */
  readonly fault?: string;
  readonly parameters?: FaultSpec['parameters'];
  /** Where it is injected; a machine of two nodes when absent. */
  readonly on?: (run: Run) => Promise<Ground>;
  /** Its deed begins when `inject` has returned: it is done when its `failing` resolves. */
  readonly later?: boolean;
  /** Why: what it does is undone with the run's own cluster, for which a server of the run stands. */
  readonly owesNothing?: string;
}

/** Every fault of the table: who adds a fault adds its line here. */
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
    owesNothing: 'the server and its files are the run’s own',
  },
  // Of the three nodes one is emptied, and uncordoned at once; the others are given up, and stay cordoned until the end.
  'drain-nodes': { parameters: { nodes: 3, every: 20, patience: 50 }, on: startApi, later: true },
  'drain-nodes in a cluster of somebody’s': {
    ...{ fault: 'drain-nodes', parameters: { nodes: 1, every: 20, patience: 50 } },
    ...{ on: startTheirApi, later: true },
  },
  'silence-nodes': { parameters: { nodes: 2 }, on: startApi },
  'black-hole': { parameters: { link: 'one' }, on: startLink },
  'slow-link': { parameters: { link: 'one', latency: 1 }, on: startLink },
  'reset-connections': { parameters: { link: 'one', every: 1000 }, on: startLink },
  'pause-component': { parameters: { component: 'etcd' }, on: startComponent },
  'stop-component': {
    parameters: { component: 'proxy' },
    owesNothing: 'the process was the run’s own, and nobody starts it again',
  },
  'kill-component': {
    parameters: { component: 'proxy' },
    owesNothing: 'the process was the run’s own, and nobody starts it again',
  },
};

/** A run whose harness lives until it is disposed, and a ledger on disk. */
function newRun(): Run & Disposable {
  const root = mkdtempSync(join(tmpdir(), 'ordeal-contract-'));
  const made = makeRunFolder({ runs: join(root, 'runs'), state: join(root, 'state') }, 'contract');
  const harness = new AbortController();
  return {
    ...made,
    ...{ clock: startClock(), journal: { append: () => {} }, ledger: openLedger(made.folder), signal: harness.signal },
    [Symbol.dispose]: () => harness.abort(new Error('the harness is dead')),
  };
}

async function inject(name: string, { cluster }: { readonly cluster: Cluster }, run: Run): Promise<Injected> {
  const { parameters = {}, later = false } = cases[name] ?? {};
  const { fault = name } = cases[name] ?? {};
  const spec = { name, fault, during: 'fault', after: 0, workers: 1, parameters, deadline: 600_000 };
  const injected = await (faults.get(fault) ?? expect.fail(`no fault ${fault}`)).make(spec).inject(cluster, run);
  if (later) await injected.failing?.();
  return injected;
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
    const covered = new Set(Object.entries(cases).map(([name, { fault = name }]) => fault));
    expect([...covered].sort()).to.deep.equal([...faults.keys()].sort());
  });

  for (const [name, { on = startMachine, owesNothing }] of Object.entries(cases)) {
    if (owesNothing !== undefined) continue;

    describe(name, () => {
      it('leaves the world as it was when the fault ends, and when it is ended twice', async () => {
        using run = newRun();
        await using ground = await on(run);
        const before = await ground.world();
        const injected = await inject(name, ground, run);
        expect(debtsOf(run)).not.to.be.empty;
        expect(await ground.world(), 'the deed was done').not.to.equal(before);
        await injected.end();
        await injected.end();
        expect(await ground.world()).to.equal(before);
        expect(readLedger(run.folder).every(({ settled }) => settled)).to.equal(true);
        await relieve(run);
      });

      it('is paid by whoever finds the debt, and changes nothing when it is paid again', async () => {
        using run = newRun();
        await using ground = await on(run);
        const before = await ground.world();
        await inject(name, ground, run);
        expect(await clean(run)).to.deep.equal([]);
        expect(await ground.world()).to.equal(before);
        await relieve(run);
        for (const debt of debtsOf(run).reverse()) await undo(debt, { folder: run.folder });
        expect(await ground.world()).to.equal(before);
      });

      it('is paid wherever the harness was killed: before the deed, in its middle, after it', async () => {
        const steps = await changesOf(name);
        for (const [step, edge] of cutsOf(steps)) {
          using run = newRun();
          await using ground = await on(run);
          const before = await ground.world();
          ground.cut(step, edge);
          const where = `killed ${edge} change ${step} of ${steps}`;
          expect(await failed(inject(name, ground, run)), where).to.equal(true);
          if ((await ground.world()) !== before) expect(debtsOf(run), `${where}: owed before done`).not.to.be.empty;
          run[Symbol.dispose]();
          ground.revive();
          expect(await clean(run), where).to.deep.equal([]);
          expect(await ground.world(), where).to.equal(before);
          await relieve(run);
        }
      });

      it('is paid by the next one where who paid it was killed in the middle of it', async () => {
        const steps = await changesOf(name, clean);
        for (const [step, edge] of cutsOf(steps)) {
          using run = newRun();
          await using ground = await on(run);
          const before = await ground.world();
          await inject(name, ground, run);
          run[Symbol.dispose]();
          ground.cut(step, edge);
          await clean(run);
          ground.revive();
          const where = `killed ${edge} change ${step} of ${steps}`;
          expect(await clean(run), where).to.deep.equal([]);
          expect(await ground.world(), where).to.equal(before);
          await relieve(run);
        }
      });

      it('is not paid where it would be a stranger’s, and stays owed', async () => {
        using run = newRun();
        await using ground = await on(run);
        await inject(name, ground, run);
        await ground.giveAway();
        const theirs = await ground.world();
        const owed = readLedger(run.folder).filter(({ settled }) => !settled);
        const unpaid = await clean(run);
        expect(unpaid).to.have.length(owed.length);
        for (const complaint of unpaid) expect(complaint).to.contain('not ours, left alone');
        expect(await ground.world()).to.equal(theirs);
        // Nobody is to pay it any more: who waits would try for a day.
        for (const pid of waiting(run.mark)) process.kill(pid, 'SIGKILL');
      });
    });
  }

  for (const [name, { owesNothing }] of Object.entries(cases)) {
    if (owesNothing === undefined) continue;
    describe(`${name}, which owes nothing itself: ${owesNothing}`, () => {
      const nothing = '1 processes of others';
      for (const [what, killed] of [
        ['after it was done', undefined],
        ['when the server died in the middle of it', 'server'],
        ['when the harness was killed before it told the server', 'before'],
        ['when the harness was killed after it told the server', 'after'],
      ] as const) {
        it(`goes with the run, once and twice, ${what}`, async () => {
          using run = newRun();
          await using server = await startServer(run);
          const owed = debtsOf(run);
          if (killed === 'server') await server.kill();
          else if (killed) server.fuse.cut(1, killed);
          const before = server.world();
          expect(await failed(inject(name, server, run))).to.equal(killed !== undefined);
          if (killed === undefined) expect(server.world(), 'the deed was done').not.to.equal(before);
          server.fuse.revive();
          expect(debtsOf(run)).to.deep.equal(owed);
          expect(server.world()).not.to.equal(nothing);
          expect(await clean(run)).to.deep.equal([]);
          expect(server.world()).to.equal(nothing);
          for (const debt of debtsOf(run).reverse()) await undo(debt, { folder: run.folder });
          expect(server.world()).to.equal(nothing);
        });
      }
    });
  }
});

/** How many changes it takes to inject the fault, or, with `then`, to do that afterwards. */
async function changesOf(name: string, then?: (run: Run) => Promise<unknown>): Promise<number> {
  using run = newRun();
  await using ground = await (cases[name]?.on ?? startMachine)(run);
  await inject(name, ground, run);
  const deeds = ground.deeds;
  await (then ?? clean)(run);
  await relieve(run);
  const count = then ? ground.deeds - deeds : deeds;
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
