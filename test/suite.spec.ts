import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DOMParser } from '@xmldom/xmldom';
import { expect } from 'chai';
import type { Ambient } from '../harness/commands/ambient.ts';
import { estimated } from '../harness/commands/estimate.ts';
import { codeOf } from '../harness/commands/suite.ts';
import { type PlannedRun, planSuite } from '../harness/commands/suite-plan.ts';
import { ScenarioError } from '../harness/model.ts';
import { discover } from '../harness/scenario/discover.ts';
import { junitDocument } from '../reports/junit.ts';
import { playedOf, type Suite, type SuiteRun, spoken, suiteCases, suiteJson } from '../reports/suite.ts';
import { suiteMarkdown, suiteSummary } from '../reports/suite-summary.ts';
import { listFlood } from './fixtures/journals/list-flood.ts';
import { emptyReport, hostile, hostileReport } from './fixtures/journals/odd.ts';
import { suiteOf } from './kill-matrix/cell.ts';
import { plays } from './kill-matrix/plays.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'ordeal-suite-'));
const silent = { isTTY: false, columns: 100, color: false, write: () => undefined };
const ambient: Ambient = {
  env: {},
  cwd,
  signal: new AbortController().signal,
  version: '0',
  out: silent,
  err: silent,
};

async function planned(text: string): Promise<PlannedRun[]> {
  writeFileSync(join(cwd, 'some.yaml'), text);
  return planSuite('some.yaml', {}, ambient);
}

async function complaints(text: string): Promise<readonly string[]> {
  try {
    await planned(text);
  } catch (error) {
    if (error instanceof ScenarioError) return error.complaints;
    throw error;
  }
  return expect.fail('it was not refused');
}

const named = (runs: readonly PlannedRun[]) => runs.map(({ scenario }) => `${scenario.id} ${scenario.variant.name}`);

describe('a suite', function () {
  this.timeout('1m');

  it('shortens the phases of all that the kill matrix plays on clusters of its own, and leaves two seconds to a fault that begins later', async () => {
    for (const play of plays.filter(({ cluster }) => cluster !== 'kubeconfig')) {
      const [run] = await planned(await suiteOf(play));
      for (const { during, after } of run?.scenario.faults ?? []) {
        expect(run?.scenario.phases.find(({ name }) => name === during)?.duration).to.be.at.least(after + 2000);
      }
      expect(run?.scenario.variant.name).to.equal(play.variant);
    }
  });

  it('plays all variants of a scenario that run there and ask for nothing, or those that it names, in its order', async () => {
    const runs = await planned(
      '- scenario: list-flood\n  variants: [stock, old-etcd]\n- scenario: ingress-hammer\n  cluster: embedded\n',
    );
    expect(named(runs).slice(0, 3)).to.deep.equal([
      'list-flood stock',
      'list-flood old-etcd',
      'ingress-hammer unlimited',
    ]);
    expect(named(runs)).not.to.include('ingress-hammer yours');
    expect(runs.every(({ mode }) => mode === 'prove')).to.equal(true);
  });

  it('plays a variant that it names where that runs', async () => {
    const runs = await planned('- scenario: total-node-failure\n  variants: [leases-stop, frozen]\n');
    expect(runs.map(({ scenario }) => scenario.runsOn[0])).to.deep.equal(['embedded', 'kind']);
    const text = '- scenario: total-node-failure\n  cluster: kind\n  variants: [leases-stop]\n';
    expect(await complaints(text)).to.deep.equal([
      'some.yaml:3:14: variant "leases-stop" does not run on kind; expected embedded',
    ]);
  });

  it('sets parameters, and changes after the variant what a variant may change; the scenario says so', async () => {
    const [old, stock] = await planned(`- scenario: list-flood
  variants: [old-etcd, stock]
  set: { pods: 50, resourceVersion: "0" }
  change:
    phases: { fault: 7s }
    limits: [{ metric: component.deaths, take: count, during: run, is: "== 0" }]
`);
    expect(old?.scenario.parameters).to.include({ pods: 50, resourceVersion: '0', clients: 100 });
    expect(old?.scenario.objects.at(-1)?.count).to.equal(50);
    expect(old?.scenario.phases).to.deep.include({ name: 'fault', duration: 7000 });
    expect(old?.scenario.phases.map(({ name }) => name)).to.deep.equal(['warmup', 'steady', 'fault', 'recovery']);
    expect(old?.scenario.limits).to.have.length(1);
    expect(old?.scenario.variant.what).to.match(/; changed by some\.yaml:1:13: phases, limits$/);
    expect(old?.scenario.source).to.match(/\n# Changed by some\.yaml:1:13:\n# phases:\n# {3}fault: 7s\n/);
    expect(old?.scenario.cluster.components.etcd?.version).to.equal('3.5.12');
    expect(stock?.scenario.cluster.components.etcd?.version).to.equal(undefined);
    expect(old?.different).to.equal('pods=50, resourceVersion=0, phases changed, limits changed');
    const [plain] = await planned('- scenario: list-flood\n  variants: [old-etcd]\n');
    expect(plain?.scenario.source).to.equal(readFileSync(join(root, 'scenarios/list-flood/scenario.yaml'), 'utf8'));
    expect(plain?.scenario.variant.what).not.to.contain('changed by');
  });

  it('finds scenarios beside its own file', async () => {
    const path = join(root, 'test/e2e/scenarios');
    const runs = await planSuite(join(path, 'none.yaml'), {}, { ...ambient, cwd: path }).catch((error) =>
      String(error),
    );
    expect(runs).to.contain('no file; expected a suite');
    writeFileSync(join(cwd, 'beside.yaml'), `- scenario: ${join(path, 'quick')}\n  mode: run\n  variants: [sound]\n`);
    expect(named(await planSuite('beside.yaml', {}, ambient))).to.deep.equal(['quick sound']);
  });

  it('tells everything that is wrong at once, each with its place, what was expected and what was meant', async () => {
    const all = await complaints(`- scenario: list-flod
- scenario: list-flood
  variants: [stok, stock, stock]
  mod: prove
  set: { pod: 3 }
  change:
    phases: { fault: 20 }
    limit: []
- scenario: helm-burst
  cluster: embeded
- list-flood
- scenario: list-flood
  mode: prov
  variants: [old-etcd]
  set: { resourceVersion: 0 }
  change: { limits: [{ metric: etcd.memry, take: max, during: fault, is: "<= 1.5x steady" }] }
`);
    const places = all.map((line) => /^some\.yaml:(\d+:\d+): /.exec(line)?.[1]);
    expect(places).to.deep.equal([
      ...['1:13', '3:14', '3:27', '4:3', '5:10', '7:22', '8:5', '10:12', '11:3', '13:9', '15:27', '16:32'],
    ]);
    for (const line of all) expect(line).to.match(/; (expected|did you mean) |: expected /);
    for (const word of ['list-flood', 'stock', 'mode', 'pods', 'limits', 'prove', 'etcd.memory'])
      expect(all.join('\n')).to.contain(`did you mean "${word}"?`);
  });

  it('complains of a parameter that is no value where it is set, and nowhere else', async () => {
    const all = await complaints('- scenario: pdb-gridlock\n  set: { replicas: [1] }\n');
    expect(all.filter((line) => !line.startsWith('some.yaml:2:20: '))).to.deep.equal([]);
  });

  it('refuses what would prove nothing, or runs nowhere there', async () => {
    const [first, second, third, fourth] = await complaints(`- scenario: helm-burst
  cluster: embedded
- scenario: list-flood
  cluster: kind
- scenario: ingress-hammer
  cluster: embedded
  variants: [yours, unlimited]
- scenario: ingress-hammer
  cluster: kind
  variants: [yours, unlimited]
`);
    expect(first).to.match(/^some\.yaml:1:13: .*nothing would be proved; expected mode: run, or/);
    expect(second).to.match(/^some\.yaml:3:13: .*no variant that runs on kind.*; expected embedded$/);
    expect(third).to.equal('some.yaml:7:14: variant "yours" does not run on embedded; expected kind');
    expect(fourth).to.match(/^some\.yaml:8:13: variant yours asks for set: \{ url: … \}/);
  });

  for (const [what, text, says] of [
    ['nothing', '', 'some.yaml:1:1: the file is empty; expected a list of entries'],
    ['an empty list', '[]', 'some.yaml:1:1: the suite is empty; expected at least one entry'],
    ['a map', 'scenario: list-flood', 'some.yaml:1:1: the file is a map; expected a list of entries'],
    ['no YAML', '- {', 'not YAML'],
    ['an entry without a scenario', '- mode: run', 'some.yaml:1:3: missing "scenario"; expected text'],
    [
      'what is set twice',
      '- { scenario: list-flood, set: { pods: 1 }, change: { parameters: { pods: 2 } } }',
      'it once',
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      expect((await complaints(text))[0]).to.contain(says);
    });
  }

  it('estimates its time from the phases and from what runs take beside them', async () => {
    const runs = await planned('- scenario: list-flood\n  variants: [old-etcd, stock]\n');
    const on = (provider: 'embedded' | 'kind', existing?: string) =>
      estimated(runs.map(({ scenario }) => ({ scenario, target: { provider, ...(existing && { existing }) } })));
    expect(on('embedded').phases).to.equal(120_000);
    expect(on('embedded').beyond).to.equal(20_000);
    expect(on('kind').beyond).to.be.greaterThan(on('kind', 'mine').beyond);
  });

  it('starts nothing when anything in it is wrong, and exits 2', () => {
    writeFileSync(join(cwd, 'wrong.yaml'), '- scenario: list-flood\n- scenario: list-flod\n');
    const args = [join(root, 'ordeal.cjs'), 'suite', 'wrong.yaml'];
    const { status, stderr, stdout } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
    expect(status, stderr).to.equal(2);
    expect(stderr).to.match(/^wrong\.yaml:2:13: no scenario "list-flod"/);
    expect(stdout).to.equal('');
    expect(existsSync(join(cwd, 'runs'))).to.equal(false);
  });
});

describe('the result of a suite', function () {
  this.timeout('1m');

  it('is the worst of its runs, and not green where one was not played', () => {
    const of = (played: number[], interrupted = false) => codeOf(played, { runs: 3, interrupted });
    expect([of([0, 0, 0]), of([0, 1, 0]), of([3, 1, 0]), of([3, 4, 0])]).to.deep.equal([0, 1, 3, 4]);
    expect([of([0, 0]), of([1]), of([]), of([4])]).to.deep.equal([3, 3, 3, 4]);
    expect([of([0, 0], true), of([0, 0, 0], true), of([4], true)]).to.deep.equal([130, 130, 4]);
  });

  for (const [what, make] of [
    ['a file stands where its folder is to be', (at: string) => writeFileSync(at, '')],
    ['a folder stands where its file is to be', (at: string) => mkdirSync(join(at, 'junit.xml'), { recursive: true })],
  ] as const) {
    it(`is refused beforehand, exit 2, in one line, where ${what}`, () => {
      const here = mkdtempSync(join(tmpdir(), 'ordeal-suite-'));
      mkdirSync(join(here, 'runs'));
      make(join(here, 'runs', 'suite-some'));
      writeFileSync(join(here, 'some.yaml'), '- scenario: list-flood\n');
      const args = [join(root, 'ordeal.cjs'), 'suite', 'some.yaml'];
      const { status, stderr } = spawnSync(process.execPath, args, { cwd: here, encoding: 'utf8' });
      expect(status, stderr).to.equal(2);
      expect(stderr).to.match(/^the results of a suite cannot be kept in .*suite-some: .*\n$/);
    });
  }
});

describe('the suites of the house', () => {
  const files = globSync('suites/*.yaml', { cwd: root });

  for (const file of files) {
    it(`${file} decodes`, async () => {
      expect(await planSuite(join(root, file), {}, ambient)).not.to.be.empty;
    });
  }

  it('decode each variant again as itself where the host decides a parameter', async () => {
    const file = join(cwd, 'measured.yaml');
    writeFileSync(file, '- scenario: dns-ndots-fanout\n  cluster: embedded\n  variants: [ndots-5, ndots-2]\n');
    const runs = await planSuite(file, {}, ambient);
    const again = await Promise.all(runs.map(({ once }) => once.again({ millicores: '12' })));
    expect(again.map(({ variant, parameters }) => [variant.name, parameters['millicores']])).to.deep.equal([
      ['ndots-5', 12],
      ['ndots-2', 12],
    ]);
  });

  it('embedded.yaml has every scenario that runs on embedded clusters', async () => {
    const runs = await planSuite(join(root, 'suites/embedded.yaml'), {}, ambient);
    const there = (await discover([join(root, 'scenarios')])).filter(({ runsOn }) => runsOn.includes('embedded'));
    expect(new Set(runs.map(({ scenario }) => scenario.id))).to.deep.equal(new Set(there.map(({ id }) => id)));
    for (const { target, scenario } of runs) expect(target.cluster ?? scenario.runsOn[0]).to.equal('embedded');
  });
});

describe('what a suite leaves', () => {
  const about = { mode: 'prove', provider: 'embedded', different: '' } as const;
  const old = { scenario: 'list-flood', variant: 'old-etcd', ...about };
  const stock = { scenario: 'list-flood', variant: 'stock', ...about };
  const shown: SuiteRun = { ...old, played: playedOf(listFlood('vulnerable')) };
  const broke: SuiteRun = { ...old, mode: 'run', played: playedOf(listFlood('vulnerable', 'limits')) };
  const held: SuiteRun = { ...stock, different: 'pods=50', played: playedOf(listFlood('hardened')) };
  const crashed: SuiteRun = { ...stock, error: 'no space left on device' };

  function suiteOf(runs: readonly SuiteRun[], more: Partial<Suite> = {}): Suite {
    const times = {
      started: '2026-07-14T10:15:02.118Z',
      seconds: 100,
      estimatedSeconds: 95,
      readySeconds: 2,
      phaseSeconds: 88,
    };
    return { file: 'suites/some.yaml', ...times, runs, interrupted: false, exitCode: 0, ...more };
  }

  const told = (suite: Suite) =>
    suiteSummary(suite, { color: false, columns: 120, folder: '/runs/suite-some' }).replaceAll(/\s+/g, ' ');

  it('is one JUnit file with the cases of all runs, and one for each that cannot be judged', async () => {
    const suite = suiteOf([shown, broke, held, crashed, stock]);
    const text = await junitDocument(suiteCases(suite));
    const document = new DOMParser().parseFromString(text, 'text/xml');
    const suites = [...document.getElementsByTagName('testsuite')].map((one) =>
      ['name', 'failures', 'errors', 'skipped'].map((name) => one.getAttribute(name)).join(' '),
    );
    expect(suites).to.deep.equal([
      'list-flood.old-etcd 0 0 4',
      'list-flood.old-etcd 3 0 3',
      suites[2],
      'list-flood.stock 0 1 0',
      'list-flood.stock 0 0 1',
    ]);
    expect(suites[2]).to.match(/^list-flood\.stock \(pods=50\) 0 0 /);
    expect(document.getElementsByTagName('testsuites')).to.have.length(1);
    expect(text).to.contain('no space left on device');
  });

  it('is one summary that tells each run, the time, and how much of it lay outside the phases', () => {
    const text = told(suiteOf([shown, broke, held, crashed, stock]));
    expect(text).to.contain('✓ list-flood · old-etcd broke as in the postmortem');
    expect(text).to.contain('✗ list-flood · old-etcd broke as in the postmortem 3 of 4 limits broke');
    expect(text).to.contain('✓ list-flood · stock the fix held pods=50');
    expect(text).to.contain('? list-flood · stock this run proves nothing no space left on device');
    expect(text).to.contain('2 of 5 runs did what was expected of them; 1 was not played.');
    expect(text).to.contain('It took 1 min 40 s (about 1 min 35 s were estimated)');
    expect(text).to.contain("outside the scenarios' own phases 12 s, 12 % of it (2 s of them before the first run).");
    expect(text).to.contain('/runs/suite-some');
  });

  it('says when it was interrupted, and what was not put back', () => {
    const report = listFlood('hardened');
    const owed = [{ debt: { undo: 'end-processes', mark: 'm' }, settled: false } as const];
    const dirty: SuiteRun = { ...stock, played: playedOf({ ...report, owed, exitCode: 4 }) };
    const suite = suiteOf([dirty, old], { interrupted: true, exitCode: 4 });
    expect(told(suite)).to.contain('Interrupted. 0 of 2 runs did what was expected of them; 1 was not played.');
    expect(told(suite)).to.contain('✗ list-flood · stock the fix held; 1 of 1 changes were not put back');
    expect(suiteMarkdown(suite)).to.match(/^## 🔴 .*\n\n.*interrupted/);
  });

  it('names the runs before one that proved nothing', () => {
    const report = listFlood('hardened');
    const former = [{ run: 'the-first', reasons: ['no samples'] }];
    const events = report.events.map((event) => (event.kind === 'began' ? { ...event, former } : event));
    const suite = suiteOf([{ ...stock, played: playedOf({ ...report, events }) }]);
    for (const text of [told(suite), suiteMarkdown(suite)])
      expect(text).to.match(/attempt 1 \(the-first\) proved nothing(:|&#58;) no samples/);
  });

  it('is one summary.md whose table keeps its columns whatever the text', () => {
    const odd: SuiteRun = { ...stock, scenario: hostile, different: hostile, played: playedOf(hostileReport()) };
    const text = suiteMarkdown(
      suiteOf([odd, { ...stock, played: playedOf(emptyReport()) }, { ...old, error: hostile }]),
    );
    expect(text).not.to.match(/<(?!br>|\/?sub>)/u);
    for (const row of text.split('\n').filter((line) => line.startsWith('|'))) expect(row.split('|')).to.have.length(9);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for what must not be there
    expect(told(suiteOf([odd]))).not.to.match(/[\u0000-\u0009\u001b\u202e]/u);
  });

  it('is one JSON file with every verdict, null where there is none', () => {
    const json = JSON.parse(JSON.stringify(suiteJson(suiteOf([shown, crashed, stock]))));
    expect(json).to.include({ format: 1, exitCode: 0, outsideSeconds: 12, outsideShare: 0.12 });
    expect(json.runs[0].verdict).to.include({ status: 'passed', scenario: 'list-flood' });
    expect(json.runs[1]).to.include({ verdict: null, error: 'no space left on device' });
    expect(json.runs[2]).to.include({ verdict: null, error: null });
  });

  it('tells times as people say them', () => {
    expect([0.4, 59.6, 60, 61, 3599, 3600, 7500].map(spoken)).to.deep.equal([
      ...['0 s', '1 min', '1 min', '1 min 1 s', '59 min 59 s', '1 h 0 min', '2 h 5 min'],
    ]);
  });
});
