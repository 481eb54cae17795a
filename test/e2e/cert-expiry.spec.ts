import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { JournalEvent } from '../../harness/model.ts';
import { Ordeal, phase } from './ordeal.ts';

const scenario = fileURLToPath(new URL('../../scenarios/cert-expiry', import.meta.url));

/** The scenario in a minute: what happens is the same, how long it is looked at is not. */
function short(): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'ordeal-scenario-')), 'cert-expiry');
  mkdirSync(folder);
  for (const name of readdirSync(scenario)) copyFileSync(join(scenario, name), join(folder, name));
  const file = join(folder, 'scenario.yaml');
  const before = readFileSync(file, 'utf8');
  const after = before
    .replace('warmup: 10s, steady: 15s, fault: 60s, deploy: 25s', 'warmup: 4s, steady: 4s, fault: 50s, deploy: 10s')
    .replace('lifetime: 55s', 'lifetime: 45s')
    .replace('renew-before: 20s', 'renew-before: 20s');
  expect(after).to.not.equal(before);
  writeFileSync(file, after);
  return folder;
}

const samples = (events: readonly JournalEvent[], metric: string) =>
  events.flatMap((event) => (event.kind === 'sample' && event.metric === metric ? [event] : []));

/** Every text that a run leaves. */
const allOf = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, 'latin1'));

describe('cert-expiry', function () {
  this.timeout('10m');

  it('is invalid, exit 3, when the certificate lives long enough; its key is in a file of mode 600 and nowhere else', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start('run', short(), '--variant', 'client', '--set', 'lifetime=1h');
    await ordeal.until(phase('steady'));
    const folder = join(ordeal.folder, 'cluster', 'certificates');
    expect(readdirSync(folder).sort()).to.deep.equal(['node-agents.crt', 'node-agents.key']);
    expect(statSync(folder).mode & 0o777).to.equal(0o700);
    expect(statSync(join(folder, 'node-agents.key')).mode & 0o777).to.equal(0o600);
    const { code, out } = await ran;
    expect(code, out).to.equal(3);
    expect(out)
      .to.match(/invalid/i)
      .and.to.contain('certificate.expiries');
    expect(allOf(ordeal.folder).filter((text) => text.includes('PRIVATE KEY'))).to.deep.equal([]);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('has the API server refuse what the node agents present once it has expired, and say why', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('run', short(), '--variant', 'client');
    expect(code, err + out).to.equal(1);
    const left = samples(ordeal.events, 'certificate.expires-in').filter(
      ({ labels }) => labels?.['whose'] === 'node-agents',
    );
    expect(Math.max(...left.map(({ value }) => value))).to.be.within(0, 45);
    expect(left.at(-1)?.value).to.be.below(0);
    expect(samples(ordeal.events, 'api.unauthorized').some(({ value }) => value > 0)).to.equal(true);
    expect(readFileSync(join(ordeal.folder, 'logs', 'kube-apiserver.log'), 'utf8')).to.contain(
      'x509: certificate has expired',
    );
  });

  it('has new connections go on while the serving certificate is renewed beneath them', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('run', short(), '--variant', 'serving-renewed');
    // A busy machine may be late for some.
    expect(code, err + out).to.be.oneOf([0, 1, 3]);
    expect(samples(ordeal.events, 'certificate.expiries').filter(({ value }) => value === 1)).to.not.be.empty;
    const expired = samples(ordeal.events, 'api.connect.failures').filter(
      ({ value, labels }) => value > 0 && labels?.['cause'] === 'certificate-expired',
    );
    expect(expired).to.deep.equal([]);
    expect(samples(ordeal.events, 'api.connect.available').some(({ value }) => value === 1)).to.equal(true);
    expect(ordeal.residue()).to.deep.equal([]);
  });
});
