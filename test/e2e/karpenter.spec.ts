import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ToolError } from '../../harness/model.ts';
import { skip } from '../skip.ts';
import { Ordeal } from './ordeal.ts';
import { tool } from './sabotage.ts';

const scenario = fileURLToPath(new URL('../../scenarios/autoscaler-rampage', import.meta.url));

/** The same in a hurry, for what is decided as soon as the trigger was to have fired. */
function shorter(): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'ordeal-karpenter-')), 'autoscaler-rampage');
  cpSync(scenario, folder, { recursive: true });
  const file = join(folder, 'scenario.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('fault: 75s, recovery: 10s', 'fault: 20s, recovery: 2s'));
  return folder;
}

describe('autoscaler-rampage', function () {
  this.timeout('10m');

  before(async function () {
    this.timeout('20m');
    await tool('karpenter-kwok').catch((error: unknown) => {
      if (!(error instanceof ToolError)) throw error;
      skip(this, `Karpenter cannot be had: ${error.message.split('\n')[0]}`);
    });
  });

  it('loses its nodes and displaces their pods when their requests vanish, and Karpenter said so before', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('run', 'autoscaler-rampage', '--variant', 'rampage', '--json');
    expect(code, out + err).to.equal(1);
    expect(JSON.parse(out)).to.include({ status: 'failed', signatureShown: true, limitsHeld: false });
    const at = (what: (value: number, metric: string) => boolean) =>
      ordeal.events.find((event) => event.kind === 'sample' && what(event.value, event.metric))?.t ?? Number.NaN;
    const announced = at((value, metric) => metric === 'karpenter.will-go' && value >= 5);
    const chosen = at((value, metric) => metric === 'karpenter.going' && value >= 5);
    expect([announced, chosen].every(Number.isFinite), `${announced}, ${chosen}`).to.equal(true);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('proves nothing when the requests stay: that no node went is no merit of the schedule', async () => {
    const ordeal = new Ordeal();
    const asked = ['--variant', 'schedule', '--set', 'requestsLeft={ cpu: 1900m, memory: 2Gi }'];
    const { code, out, err } = await ordeal.run('run', shorter(), ...asked);
    expect(code, out + err).to.equal(3);
    expect(ordeal.reasons.join('\n')).to.include('karpenter.utilisation');
    expect(ordeal.residue()).to.deep.equal([]);
  });
});
