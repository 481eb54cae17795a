import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import type { Report } from '../harness/model.ts';
import { live } from '../reports/live.ts';
import { proveSummary, summary } from '../reports/terminal.ts';
import { listFlood } from './fixtures/journals/list-flood.ts';
import { emptyReport, hostileReport } from './fixtures/journals/odd.ts';

describe('terminal', () => {
  const look = { color: false, columns: 100 };

  it('tells the verdict, each finding with its measurement, what was put back, and where the report is', () => {
    const text = summary(listFlood('vulnerable', 'limits'), { ...look, folder: 'runs/x' });
    for (const part of [
      'Does a flood of LIST calls',
      '[FAILED] broke as in the postmortem',
      '3 of 4 limits broke',
      'all 3 changes',
      'runs/x/report.html',
    ])
      expect(text).to.contain(part);
    expect(text).to.match(/✗ broke +etcd\.memory max during fault <= 1\.5x steady +23\.7x \(1\.49 GB\) +66\.2 s/);
    expect(text).to.match(/✓ held +node\.ready/);
  });

  it('gives every reason of an invalid run, and what could not be put back', () => {
    const report: Report = {
      ...emptyReport(),
      owed: [{ debt: { undo: 'remove-folder', path: '/tmp/x', mark: 'm' }, settled: false, error: 'EBUSY' }],
    };
    const text = summary(report, look);
    expect(text).to.contain('[INVALID] this run proves nothing').and.to.contain('• the run was cut short');
    expect(text).to.contain('1 of 1 not put back').and.to.contain('remove-folder /tmp/x EBUSY');
  });

  it('fits the columns it is given, without colours unless asked', () => {
    for (const columns of [50, 80, 200])
      for (const report of [listFlood('vulnerable'), listFlood('hardened')]) {
        const text = summary(report, { color: false, columns });
        expect(stripVTControlCharacters(text)).to.equal(text);
        for (const line of text.split('\n')) expect(line.length, line).to.be.at.most(Math.min(columns, 110));
        expect(stripVTControlCharacters(summary(report, { color: true, columns })).includes('\u001b')).to.equal(false);
      }
  });

  it('says of each variant whether it did what was expected', () => {
    const text = proveSummary([listFlood('vulnerable'), listFlood('hardened')], { ...look, page: 'runs/prove.html' });
    expect(text).to.match(/✓ old-etcd +broke as in the postmortem/);
    expect(text).to.match(/✓ stock +the fix held/);
    expect(text).to.contain('Proved: 2 of 2').and.to.contain('runs/prove.html');
    expect(proveSummary([{ ...listFlood('hardened'), verdict: emptyReport().verdict }], look)).to.contain(
      'Not proved: 0 of 1',
    );
  });

  it('lets no escape sequence, control character or reordering mark of a cluster through', async () => {
    const report = hostileReport();
    const texts = [summary(report, look), proveSummary([report], look), played(report, false), await drawn(report)];
    for (const text of texts) {
      expect(text).not.to.contain('\u001b[31m');
      expect(text).not.to.contain('\u001b]0;');
      expect(text).not.to.contain('\u0007').and.not.to.contain('\u202e');
    }
  });

  it('prints plain lines without a terminal: phases, deaths, nodes as a count, a status line each five seconds', () => {
    const lines = played(listFlood('vulnerable'), false).split('\n');
    const told = (pattern: RegExp) => lines.filter((line) => pattern.test(line));
    expect(told(/phase \w+ \(\d+ s\)$/)).to.have.length(4);
    expect(told(/etcd died: killed by SIGKILL \(out of memory/)).to.have.length(1);
    expect(told(/nodes 10 of 10 Ready; \d changes/)).to.have.length(1);
    expect(told(/ s left; /)).to.have.length.within(10, 15);
    expect(told(/fault, 5 s left; list \d\/s p95 [\d.]+ s; nodes 10 of 10 Ready; etcd.memory 1.49 GB/)).to.have.length(
      1,
    );
  });

  it('prints nothing when quiet', () => {
    expect(played(listFlood('vulnerable'), true)).to.equal('');
  });

  it('draws the run in place on a terminal, at most four times a second, and clears it at the end', async () => {
    const text = await drawn(listFlood('vulnerable'), 60_000);
    const seen = stripVTControlCharacters(text);
    expect(seen).to.contain('list-flood · old-etcd').and.to.contain('12 s left').and.to.contain('10 of 10 Ready');
    expect(seen).to.match(/etcd\.memory +1\.\d+ GB +[▁▂▃▄▅▆▇█ ]{20,}/);
  });

  function played(report: Report, quiet: boolean): string {
    const written: string[] = [];
    const view = live({ isTTY: false, columns: 80, write: (text) => written.push(text) }, { quiet, color: false });
    for (const event of report.events) view.append(event);
    view.close();
    return written.join('');
  }

  async function drawn(report: Report, until = Number.POSITIVE_INFINITY): Promise<string> {
    const written: string[] = [];
    const out = { isTTY: true, columns: 100, write: (text: string) => written.push(text) };
    const view = live(out, { quiet: false, color: false });
    for (const event of report.events) if (event.t < until) view.append(event);
    await new Promise((resolve) => setTimeout(resolve, 700));
    const drawings = written.filter((text) => stripVTControlCharacters(text).trim() !== '').length;
    expect(drawings).to.be.within(1, 4);
    view.close();
    const atEnd = written.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(written).to.have.length(atEnd);
    return written.join('');
  }
});
