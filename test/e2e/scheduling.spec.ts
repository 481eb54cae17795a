import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Ordeal } from './ordeal.ts';
import { deaf, first, tool } from './sabotage.ts';

const burst = fileURLToPath(new URL('../../scenarios/scheduling-burst', import.meta.url));

/** The scenario with short phases: what is told here needs no figures. */
function short(): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'ordeal-scenario-')), 'scheduling-burst');
  cpSync(burst, folder, { recursive: true });
  const file = join(folder, 'scenario.yaml');
  const text = readFileSync(file, 'utf8');
  const shorter = text.replace(/^phases: .*$/m, 'phases: { warmup: 3s, steady: 5s, fault: 5s, recovery: 4s }');
  expect(shorter).not.to.equal(text);
  writeFileSync(file, shorter);
  return folder;
}

describe('a burst of pods on simulated nodes', function () {
  this.timeout('20m');

  it('proves nothing, exit 3, where all settings look at the same few nodes', async () => {
    const ordeal = new Ordeal();
    const few = ['--set', 'nodes=60', '--set', 'pods=300', '--set', 'before=150'];
    const { code, out } = await ordeal.run('run', short(), '--variant', 'part', ...few);
    expect(code, out).to.equal(3);
    expect(ordeal.reasons.join('\n')).to.match(/scheduler\.nodes-examined/);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('proves nothing, exit 3, where no pod ever waits', async () => {
    const ordeal = new Ordeal();
    const lonely = ['--set', 'nodes=300', '--set', 'pods=5', '--set', 'before=5'];
    const { code, out } = await ordeal.run('run', short(), '--variant', 'all-nodes', ...lonely);
    expect(code, out).to.equal(3);
    expect(ordeal.reasons.join('\n')).to.match(/pods\.unbound/);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('is refused, exit 2, where the scheduler never got its configuration file', async () => {
    const ordeal = new Ordeal(await deaf('kube-scheduler', '--config'));
    const { code, err, out } = await ordeal.run('run', short(), '--variant', 'part', '--set', 'nodes=5');
    expect(code, out + err).to.equal(2);
    expect(err).to.contain('--config=').and.to.contain('percentageOfNodesToScore');
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('is refused, exit 2, where the file is there and another setting is in force', async () => {
    const change = `for a in "$@"; do case "$a" in --config=*) sed -i 's/"qps": 5000/"qps": 4000/' "\${a#--config=}";; esac; done`;
    const ordeal = new Ordeal(first('kube-scheduler', `${change}\nexec ${await tool('kube-scheduler')} "$@"`));
    const { code, err, out } = await ordeal.run('run', short(), '--variant', 'part', '--set', 'nodes=5');
    expect(code, out + err).to.equal(2);
    expect(err).to.contain('config.clientConnection.qps 5000 was asked for, /configz has 4000');
    expect(ordeal.residue()).to.deep.equal([]);
  });
});
