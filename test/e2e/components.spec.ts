import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { JournalEvent } from '../../harness/model.ts';
import { standing } from '../../harness/process.ts';
import { readLedger } from '../../harness/run/ledger.ts';
import { Ordeal } from './ordeal.ts';

const component = fileURLToPath(new URL('scenarios/component', import.meta.url));

const injected = (event: JournalEvent) => event.kind === 'injected';

describe('a component of a real cluster', function () {
  this.timeout('5m');

  it('does nothing while it is paused, and all of it afterwards', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('run', component, '--variant', 'paused');
    expect(code, err + out).to.equal(0);
    const proof = ordeal.events.find((event) => event.kind === 'evidenced');
    expect(proof).to.include({ fault: 'pause-component', real: true });
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('is no proof when somebody let it go: invalid, exit 3', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start('run', component, '--variant', 'paused');
    await ordeal.until(injected);
    const debt = readLedger(ordeal.folder).find(({ debt }) => debt.undo === 'resume-process')?.debt;
    if (debt?.undo !== 'resume-process') return expect.fail('nothing was owed');
    process.kill(debt.pid, 'SIGCONT');
    const { code, out } = await ran;
    expect(code, out).to.equal(3);
    expect(out)
      .to.match(/invalid/i)
      .and.to.contain('the fault pause-component was not real');
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('is let go after kill -9 of the harness by who cleans, and goes with the cluster', async () => {
    const ordeal = new Ordeal();
    const { process: harness, ran } = ordeal.start('run', component, '--variant', 'paused');
    await ordeal.until(injected);
    ordeal.kill(harness, 'watchdog');
    await ran;
    const debt = readLedger(ordeal.folder).find(({ debt }) => debt.undo === 'resume-process')?.debt;
    if (debt?.undo !== 'resume-process') return expect.fail('nothing was owed');
    expect(standing(debt)?.stopped).to.equal(true);
    const { code, out } = await ordeal.run('clean');
    expect(code, out).to.equal(0);
    expect(standing(debt)).to.equal(undefined);
    // Who waited to pay later has seen that it is paid.
    for (let round = 0; round < 300 && ordeal.residue().length > 0; round++) await sleep(100);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('fails who asks while it stands still, and that nobody sees anything then is no flaw of the run', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('run', component, '--variant', 'stalled', '--json');
    expect(code, err + out).to.equal(1);
    expect(JSON.parse(out), out).to.include({ status: 'failed', signatureShown: true });
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('that is killed on purpose is what happened, and no flaw of the run', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('run', component, '--variant', 'killed', '--json');
    expect(code, err + out).to.equal(1);
    expect(JSON.parse(out)).to.deep.include({ status: 'failed', signatureShown: true, limitsHeld: false, reasons: [] });
    const deaths = ordeal.events.filter((event) => event.kind === 'seen' && event.what === 'death');
    expect(deaths).to.have.length(1);
    expect(deaths[0]).to.deep.include({ subject: 'kube-scheduler', labels: { cause: 'signal' } });
    expect(ordeal.residue()).to.deep.equal([]);
  });
});
