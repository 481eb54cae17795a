import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { askOf } from '../../harness/access/ask.ts';
import { readAccess } from '../../harness/access/kubeconfig.ts';
import { setSwitch } from '../../harness/access/switch.ts';
import type { JournalEvent } from '../../harness/model.ts';
import { standing } from '../../harness/process.ts';
import { readLedger } from '../../harness/run/ledger.ts';
import { Ordeal } from './ordeal.ts';

const scenario = fileURLToPath(new URL('scenarios/stop', import.meta.url));
const injected = (event: JournalEvent) => event.kind === 'injected';

/** What the report says of a run that was stopped, and that nothing is left of it. */
async function expectStopped(ordeal: Ordeal, why: RegExp): Promise<void> {
  expect(ordeal.reasons).to.have.length(1);
  expect(ordeal.reasons[0]).to.match(why);
  for (const report of ['summary.md', 'report.html', 'junit.xml'])
    expect(readFileSync(join(ordeal.folder, report), 'utf8'), report).to.match(/stopped/);
  expect(ordeal.events.find(({ kind }) => kind === 'ended')).to.include({ how: 'stopped' });
  expect(readLedger(ordeal.folder).every(({ settled }) => settled)).to.equal(true);
  expect(ordeal.residue()).to.deep.equal([]);
  expect(await ordeal.run('clean')).to.include({ code: 0, out: 'nothing is owed\n' });
}

describe('a run that is stopped', function () {
  this.timeout('2m');

  it('halts by ordeal stop, puts everything back, and no other begins until the switch is lifted', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start('run', scenario, scenario, '--variant', 'paused');
    await ordeal.until(injected);
    const debt = readLedger(ordeal.folder).find(({ debt }) => debt.undo === 'resume-process')?.debt;
    if (debt?.undo !== 'resume-process') return expect.fail('nothing was owed');
    expect(standing(debt)?.stopped).to.equal(true);
    const stopped = await ordeal.run('stop');
    expect(stopped.code, stopped.err).to.equal(0);
    expect(stopped.out).to.match(/the switch is set/);
    expect(stopped.out).to.contain(`${basename(ordeal.folder)}: halted, and everything put back, in `);
    expect(standing(debt)).to.equal(undefined);
    const { code, out } = await ran;
    expect(code, out).to.equal(3);
    expect(out).to.match(/stopped: ordeal stop by .* on .* at 2/);
    const event = ordeal.events.find(({ kind }) => kind === 'stopped');
    expect(event).to.include.keys('by', 'set', 'halted').and.to.include({ how: 'switch' });
    await expectStopped(ordeal, /^stopped: ordeal stop by /);
    expect(readdirSync(join(ordeal.cwd, 'runs'))).to.have.length(1);

    for (const args of [
      ['run', scenario, '--variant', 'paused'],
      ['prove', 'list-flood'],
      ['suite', 'x.yaml'],
    ]) {
      const refused = await ordeal.run(...args);
      expect(refused.code, refused.err).to.equal(2);
      expect(refused.err).to.match(
        /the switch is set \(ordeal stop by .*\): no run begins here until ordeal stop --lift/,
      );
    }
    expect(await ordeal.run('stop', '--lift')).to.include({ code: 0, out: 'lifted: runs may begin again\n' });
    expect(await ordeal.run('stop', 'nobody')).to.include({ code: 2 });
  });

  it('halts by its id alone, or by a ConfigMap that anybody sets in its cluster', async () => {
    const ordeal = new Ordeal();
    const first = ordeal.start('run', scenario, '--variant', 'paused');
    await ordeal.until(injected);
    expect(await ordeal.run('stop', basename(ordeal.folder))).to.include({ code: 0 });
    expect((await first.ran).code).to.equal(3);
    await expectStopped(ordeal, /^stopped: ordeal stop by /);
    expect((await ordeal.run('stop', '--lift')).out).to.equal('the switch was not set\n');

    const other = new Ordeal();
    const second = other.start('run', scenario, '--variant', 'paused');
    await other.until(injected);
    const access = await readAccess(join(other.folder, 'cluster', 'admin.kubeconfig'), 'ordeal');
    await setSwitch(askOf(access), 'alice\u001b[2J');
    const { code, out } = await second.ran;
    expect(code, out).to.equal(3);
    expect(out).not.to.contain('\u001b[2J');
    await expectStopped(other, /^stopped: the switch in the cluster .*ConfigMap stop .* set by alice/);
  });

  it('halts when a rule of its own is met', async () => {
    const ordeal = new Ordeal();
    const { code, out } = await ordeal.run('run', scenario, '--variant', 'ruled');
    expect(code, out).to.equal(3);
    expect(out).to.contain('stopped by its rule: component.deaths >= 1 was met: 1');
    await expectStopped(ordeal, /^stopped by its rule: component\.deaths >= 1 was met: 1$/);
  });

  it('halts when it does not see the switch in the cluster for too long', async () => {
    const ordeal = new Ordeal();
    const { code, out } = await ordeal.run('run', scenario, '--variant', 'blind');
    expect(code, out).to.equal(3);
    await expectStopped(ordeal, /^stopped: the switch in the cluster was out of sight for \d+\.\d s/);
  });
});
