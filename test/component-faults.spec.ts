import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { faults } from '../harness/faults/table.ts';
import type { Cluster, Death, EventBody, FaultSpec, JournalEvent, Run } from '../harness/model.ts';
import { Obituaries, Sight } from '../harness/probes/sight.ts';
import { type ProcessId, standing } from '../harness/process.ts';
import { hurry, waiting } from '../harness/run/arm.ts';
import { startClock } from '../harness/run/clock.ts';
import { openLedger, readLedger } from '../harness/run/ledger.ts';
import { undo } from '../harness/run/undo.ts';

const mark = randomBytes(8).toString('hex');
const started: ChildProcess[] = [];
const temporary = () => mkdtempSync(join(tmpdir(), 'ordeal-test-'));
const moduleOf = (path: string) => JSON.stringify(new URL(`../harness/${path}`, import.meta.url).href);
const messageOf = (work: Promise<unknown>): Promise<string> => work.then(() => '', String);

/** A program that counts as fast as it can. */
function busy(ours = true): ChildProcess & ProcessId {
  const env = { ...process.env, ...(ours && { ORDEAL_MARK: mark }) };
  const child = spawn('nice', ['sh', '-c', 'while :; do :; done'], { env, stdio: 'ignore' });
  started.push(child);
  const pid = child.pid ?? 0;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Object.assign(child, { pid, start: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' });
}

const stopped = (one: ProcessId) => standing(one)?.stopped;

/** Waits, at most 20 s, until it is so. */
async function until(what: () => boolean): Promise<boolean> {
  for (let round = 0; round < 200 && !what(); round++) await sleep(100);
  return what();
}

function clusterOf(etcd: ProcessId, death?: Death): Cluster {
  const components = [{ name: 'etcd', pid: etcd.pid, start: etcd.start }];
  return { provider: 'embedded', components, ...(death && { death: async () => death }) } as unknown as Cluster;
}

function newRun(): Run & { readonly seen: JournalEvent[] } {
  const folder = temporary();
  const seen: JournalEvent[] = [];
  const append: Run['journal']['append'] = (body) => seen.push({ t: 0, ...body });
  const ledger = openLedger(folder);
  const signal = new AbortController().signal;
  return { id: 'x', folder, mark, clock: startClock(), journal: { append }, ledger, signal, seen };
}

function made(fault: string, component = 'etcd', deadline = 600_000) {
  const spec: FaultSpec = {
    name: fault,
    fault,
    during: 'x',
    after: 0,
    workers: 0,
    parameters: { component },
    deadline,
  };
  return faults.get(fault)?.make(spec) ?? expect.fail(`no fault ${fault}`);
}

async function endAll(): Promise<void> {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  // Of a test that failed.
  await hurry(mark, 10_000);
}

describe('a component that is paused', function () {
  afterEach(endAll);
  this.timeout(60_000);

  it('stands still until the fault ends, and its undo was on disk before', async () => {
    const run = newRun();
    const etcd = busy();
    const injected = await made('pause-component').inject(clusterOf(etcd), run);
    expect(injected.targets).to.deep.equal(['etcd']);
    expect(stopped(etcd)).to.equal(true);
    expect(await injected.evidence()).to.deep.include({ real: true });
    const [owed] = readLedger(run.folder);
    expect(owed?.debt).to.deep.equal({ undo: 'resume-process', pid: etcd.pid, start: etcd.start, mark });
    expect(owed?.settled).to.equal(false);
    await injected.end();
    expect(stopped(etcd)).to.equal(false);
    expect(readLedger(run.folder)[0]?.settled).to.equal(true);
    expect(await until(() => waiting(mark).length === 0)).to.equal(true);
    expect(run.seen.map((event) => event.kind === 'seen' && event.subject)).to.deep.equal(['etcd']);
  });

  it('is no evidence when somebody let it go, let it go for a while, or ended it', async () => {
    for (const [signals, says] of [
      [['SIGCONT'], 'not stopped'],
      [['SIGCONT', 'SIGSTOP'], 'CPU time'],
      [['SIGKILL'], 'is gone'],
    ] as const) {
      const run = newRun();
      const etcd = busy();
      const injected = await made('pause-component').inject(clusterOf(etcd), run);
      for (const signal of signals) {
        process.kill(etcd.pid, signal);
        const { ticks = 0 } = standing(etcd) ?? {};
        // Even with the whole machine against it.
        const had = () => (standing(etcd)?.ticks ?? Number.POSITIVE_INFINITY) > ticks + 20;
        expect(await until(() => (signal === 'SIGSTOP' ? stopped(etcd) === true : had()))).to.equal(true);
      }
      const { real, detail } = await injected.evidence();
      expect(real, detail).to.equal(false);
      expect(detail).to.include(says);
      await injected.end();
    }
  });

  it('explains that nobody answers while it stands still and a moment after, not beyond, and no answer that was given', async () => {
    const etcd = busy();
    const obituaries = new Obituaries(clusterOf(etcd), ['kube-apiserver', 'etcd']);
    const other = new Obituaries(clusterOf(etcd), ['kube-apiserver']);
    expect(obituaries.unexplained('ETIMEDOUT', 100)).to.equal(100);
    const injected = await made('pause-component').inject(clusterOf(etcd), newRun());
    const codes = ['ETIMEDOUT', 504, 403, 'deaf'];
    expect(codes.map((code) => obituaries.unexplained(code, 100))).to.deep.equal([0, 0, 100, 100]);
    expect(other.unexplained('ETIMEDOUT', 100)).to.equal(100);
    await injected.end();
    expect(obituaries.unexplained('ETIMEDOUT', 100)).to.equal(0);
    expect(await until(() => obituaries.unexplained('ETIMEDOUT', 100) === 100)).to.equal(true);
    // It began while etcd stood still, and went on when that was long over.
    const run = newRun();
    const told: { from: number; to: number; explained: boolean }[] = [];
    const journal = {
      append: (event: EventBody, to = 0) => {
        if (event.kind === 'blind') told.push({ from: event.from, to, explained: event.explained });
      },
    };
    const sight = new Sight({ ...run, journal }, 'x', obituaries);
    sight.gap({ from: 0, to: 60_000, reason: 'no answer', code: 'ETIMEDOUT', explained: false });
    expect(told.map(({ explained }) => explained)).to.deep.equal([true, false]);
    expect([told[0]?.from, told[0]?.to, told[1]?.to]).to.deep.equal([0, told[1]?.from, 60_000]);
    sight.gap({ from: 0, to: 60_000, reason: 'refused', code: 'ECONNREFUSED', explained: true });
    expect(told[2]).to.deep.equal({ from: 0, to: 60_000, explained: true });
  });

  it('is let go by another process when the harness was killed in the middle of it', async () => {
    const folder = temporary();
    const etcd = busy();
    const source = `import { openLedger } from ${moduleOf('run/ledger.ts')};
      const debt = { undo: 'resume-process', pid: ${etcd.pid}, start: '${etcd.start}', mark: '${mark}' };
      await openLedger('${folder}').owe(debt, { within: 10_000 });
      process.kill(${etcd.pid}, 'SIGSTOP');
      process.kill(process.pid, 'SIGKILL');`;
    const harness = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'inherit' });
    expect((await once(harness, 'exit'))[1]).to.equal('SIGKILL');
    expect(await until(() => stopped(etcd) === false)).to.equal(true);
    expect(await until(() => readLedger(folder)[0]?.settled === true)).to.equal(true);
    expect(await until(() => waiting(mark).length === 0)).to.equal(true);
  });

  it('is let go after a deed that was half done or not done at all, once or twice', async () => {
    const etcd = busy();
    const debt = { undo: 'resume-process', pid: etcd.pid, start: etcd.start, mark } as const;
    const ledger = openLedger(temporary());
    await ledger.owe(debt);
    expect(await ledger.payAll()).to.deep.equal([]);
    expect(stopped(etcd)).to.equal(false);
    process.kill(etcd.pid, 'SIGSTOP');
    await Promise.all([undo(debt), undo(debt)]);
    await undo(debt);
    expect(stopped(etcd)).to.equal(false);
    etcd.kill('SIGKILL');
    await once(etcd, 'exit');
    await undo(debt);
  });

  it('is never mistaken for a stranger', async () => {
    const stranger = busy(false);
    const [later, ours] = [busy(), busy()];
    for (const { pid } of [stranger, later, ours]) process.kill(pid, 'SIGSTOP');
    const debtOf = ({ pid, start }: ProcessId) => ({ undo: 'resume-process', pid, start, mark }) as const;
    expect(await messageOf(undo(debtOf(stranger)))).to.include('not ours, left alone');
    // It got the number of one that is gone.
    await undo(debtOf({ pid: later.pid, start: '1' }));
    await undo(debtOf(ours));
    expect(await until(() => stopped(ours) === false)).to.equal(true);
    expect([stopped(stranger), stopped(later)]).to.deep.equal([true, true]);
    for (const wrong of [{ pid: 1 }, { pid: -1 }, { pid: '2' }, { start: '' }, { start: '1; kill' }, { signal: 9 }])
      expect(await messageOf(undo({ ...debtOf(ours), ...wrong } as never))).to.include('not a debt');
  });
});

describe('a component that is ended', function () {
  afterEach(endAll);
  this.timeout(60_000);
  const death: Death = { component: 'etcd', at: 0, lastLines: [] };

  for (const [fault, signal, others] of [
    ['kill-component', 'SIGKILL', [{ exitCode: 0 }, { signal: 'SIGTERM' }, { signal: 'SIGKILL', oom: true }, {}]],
    ['stop-component', 'SIGTERM', [{ signal: 'SIGKILL' }, { signal: 'SIGKILL', oom: true }, { exitCode: 2 }, {}]],
  ] as const) {
    it(`is gone for good, and it is known that ${fault} did it`, async () => {
      const etcd = busy();
      const injected = await made(fault).inject(clusterOf(etcd, { ...death, signal }), newRun());
      expect(await until(() => standing(etcd) === undefined)).to.equal(true);
      expect(await injected.evidence()).to.deep.equal({ real: true, detail: `etcd ended: ${signal}` });
      await injected.end();
      await injected.end();
    });

    it(`is no evidence for ${fault} when it ended otherwise, or nobody can say how`, async () => {
      for (const end of others) {
        const injected = await made(fault).inject(clusterOf(busy(), { ...death, ...end }), newRun());
        expect((await injected.evidence()).real, JSON.stringify(end)).to.equal(false);
      }
      const injected = await made(fault).inject(clusterOf(busy()), newRun());
      expect((await injected.evidence()).real).to.equal(false);
    });
  }
});

describe('a fault of a component', () => {
  afterEach(endAll);
  for (const name of ['pause-component', 'stop-component', 'kill-component']) {
    it(`says why it cannot be: ${name}`, async () => {
      const etcd = busy();
      expect(await made(name).unavailable({ provider: 'kind' } as unknown as Cluster)).to.include('none of ours');
      expect(await made(name, 'kube-scheduler').unavailable(clusterOf(etcd))).to.include('has no kube-scheduler');
      expect(await made(name).unavailable(clusterOf(etcd))).to.equal(undefined);
      const other = clusterOf({ pid: etcd.pid, start: '1' });
      expect(await messageOf(made(name).inject(other, newRun()))).to.include('is gone already');
      expect(stopped(etcd)).to.equal(false);
    });
  }
});
