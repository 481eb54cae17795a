import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { VerdictFile } from '../../reports/json.ts';
import { Ordeal, phase, quick } from './ordeal.ts';

interface SuiteFile {
  readonly exitCode: number;
  readonly seconds: number;
  readonly outsideSeconds: number;
  readonly interrupted: boolean;
  readonly runs: readonly { readonly variant: string; readonly verdict: VerdictFile | null }[];
}

/** A suite of the quick scenario, in the folder in which ordeal is started. */
function suiteOf(ordeal: Ordeal, entries: readonly object[]): void {
  const all = entries.map((entry) => ({ scenario: quick, mode: 'run', ...entry }));
  writeFileSync(join(ordeal.cwd, 'nightly.yaml'), JSON.stringify(all));
}

const left = (ordeal: Ordeal, file: string) => readFileSync(join(ordeal.cwd, 'runs', 'suite-nightly', file), 'utf8');

describe('a suite of real runs', function () {
  this.timeout('15m');

  it('goes on after what failed and what proved nothing, and ends in one summary, one JUnit file and the worst exit code', async () => {
    const ordeal = new Ordeal();
    suiteOf(ordeal, [
      { variants: ['impossible'], change: { phases: { warmup: '1s' } } },
      { variants: ['sound'], set: { path: '/nothing/here' }, change: { phases: { warmup: '1s', fault: '3s' } } },
      { variants: ['sound'] },
    ]);
    const { code, out, err } = await ordeal.run('suite', 'nightly.yaml', '--attempts', '2', '--json');
    expect(code, err).to.equal(3);
    expect(err).to.match(/^3 runs, one after another: about 1 min 7 s\. That is an estimate/m);
    expect(err.replaceAll(/\s+/g, ' ')).to.contain("outside the scenarios' own phases");
    const told = JSON.parse(out) as SuiteFile;
    expect(JSON.parse(left(ordeal, 'suite.json'))).to.deep.equal(told);
    expect(told).to.include({ exitCode: 3, interrupted: false });
    expect(told.outsideSeconds).to.be.within(1, told.seconds);
    const [impossible, deaf, sound] = told.runs.map(({ verdict }) => verdict);
    // A machine that is too busy for the load voids a run, and rightly.
    expect(impossible?.status).to.be.oneOf(['failed', 'invalid']);
    expect(deaf?.status).to.equal('invalid');
    expect(deaf?.parameters).to.include({ path: '/nothing/here' });
    expect(deaf?.variant.what).to.match(/; changed by nightly\.yaml:1:\d+: phases$/);
    expect(sound?.status).to.be.oneOf(['passed', 'invalid']);
    expect(left(ordeal, 'junit.xml').match(/<testsuite /g)).to.have.length(3);
    expect(left(ordeal, 'summary.md')).to.contain('runs did what was expected of them');
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('is stopped by an interrupt: the run is put back, the others are not played, the summary says so, exit 130', async () => {
    const ordeal = new Ordeal();
    suiteOf(ordeal, [{ variants: ['sound', 'impossible'] }]);
    const { process: child, ran } = ordeal.start('suite', 'nightly.yaml');
    await ordeal.until(phase('steady'));
    child.kill('SIGINT');
    const { code, out, err } = await ran;
    expect(code, out + err).to.equal(130);
    expect(out).to.contain('Interrupted. 0 of 2 runs did what was expected of them; 1 was not played.');
    const { runs, interrupted } = JSON.parse(left(ordeal, 'suite.json')) as SuiteFile;
    expect(interrupted).to.equal(true);
    expect(runs[0]?.verdict?.ended).to.equal('interrupted');
    expect(runs[1]?.verdict).to.equal(null);
    expect(readdirSync(join(ordeal.cwd, 'runs'))).to.have.length(2);
    expect(ordeal.residue()).to.deep.equal([]);
  });
});
