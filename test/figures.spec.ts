import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { counted, readRuns, scenarioTable, wholeTable } from '../bench/figures.ts';
import type { Report } from '../harness/model.ts';
import { json } from '../reports/json.ts';
import { listFlood } from './fixtures/journals/list-flood.ts';

const bench = fileURLToPath(new URL('../bench/figures.ts', import.meta.url));

/** The report with another figure of one metric. */
function measured(report: Report, metric: string, value: number, text: string): Report {
  const findings = report.verdict.findings.map((one) =>
    one.metric === metric ? { ...one, value, measured: text } : one,
  );
  return { ...report, verdict: { ...report.verdict, findings } };
}

function invalid(report: Report): Report {
  return { ...report, verdict: { ...report.verdict, status: 'invalid', reasons: ['no samples'] } };
}

function ended(report: Report, how: 'interrupted' | 'error'): Report {
  const events = report.events.map((event) => (event.kind === 'ended' ? { ...event, how } : event));
  return { ...report, events };
}

async function runs(...reports: readonly Report[]): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'ordeal-figures-'));
  for (const [index, report] of reports.entries()) {
    const folder = join(root, `run-${index}`);
    mkdirSync(folder);
    await json.write(report, folder);
  }
  // What a suite leaves beside them is none.
  mkdirSync(join(root, 'suite-some'));
  writeFileSync(join(root, 'suite-some', 'suite.json'), '{}');
  return root;
}

const cellsOf = (table: string) =>
  table
    .trim()
    .split('\n')
    .map((row) =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe('the table of figures', () => {
  const old = listFlood('vulnerable');
  const duration = (value: number) => measured(old, 'list.duration', value, `${value}x`);

  it('has a row for each variant: how many runs did what was expected, and least and greatest of what was judged', async () => {
    const folder = await runs(duration(71), duration(60), duration(80), listFlood('hardened'));
    const [head, , broke, held, ...more] = cellsOf(wholeTable(readRuns(folder).runs));
    expect(head?.slice(0, 7)).to.deep.equal([
      'scenario',
      'variant',
      'on',
      'expected',
      'runs as expected',
      'not',
      'invalid',
    ]);
    expect(broke?.slice(0, 7)).to.deep.equal(['list-flood', 'old-etcd', 'embedded', 'breaks', '3', '0', '0']);
    expect(broke?.[7]).to.contain('list.duration p95 during fault >= 5x steady: **60x … 80x**<br>');
    expect(broke?.[7]).not.to.contain('api.get.duration');
    expect(held?.slice(0, 7)).to.deep.equal(['list-flood', 'stock', 'embedded', 'holds', '1', '0', '0']);
    expect(held?.[7]).to.contain('etcd.memory max during fault &lt;= 1.5x steady: **');
    expect(more).to.deep.equal([]);
  });

  it('counts by what the variant is there to show, whichever was judged, and takes no figure of what proves nothing', async () => {
    const missed: Report = { ...old, verdict: { ...old.verdict, status: 'failed', signatureShown: false } };
    const folder = await runs(duration(71), listFlood('vulnerable', 'limits'), missed, invalid(duration(9)));
    const [, , broke] = cellsOf(wholeTable(readRuns(folder).runs));
    expect(broke?.slice(4, 7)).to.deep.equal(['2', '1', '1']);
    expect(broke?.[7]).not.to.contain('9x');
    expect(counted({ ...(readRuns(folder).runs[0] ?? expect.fail('none')), signatureShown: null })).to.equal('invalid');
  });

  it('tells alternatives apart by the metric that decided', async () => {
    const other = listFlood('vulnerable');
    const findings = other.verdict.findings.map((one) =>
      one.threshold.startsWith('any of') ? { ...one, metric: 'component.deaths', measured: '2', value: 2 } : one,
    );
    const folder = await runs(old, { ...other, verdict: { ...other.verdict, findings } });
    const [, , broke] = cellsOf(wholeTable(readRuns(folder).runs));
    expect(broke?.[7]).to.match(/\*\*etcd\.memory 23\.7x \(1\.49 GB\), component\.deaths 2\*\*/);
  });

  it('keeps runs with other parameters, or changed by a suite, in rows of their own', async () => {
    const few = { ...old, scenario: { ...old.scenario, parameters: { ...old.scenario.parameters, pods: 5 } } };
    const variant = { ...old.scenario.variant, what: 'old; changed by some.yaml:1:3: phases' };
    const folder = await runs(old, few, { ...old, scenario: { ...old.scenario, variant } });
    const names = cellsOf(wholeTable(readRuns(folder).runs))
      .slice(2)
      .map(([, name]) => name);
    expect(names).to.have.length(3);
    expect(names[1]).to.match(/^old-etcd, pods=5, /);
    expect(names[2]).to.contain('changed by some.yaml:1:3: phases');
  });

  it('leaves out, and names, what was interrupted and what has no verdict', async () => {
    const folder = await runs(old, ended(old, 'interrupted'));
    mkdirSync(join(folder, 'run-9'));
    writeFileSync(join(folder, 'run-9', 'journal.ndjson'), '');
    const read = readRuns(folder);
    expect(read.runs).to.have.length(1);
    expect(read.left).to.deep.equal(['run-1: interrupted', 'run-9: no verdict.json (ordeal report run-9 writes it)']);
  });

  it('is one command, also for all thresholds of one scenario', async () => {
    const folder = await runs(duration(60), duration(80), listFlood('hardened'));
    const said = (...args: string[]) => execFileSync(process.execPath, [bench, folder, ...args], { encoding: 'utf8' });
    expect(said()).to.equal(wholeTable(readRuns(folder).runs));
    expect(said('list-flood')).to.equal(scenarioTable(readRuns(folder).runs));
    const more = await runs(duration(90));
    expect(cellsOf(said(more))[2]?.[4]).to.equal('3');
    const [head, , count, ...rows] = cellsOf(said('list-flood'));
    expect(head).to.deep.equal(['', 'old-etcd (2 runs)', 'stock (1 runs)']);
    expect(count).to.deep.equal(['as expected', '2', '1']);
    expect(rows.map(([name]) => name)).to.include('evidence: list.requests count during fault >= 100');
    expect(rows.find(([name]) => name?.startsWith('signature: list.duration'))?.[1]).to.equal('60x … 80x');
  });
});
