import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { skip } from '../skip.ts';
import { Ordeal } from './ordeal.ts';

describe('ingress-hammer', function () {
  this.timeout('15m');

  before(function () {
    const there = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].some((file) => existsSync(file)) || isOnPath();
    if (!there) skip(this, 'there is no nginx here: setup-debian.sh installs it');
  });

  it('fails other clients without limits: 503 and 504, also by a worker that outlives the reload', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.runLoad('run', 'ingress-hammer', '--variant', 'unlimited', '--json');
    expect(code, out + err).to.equal(1);
    expect(JSON.parse(out), out).to.include({ status: 'failed', signatureShown: true, limitsHeld: false });
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('refuses the hammer and nobody else with the limits, and ends old workers in time', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.runLoad('run', 'ingress-hammer', '--variant', 'together', '--json');
    expect(code, out + err).to.equal(0);
    expect(JSON.parse(out), out).to.include({ status: 'passed', limitsHeld: true });
    const refused = ordeal.events.filter(
      (event) =>
        event.kind === 'sample' && event.metric === 'proxy.answers' && event.labels?.['cause'] === 'limit-conn',
    );
    expect(refused).not.to.deep.equal([]);
    for (const event of refused) expect('labels' in event && event.labels?.['client']).to.equal('hammer');
    expect(ordeal.residue()).to.deep.equal([]);
  });
});

function isOnPath(): boolean {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
