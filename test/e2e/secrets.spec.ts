import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Ordeal } from './ordeal.ts';

const canaries = fileURLToPath(new URL('scenarios/canaries', import.meta.url));
const environment = 'canary-of-the-environment-7f3a';
/** Ours, whatever their value; private keys; and what was planted. */
const secrets = [
  /ordeal\.[0-9a-f]{48}/,
  /-----BEGIN [A-Z ]*PRIVATE KEY/,
  /eyJ[\w-]{8,}\.eyJ/,
  /canary-of-[a-z-]+-7f3a/,
  new RegExp(Buffer.from('canary-of-a-secret-7f3a').toString('base64')),
];

describe('secrets', function () {
  this.timeout('4m');

  it('stay out of all that a run leaves and says, wherever they were planted; what ordeal itself asked is told', async () => {
    const ordeal = new Ordeal({ ORDEAL_CANARY: environment, AWS_SECRET_ACCESS_KEY: environment });
    const { code, out, err } = await ordeal.run('run', canaries);
    expect([0, 3], out + err).to.include(code);
    const entries = readdirSync(ordeal.folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const names = files.map((file) => file.slice(ordeal.folder.length + 1));
    expect(names).to.include.members(['journal.ndjson', 'report.html', 'summary.md', 'junit.xml', 'verdict.json']);
    const said = [
      ...files.map((file) => [file, readFileSync(file, 'latin1')] as const),
      ['stdout', out],
      ['stderr', err],
    ];
    const found = said.flatMap(([where = '', text = '']) =>
      secrets.flatMap((secret) => {
        const at = text.search(secret);
        return at < 0 ? [] : [`${where}: ${text.slice(Math.max(0, at - 100), at + 80)}`];
      }),
    );
    expect(found).to.deep.equal([]);
    // They were there to be told.
    const { events } = ordeal;
    expect(events.some((event) => event.kind === 'seen' && event.detail.includes('<redacted>'))).to.equal(true);
    const asked = events.find((event) => event.kind === 'asked');
    expect(asked?.requests['ordeal:api-canary']).to.be.greaterThan(20);
    expect(asked?.agent).to.match(/^ordeal\/\d+\.\d+\.\d+ \(run \S+\)$/);
    expect(out + readFileSync(join(ordeal.folder, 'summary.md'), 'utf8')).to.match(
      /requests to the API server \(.*request time/,
    );
  });
});
