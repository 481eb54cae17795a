import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Ordeal, phase, quick } from './ordeal.ts';
import { cutOffProbes, deaf, first } from './sabotage.ts';

/** The quick scenario with some text replaced. */
function changed(from: string | RegExp, to: string): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'ordeal-scenario-')), 'quick');
  mkdirSync(folder);
  for (const name of readdirSync(quick)) copyFileSync(join(quick, name), join(folder, name));
  const file = join(folder, 'scenario.yaml');
  const text = readFileSync(file, 'utf8');
  expect(text).to.match(typeof from === 'string' ? new RegExp(from.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')) : from);
  writeFileSync(file, text.replace(from, to));
  return folder;
}

/** Its limits can hold, but nothing shows that the trigger was real. */
const unproven = () =>
  changed(
    'evidence:\n',
    'evidence:\n  - { metric: apiserver.list.fetched, labels: { resource: nosuchthing }, take: count, during: fault, is: ">= 1" }\n',
  );

describe('a verdict that can be trusted', function () {
  this.timeout('25m');

  it('passes, exits 0, and leaves the reports and nothing else, when all is sound', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.runLoad('run', quick, '--variant', 'sound');
    expect(code, out + err).to.equal(0);
    expect(out).to.match(/passed/i);
    expect(readdirSync(ordeal.folder)).to.include.members([
      'journal.ndjson',
      'ledger.ndjson',
      'scenario.yaml',
      'verdict.json',
      'junit.xml',
      'summary.md',
      'report.html',
      'logs',
    ]);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('fails and exits 1 when a limit breaks', async () => {
    const { code, out } = await new Ordeal().runLoad('run', quick, '--variant', 'impossible');
    expect(code).to.equal(1);
    expect(out).to.match(/failed/i);
  });

  const sabotages: {
    what: string;
    scenario?: () => string;
    env?: () => Record<string, string>;
    args?: string[];
    says: RegExp;
  }[] = [
    { what: 'k6 exits at once', env: () => first('k6', 'exit 0'), says: /k6|reading/i },
    {
      what: 'k6 sends nothing',
      env: () => first('k6', 'case "$1" in version) echo "k6 v1.8.1"; exit;; esac; sleep 6'),
      says: /k6|reading/i,
    },
    { what: 'the target path answers 404', args: ['--set', 'path=/nothing/here'], says: /list\.failures/ },
    {
      what: 'the evidence is on a metric that nobody reports',
      scenario: unproven,
      says: /apiserver\.list\.fetched/,
    },
  ];
  for (const { what, scenario, env, args, says } of sabotages) {
    it(`is invalid, exit 3, when ${what}`, async () => {
      const ordeal = new Ordeal(env?.());
      const { code, out } = await ordeal.run('run', scenario?.() ?? quick, '--variant', 'sound', ...(args ?? []));
      expect(code, out).to.equal(3);
      expect(out)
        .to.match(/invalid/i)
        .and.to.match(says);
      expect(ordeal.residue()).to.deep.equal([]);
    });
  }

  it('plays what proved nothing again where it is told to, names the runs before, and never plays a failed one again', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('run', unproven(), '--variant', 'sound', '--attempts', '2');
    expect(code, out).to.equal(3);
    expect(err).to.contain('attempt 2 of 2');
    const runs = readdirSync(join(ordeal.cwd, 'runs'));
    expect(runs).to.have.length(2);
    expect(out).to.match(new RegExp(`attempt 1 \\(${runs.sort()[0]}\\) proved nothing: `));
    const broken = new Ordeal();
    const impossible = ['run', quick, '--variant', 'impossible', '--set', 'path=/nothing/here', '--attempts', '3'];
    expect((await broken.run(...impossible)).code).to.equal(3);
    expect(readdirSync(join(broken.cwd, 'runs')), 'a limit broke, whatever else was missing').to.have.length(1);
    const failing = new Ordeal();
    const failed = await failing.run('run', quick, '--variant', 'impossible', '--attempts', '9');
    expect(failed.code, failed.out).to.equal(1);
    expect(failed.out).to.match(/failed/i);
    const verdicts = readdirSync(join(failing.cwd, 'runs'))
      .sort()
      .map((run) => JSON.parse(readFileSync(join(failing.cwd, 'runs', run, 'verdict.json'), 'utf8')).status);
    expect(verdicts.slice(0, -1), 'only invalid ones were played again').not.to.include('failed');
  });

  it('is invalid, exit 3, when a probe is cut off during the fault', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start('run', quick, '--variant', 'sound');
    await ordeal.until(phase('fault'));
    await cutOffProbes(ordeal.folder);
    const { code, out } = await ran;
    expect(code, out).to.equal(3);
    expect(out).to.contain('apiserver.requests');
  });

  it('refuses, exit 2, a variant whose flag did not take effect', async () => {
    const folder = changed('kube-apiserver: {}', 'kube-apiserver: { flags: { watch-cache: "false" } }');
    const ordeal = new Ordeal(await deaf('kube-apiserver', '--watch-cache'));
    const { code, err, out } = await ordeal.run('run', folder, '--variant', 'sound');
    expect(code, out + err).to.equal(2);
    expect(err).to.contain('watch-cache');
    expect(ordeal.residue()).to.deep.equal([]);
  });
});
