import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { skip } from './skip.ts';

const folder = fileURLToPath(new URL('../kind-config/workload', import.meta.url));

describe('the workload program', function () {
  this.timeout(300_000);

  it('plays its roles, by its own tests', function () {
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' };
    const { error, status, stdout, stderr } = spawnSync('go', ['test', './...'], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    if (error) skip(this, `there is no Go here: ${error.message}`);
    expect(status, `${stdout}${stderr}`).to.equal(0);
  });
});
