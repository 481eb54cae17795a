import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DOMParser } from '@xmldom/xmldom';
import { expect } from 'chai';
import type { Report } from '../harness/model.ts';
import { verdictJson } from '../reports/json.ts';
import { junitXml } from '../reports/junit.ts';
import { markdown } from '../reports/markdown.ts';
import { reporters } from '../reports/table.ts';
import { proveSummary, summary } from '../reports/terminal.ts';
import { kindReport } from './fixtures/journals/kind.ts';
import { listFlood } from './fixtures/journals/list-flood.ts';
import { emptyReport, hostile, hostileReport } from './fixtures/journals/odd.ts';

describe('reports', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ordeal-reports-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('writes every file of a run folder, also of an empty journal', async () => {
    for (const report of [listFlood('vulnerable'), emptyReport()]) {
      const written = (await Promise.all(reporters.map((reporter) => reporter.write(report, folder)))).flat();
      expect(written).to.deep.equal(
        ['verdict.json', 'junit.xml', 'summary.md', 'report.html'].map((name) => join(folder, name)),
      );
      for (const path of written) expect((await stat(path)).size).to.be.greaterThan(100);
    }
  });

  it('changes nothing when written again: reports are functions of the journal', async () => {
    const texts = async () => {
      const written = await Promise.all(reporters.map((reporter) => reporter.write(listFlood('hardened'), folder)));
      return Promise.all(written.flat().map((path) => readFile(path, 'utf8')));
    };
    expect(await texts()).to.deep.equal(await texts());
  });

  describe('verdict.json', () => {
    it('holds the verdict, what ran and what was put back', () => {
      const told = JSON.parse(JSON.stringify(verdictJson(listFlood('vulnerable'))));
      expect(told).to.include({ format: 1, status: 'passed', claim: 'broke as in the postmortem', exitCode: 0 });
      expect(told).to.include({ ended: 'completed', started: '2026-07-14T10:15:02.118Z', signatureShown: true });
      expect(told.tools.map((tool: { name: string }) => tool.name)).to.include('etcd');
      expect(told.owed).to.have.length(3);
    });

    it('says when a run was cut short, and keeps unknown apart from false', () => {
      expect(verdictJson(emptyReport())).to.include({ ended: 'cut short', signatureShown: null, host: null });
    });
  });

  describe('junit.xml', () => {
    it('has one case a threshold: failures of what was judged, the rest skipped', async () => {
      const { suite, cases } = await parsed(listFlood('vulnerable', 'limits'));
      expect(suite).to.include({ name: 'list-flood.old-etcd', tests: '10', failures: '3', errors: '0', skipped: '3' });
      expect(cases.filter(({ result }) => result === 'failure').map(({ name }) => name)).to.deep.equal([
        'etcd.memory max during fault <= 1.5x steady',
        'api.get.duration p99 during fault <= 1s',
        'component.deaths count during run == 0',
      ]);
    });

    it('does not fail the broken limits of a variant that had to break', async () => {
      const { suite } = await parsed(listFlood('vulnerable', 'signature'));
      expect(suite).to.include({ failures: '0', errors: '0', skipped: '4' });
    });

    it('makes an invalid run an error, and what was not put back a failure', async () => {
      const report = emptyReport();
      const dirty: Report = { ...report, owed: [{ debt: { undo: 'end-processes', mark: 'm' }, settled: false }] };
      const { suite } = await parsed(dirty);
      expect(suite).to.include({ tests: '2', failures: '1', errors: '1' });
    });

    it('names the runs before it that proved nothing, as skipped', async () => {
      const former = [{ run: 'the-first', reasons: ['the generator was the bottleneck', 'no samples'] }];
      const report = listFlood('hardened');
      const events = report.events.map((event) => (event.kind === 'began' ? { ...event, former } : event));
      const { cases, text } = await parsed({ ...report, events });
      expect(cases).to.deep.include({ name: 'attempt 1', result: 'skipped' });
      const said = 'attempt 1 (the-first) proved nothing: the generator was the bottleneck, and 1 more';
      expect(text).to.contain(said);
      const look = { color: false, columns: 100 };
      const texts = [summary({ ...report, events }, look), proveSummary([{ ...report, events }], look)];
      for (const each of texts) expect(each.replaceAll(/\s+/g, ' ')).to.contain(said);
      expect(verdictJson({ ...report, events }).former).to.deep.equal(former);
    });

    it('is well-formed whatever the text, without a character that XML forbids', async () => {
      const { text, cases } = await parsed(hostileReport());
      expect(cases[0]?.name).to.contain('<img src=x onerror="globalThis.pwned=1"></script>');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for what must not be there
      expect(text).not.to.match(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u202e]|&#x?0*(1b|27|0);/iu);
    });

    async function parsed(report: Report) {
      const text = await junitXml(report);
      const complain = (level: string, message: string) => {
        if (level !== 'warning') throw new Error(`${level}: ${message}`);
      };
      const document = new DOMParser({ onError: complain }).parseFromString(text, 'text/xml');
      const suite = document.getElementsByTagName('testsuite')[0];
      const attributes = Object.fromEntries([...(suite?.attributes ?? [])].map(({ name, value }) => [name, value]));
      const cases = [...document.getElementsByTagName('testcase')].map((one) => ({
        name: one.getAttribute('name'),
        result: ['failure', 'error', 'skipped'].find((name) => one.getElementsByTagName(name).length > 0) ?? 'passed',
      }));
      return { text, suite: attributes, cases };
    }
  });

  describe('summary.md', () => {
    it('begins with the verdict, then why, then the findings', () => {
      const lines = markdown(listFlood('vulnerable', 'limits')).split('\n');
      expect(lines[0]).to.equal('## 🔴 failed: broke as in the postmortem');
      expect(lines[4]).to.equal(
        '3 of 4 limits broke: etcd.memory 23.7x (1.49 GB), api.get.duration 4.12 s, component.deaths 1.',
      );
      expect(lines.filter((line) => line.startsWith('| 🔴 broke'))).to.have.length(3);
    });

    it('keeps hostile text inert: the tables keep their columns and nothing is markup', () => {
      const text = markdown(hostileReport());
      expect(text).not.to.match(/<(?!br>|\/?sub>)/u);
      expect(text).not.to.contain('](');
      expect(text).not.to.contain('@all');
      expect(text).not.to.match(/^# next/mu);
      for (const row of text.split('\n').filter((line) => line.startsWith('|')))
        expect(row.split('|').length).to.be.oneOf([8, 9]);
      expect(text).to.contain('⟨U+202E⟩');
      expect(hostile).to.contain('\u202e');
    });
  });

  describe('of node failures', () => {
    it('verdict.json holds each with its times in seconds, its fault and the lines of the node', () => {
      const { nodeFailures, faults } = verdictJson(kindReport('stop-kubelet'));
      expect(nodeFailures).to.have.length(1);
      expect(nodeFailures[0]).to.deep.include({
        node: 'ordeal-5c1f-worker',
        what: 'not-ready',
        first: { at: 65.31, sign: 'stop-kubelet injected; kubelet is not active' },
        detectedAfter: 48.74,
        back: 166.7,
        backAfter: 1.8,
      });
      expect(nodeFailures[0]?.evidence[0]?.line).to.contain('Stopping kubelet.service');
      expect(faults[0])
        .to.include({ name: 'stop-kubelet', real: true })
        .and.to.have.property('targets')
        .that.has.length(1);
      expect(verdictJson(kindReport('memory-stress')).nodeFailures[0]).to.include({
        detected: null,
        detectedAfter: null,
      });
    });

    it('summary.md has a table, and tells what runs on every node once', () => {
      const text = markdown(kindReport('memory-stress'));
      expect(text).to.contain('2 node failures: 1 kubelet-down, 1 oom-kill.');
      expect(text).to.match(/^\| ordeal-5c1f-worker \| oom-kill .* 14 OOM kills \| 12.*1 s \|/mu);
      expect(text).to.contain('kubelet v1.36.3 (3)').and.not.to.contain('kubelet (ordeal');
      expect(markdown(kindReport('healthy'))).not.to.contain('Node failures');
    });

    it('junit.xml tells them in system-out', async () => {
      expect(await junitXml(kindReport('stop-kubelet'))).to.contain(
        'ordeal-5c1f-worker not-ready: first sign at 65.31 s (stop-kubelet injected; kubelet is not active), noticed after 48.7 s, back after 1.8 s',
      );
    });

    it('the terminal tells node, what, when, how soon noticed and back, within its columns', () => {
      for (const columns of [50, 80, 120]) {
        const lines = summary(kindReport('memory-stress'), { color: false, columns }).split('\n');
        for (const line of lines) expect([...line].length, line).to.be.at.most(columns);
        const text = lines.join(' ').replace(/\s+/gu, ' ');
        expect(text).to.match(/5c1f-worker kubelet-down (at )?65\.3 s,? never noticed, back after 29\.7 s/u);
        expect(text).to.contain('Fault memory-hog into ordeal-5c1f-worker');
      }
    });

    it('the terminal tells six, and how many more', () => {
      const report = kindReport('stop-kubelet');
      const [one] = report.verdict.nodeFailures;
      if (!one) throw new Error('no failure');
      const nodeFailures = Array.from({ length: 20 }, (_, index) => ({ ...one, node: `worker-${index}` }));
      const text = summary({ ...report, verdict: { ...report.verdict, nodeFailures } }, { color: false, columns: 80 });
      expect(text).to.contain('20 node failures: 20 not-ready').and.to.contain('and 14 more');
      expect(text.match(/worker-\d+ +not-ready/gu)).to.have.length(6);
    });

    it('what is not back says so', () => {
      const text = summary(hostileReport(), { color: false, columns: 100 });
      expect(text).to.contain('noticed after 5 s, not back');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for what must not be there
      expect(text).not.to.match(/[\u0000-\u0009\u001b\u202e]/u);
    });
  });
});
