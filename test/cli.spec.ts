import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const entry = fileURLToPath(new URL('../ordeal.cjs', import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'ordeal-cli-'));
const env = { ...process.env, XDG_STATE_HOME: join(cwd, 'state'), NO_COLOR: '1' };

function ordeal(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], { cwd, env, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

describe('the command line', () => {
  it('lists the scenarios with their questions', () => {
    const { code, out } = ordeal('list');
    expect(code).to.equal(0);
    expect(out).to.match(/^list-flood +Does a flood .* \[embedded\]$/m);
  });

  it('helps, for itself and for each command', () => {
    for (const command of [
      'run',
      'prove',
      'suite',
      'list',
      'plan',
      'allow',
      'report',
      'clean',
      'stop',
      'doctor',
      'tools',
    ]) {
      expect(ordeal(command, '--help')).to.include({ code: 0, err: '' });
      expect(ordeal('--help').out).to.contain(`  ${command} `);
    }
  });

  for (const [what, args, says] of [
    ['an unknown command', ['runn', 'list-flood'], /Did you mean run/],
    ['an unknown option', ['run', 'list-flood', '--varient', 'stock'], /Did you mean --variant/],
    ['an unknown scenario', ['plan', 'list-flod'], /no scenario "list-flod"/],
    ['an unknown variant', ['run', 'list-flood', '--variant', 'stok'], /did you mean "stock"/],
    ['no variant where there are several', ['run', 'list-flood'], /choose one with --variant old-etcd\|/],
    ['an unknown parameter', ['run', 'list-flood', '--variant', 'stock', '--set', 'pod=1'], /did you mean "pods"/],
    ['a parameter of the wrong type', ['run', 'list-flood', '--variant', 'stock', '--set', 'pods=many'], /pods/],
    ['a setting without a value', ['run', 'list-flood', '--variant', 'stock', '--set', 'pods'], /expected name=value/],
    [
      'an unknown place',
      ['plan', 'list-flood', '--variant', 'stock', '--cluster', 'kindd'],
      /expected embedded, kind, or/,
    ],
    [
      'an image for a cluster that is there',
      ['plan', 'memory-stress', '--variant', 'limits', '--cluster', 'kind:mine', '--image', 'x'],
      /--image goes with/,
    ],
    [
      'no attempts',
      ['run', 'list-flood', '--variant', 'stock', '--attempts', '0'],
      /'0' is invalid.* expected a number from 1 to 9/,
    ],
    ['an unknown run', ['report', 'nothing'], /no run "nothing"/],
  ] as const) {
    it(`refuses ${what} in one message, exit 2, with nothing started`, () => {
      const { code, err } = ordeal(...args);
      expect(code).to.equal(2);
      expect(err)
        .to.match(says)
        .and.not.to.match(/^\s+at /m);
    });
  }

  it('refuses a broken scenario with every complaint located, exit 2', () => {
    const folder = join(cwd, 'broken');
    mkdirSync(folder);
    writeFileSync(join(folder, 'scenario.yaml'), 'question: Why?\nphasis: { steady: 5s }\nphases: { fault: 5 }\n');
    const { code, err } = ordeal('run', './broken', '--variant', 'x');
    expect(code).to.equal(2);
    expect(err).to.match(/scenario\.yaml:2:1: .*did you mean "phases"/);
    expect(err).to.match(/scenario\.yaml:3:18: .*5s/);
  });

  it('plans without starting anything', () => {
    const { code, out } = ordeal('plan', 'list-flood', '--variant', 'stock', '--set', 'pods=7');
    expect(code, out).to.equal(0);
    expect(out).to.contain('7 × pod.yaml').and.to.contain('can run here');
  });

  it('judges a journal that holds nothing but lies with one message', () => {
    const run = join(cwd, 'runs', 'lies');
    mkdirSync(run, { recursive: true });
    for (const text of ['null\n', '{"t":1}\n', '[]\n{"t":0,"kind":"began"}\n', '']) {
      writeFileSync(join(run, 'journal.ndjson'), text);
      const { code, err } = ordeal('report', 'lies');
      expect(code).to.equal(2);
      expect(err)
        .to.contain('journal.ndjson')
        .and.not.to.match(/^\s+at /m);
    }
  });

  it('says in one line that Node is too old', () => {
    const script = `Object.defineProperty(process.versions, 'node', { value: '20.1.0' }); require(${JSON.stringify(entry)})`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect(status).to.equal(2);
    expect(stderr).to.match(/^ordeal needs Node 22\.19 or newer; .*\n$/);
  });

  it('is what npx runs inside the repository', () => {
    const root = fileURLToPath(new URL('..', import.meta.url));
    expect(execFileSync('npx', ['ordeal', '--version'], { cwd: root, encoding: 'utf8' })).to.match(/^\d+\.\d+\.\d+\n$/);
  });
});
