import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JournalEvent } from '../../harness/model.ts';
import { watchdogs } from '../../harness/run/watched.ts';
import { Ordeal, phase, quick, tooBusy } from './ordeal.ts';

const run = ['run', quick, '--variant', 'sound'];
const creating = (event: JournalEvent) => event.kind === 'progress' && event.text.startsWith('creating');

describe('putting everything back', function () {
  this.timeout('10m');

  for (const [name, moment] of [
    ['while the cluster is created', creating],
    ...['warmup', 'steady', 'fault', 'recovery'].map((name) => [`in the phase ${name}`, phase(name)] as const),
  ] as const) {
    it(`leaves nothing and exits 130 after SIGINT ${name}`, async () => {
      const ordeal = new Ordeal();
      const { process, ran } = ordeal.start(...run);
      await ordeal.until(moment);
      process.kill('SIGINT');
      const { code, out, err } = await ran;
      expect(code, out + err).to.equal(130);
      expect(ordeal.residue()).to.deep.equal([]);
      expect(await ordeal.run('clean')).to.include({ code: 0, out: 'nothing is owed\n' });
      expect(readFileSync(join(ordeal.folder, 'summary.md'), 'utf8')).to.match(/interrupted/i);
    });
  }

  it('pays by its watchdog after kill -9 of the harness, and clean finds nothing to do', async () => {
    const ordeal = new Ordeal();
    const { process, ran } = ordeal.start(...run);
    await ordeal.until(phase('fault'));
    ordeal.kill(process);
    await ran;
    await ordeal.watched();
    expect(ordeal.residue()).to.deep.equal([]);
    expect(await ordeal.run('clean')).to.include({ code: 0, out: 'nothing is owed\n' });
    expect((await ordeal.run('report', 'last')).out).to.match(/cut short/);
  });

  it('is refused, and nothing is made, when nobody can watch over it', async () => {
    const ordeal = new Ordeal({ NODE_OPTIONS: `--import ${new URL('no-watchdog.mjs', import.meta.url)}` });
    const { code, err } = await ordeal.run(...run);
    expect(code, err).to.equal(2);
    expect(err).to.contain('nobody watches over the run, so nothing was done: it ended at once');
    expect(readdirSync(join(ordeal.cwd, 'runs'))).to.deep.equal([]);
    expect(await ordeal.run('clean')).to.include({ code: 0, out: 'nothing is owed\n' });
  });

  it('goes on when its watchdog dies, and says so', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start(...run);
    await ordeal.until(phase('steady'));
    for (const pid of watchdogs(ordeal.entry.mark)) process.kill(pid, 'SIGKILL');
    await ran;
    expect(ordeal.events.find(({ kind }) => kind === 'ended')).to.include({ how: 'completed' });
    const told = ordeal.events.filter((event) => event.kind === 'progress' && event.text.includes('watchdog died'));
    expect(told).to.have.length(1);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('pays after kill -9 of the harness and its watchdog what it owed, and still reports a run that was cut short', async () => {
    const ordeal = new Ordeal();
    const { process, ran } = ordeal.start(...run);
    await ordeal.until(phase('fault'));
    ordeal.kill(process, 'watchdog');
    await ran;
    expect(ordeal.residue()).not.to.deep.equal([]);
    const { code, out } = await ordeal.run('clean');
    expect(code, out).to.equal(0);
    expect(ordeal.residue()).to.deep.equal([]);
    expect((await ordeal.run('clean')).out).to.equal('nothing is owed\n');
    const report = await ordeal.run('report', 'last');
    expect(report.code).to.equal(3);
    expect(report.out).to.match(/cut short/);
    expect(readFileSync(join(ordeal.folder, 'report.html'), 'utf8')).to.match(/cut short/);
  });

  it('pays even when somebody removed the folder of the dead run, and its ledger with it', async () => {
    const ordeal = new Ordeal();
    const { process, ran } = ordeal.start(...run);
    await ordeal.until(phase('steady'));
    const { entry } = ordeal;
    ordeal.kill(process, 'watchdog');
    await ran;
    rmSync(join(ordeal.cwd, 'runs'), { recursive: true, force: true });
    expect(ordeal.residue(entry)).not.to.deep.equal([]);
    const { code, out } = await ordeal.run('clean');
    expect(code, out).to.equal(0);
    expect(ordeal.residue(entry)).to.deep.equal([]);
  });

  it('cleans up although the terminal that it spoke to is gone', async () => {
    const ordeal = new Ordeal();
    const { process, ran } = ordeal.start(...run);
    await ordeal.until(phase('steady'));
    process.stdout?.destroy();
    process.stderr?.destroy();
    process.kill('SIGHUP');
    expect((await ran).code).to.equal(130);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('does not touch a run that is still alive', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start(...run);
    await ordeal.until(phase('steady'));
    expect((await ordeal.run('clean')).out).to.equal('nothing is owed\n');
    const { code, out } = await ran;
    // A busy machine may be too slow for the load; but nobody ended the run or took its cluster away.
    expect(code, out).to.be.oneOf([0, 3]);
    expect(ordeal.reasons.filter((reason) => !tooBusy.test(reason))).to.deep.equal([]);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('marks the gap and reports the death when the API server is killed from outside, and does not pass', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start(...run);
    await ordeal.until(phase('fault'));
    const facts = ordeal.events.find((event) => event.kind === 'cluster');
    const pid = facts?.components.find(({ name }) => name === 'kube-apiserver')?.pid;
    process.kill(pid ?? Number.NaN, 'SIGKILL');
    const { code, out } = await ran;
    expect(code, out).to.be.oneOf([1, 3]);
    const death = ordeal.events.find((event) => event.kind === 'seen' && event.what === 'death');
    expect(death).to.include({ subject: 'kube-apiserver' });
    expect(ordeal.events.some((event) => event.kind === 'blind')).to.equal(true);
    expect(out).to.contain('kube-apiserver');
    expect(ordeal.residue()).to.deep.equal([]);
  });
});
