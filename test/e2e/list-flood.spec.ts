import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Ordeal } from './ordeal.ts';

describe('list-flood', function () {
  this.timeout('30m');

  it('fails its limits on the old etcd, shows the signature, and names the flooder', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.runLoad('run', 'list-flood', '--variant', 'old-etcd', '--json');
    expect(code, out + err).to.equal(1);
    expect(JSON.parse(out)).to.include({ status: 'failed', signatureShown: true, limitsHeld: false });
    expect(readFileSync(join(ordeal.folder, 'report.html'), 'utf8')).to.contain('nodegroup-controller');
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('holds its limits on the stock server', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.runLoad('run', 'list-flood', '--variant', 'stock', '--json');
    expect(code, out + err).to.equal(0);
    expect(JSON.parse(out)).to.include({ status: 'passed', signatureShown: false, limitsHeld: true });
  });
});
