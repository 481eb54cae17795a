import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import type { Report } from '../harness/model.ts';
import { writeProve } from '../reports/html/prove.ts';
import { htmlReport } from '../reports/html/report.ts';
import { findChromium, launch, open, type Watched } from './fixtures/journals/browser.ts';
import { kindReport } from './fixtures/journals/kind.ts';
import { listFlood } from './fixtures/journals/list-flood.ts';
import { emptyReport, hostileReport, hugeReport } from './fixtures/journals/odd.ts';
import { skip } from './skip.ts';

declare const ordeal: {
  view: { from: number; to: number; pin?: number };
  charts: { chart: { scales: { x: { min: number; max: number } } } }[];
};

describe('report.html in Chromium', function () {
  this.timeout(60_000);
  let browser: Browser;
  let folder: string;

  before(async function () {
    const found = findChromium();
    if (found === undefined) return skip(this, 'no chromium, chromium-browser or google-chrome on PATH');
    browser = await launch(found);
    folder = await mkdtemp(join(tmpdir(), 'ordeal-page-'));
    return undefined;
  });
  after(async () => {
    await browser?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  async function show(report: Report, options: Parameters<typeof open>[2] = {}): Promise<Watched & { size: number }> {
    const [file = ''] = await htmlReport.write(report, folder);
    const watched = await open(browser, file, options);
    if (options.javaScriptEnabled !== false) await watched.page.waitForSelector('html[data-ready]');
    return { ...watched, size: (await stat(file)).size };
  }

  const view = (page: Page) => page.evaluate(() => ({ ...ordeal.view }));

  it('asks nothing of the network and breaks no policy, light and dark, wide and narrow', async () => {
    for (const colorScheme of ['light', 'dark'] as const)
      for (const width of [1440, 390]) {
        const { page, complaints } = await show(listFlood('vulnerable'), {
          colorScheme,
          viewport: { width, height: 900 },
        });
        await page.mouse.move(width / 2, 500);
        await page.emulateMedia({ media: 'print' });
        expect(complaints).to.deep.equal([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(width);
        await page.close();
      }
  });

  it('has the verdict and why in the first screen', async () => {
    const { page } = await show(listFlood('vulnerable', 'limits'));
    for (const text of [
      'failed',
      'broke as in the postmortem',
      'etcd.memory 23.7x (1.49 GB)',
      'the failure of the incident shows',
    ]) {
      const box = await page.getByText(text, { exact: false }).first().boundingBox();
      expect(box?.y, text).to.be.lessThan(700);
    }
    await page.close();
  });

  it('can be read with scripts off', async () => {
    const { page, complaints } = await show(listFlood('hardened'), { javaScriptEnabled: false });
    const text = (await page.textContent('main')) ?? '';
    for (const part of [
      'the fix held',
      'etcd.memory max during fault <= 1.5x steady',
      'nodegroup-controller',
      'All 3 changes were put back',
    ])
      expect(text).to.contain(part);
    expect(complaints).to.deep.equal([]);
    await page.close();
  });

  it('zooms every chart to the moment of a finding, marks it, and brings its chart into view', async () => {
    const { page } = await show(listFlood('vulnerable', 'limits'), { reducedMotion: 'reduce' });
    await page.locator('tr', { hasText: 'api.get.duration p99' }).getByRole('button').click();
    const { from, to, pin } = await view(page);
    expect(pin).to.equal(66.9);
    expect(from).to.be.greaterThan(55);
    expect(to).to.be.lessThan(80);
    const ranges = await page.evaluate(() =>
      ordeal.charts.map(({ chart }) => [chart.scales.x.min, chart.scales.x.max]),
    );
    for (const range of ranges) expect(range).to.deep.equal([from, to]);
    const box = await page.locator('.panel.found').boundingBox();
    expect(box?.y).to.be.within(0, 900 - (box?.height ?? 900));
    await page.close();
  });

  it('zooms by dragging and by keys, and back', async () => {
    const { page, complaints } = await show(listFlood('vulnerable'));
    const whole = await view(page);
    const plot = page.locator('#panel-list\\.duration .u-over');
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    if (box === null) throw new Error('the chart has no size');
    await page.mouse.move(box.x + 300, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 500, box.y + 40, { steps: 4 });
    await page.mouse.up();
    const dragged = await view(page);
    expect(dragged.to - dragged.from).to.be.lessThan((whole.to - whole.from) / 2);
    await page.locator('#timeline').focus();
    await page.keyboard.press('ArrowRight');
    expect((await view(page)).from).to.be.greaterThan(dragged.from);
    await page.keyboard.press('0');
    expect(await view(page)).to.include({ from: whole.from, to: whole.to });
    expect(complaints).to.deep.equal([]);
    await page.close();
  });

  it('shows lanes for faults in sight, node conditions, deaths and gaps', async () => {
    const base = listFlood('vulnerable');
    const labels = { node: 'node-3', condition: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' };
    const events = [
      ...base.events,
      { t: 50_000, kind: 'injected', fault: 'pull-the-plug', targets: ['node-3'] },
      { t: 52_000, kind: 'seen', what: 'node', subject: 'node-3', detail: 'Ready: True → Unknown', labels },
      { t: 60_000, kind: 'recovered', fault: 'pull-the-plug' },
    ] as const;
    const { page } = await show({ ...base, events });
    const lanes = await page.locator('.lane:visible .label').allTextContents();
    expect(lanes).to.include.members(['pull-the-plug', 'Deaths 1', 'node-3', 'blind: etcd-metrics']);
    expect(await page.locator('#lanes-nodes').textContent()).to.contain('9 other nodes: Ready throughout');
    await page.locator('.mark.death').hover();
    expect(await page.locator('.tip').textContent()).to.contain('killed by SIGKILL');
    await page.close();
  });

  it('shows hostile text as text, and runs none of it', async () => {
    const { page, complaints } = await show(hostileReport());
    await page.locator('.mark.death').hover();
    await page.locator('.jump').first().click();
    expect(await page.evaluate(() => (globalThis as { pwned?: number }).pwned)).to.equal(undefined);
    expect(await page.locator('img, iframe, object, script:not([type]):not(:empty) + img').count()).to.equal(0);
    for (const part of ['h1', '.findings', '#happenings', '.tip', '.users', '.verdict', '.failures', '.faults']) {
      const text = (await page.locator(part).first().textContent()) ?? '';
      expect(text, part).to.contain('<img src=x onerror="globalThis.pwned=1"></script><script>');
      expect(text, part).to.contain('␛[31mred').and.to.contain('⟨U+202E⟩').and.not.to.contain('\u202e');
    }
    expect(complaints).to.deep.equal([]);
    await page.close();
  });

  it('lists node failures with the lines of the node, gives each a lane, and jumps to its moment', async () => {
    for (const width of [1440, 390]) {
      const { page, complaints } = await show(kindReport('memory-stress'), { viewport: { width, height: 900 } });
      const table = (await page.textContent('.failures')) ?? '';
      for (const part of [
        'ordeal-5c1f-worker',
        'kubelet-down',
        'never',
        '14 OOM kills',
        'Killed process 2000 (memhog)',
      ])
        expect(table).to.contain(part);
      expect(await page.textContent('.faults')).to.contain('attributed by oom_memcg');
      const lanes = await page.locator('.lane:visible .label').allTextContents();
      expect(lanes).to.include.members([
        'memory-hog',
        'kubelet-down · ordeal-5c1f-worker',
        'oom-kill · ordeal-5c1f-worker',
      ]);
      await page.locator('.failures .jump').first().click();
      expect((await view(page)).pin).to.equal(65.31);
      expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(width);
      expect(complaints).to.deep.equal([]);
      await page.close();
    }
  });

  it('keeps its shape with the components of every node', async () => {
    const { page } = await show(kindReport('healthy'));
    expect(await page.locator('.components tbody tr').count()).to.equal(19);
    const box = await page.locator('.scroller', { has: page.locator('.components') }).boundingBox();
    expect(box?.height).to.be.at.most(470);
    expect(await page.locator('.failures').count()).to.equal(0);
    await page.close();
  });

  it('opens a run in which nothing was recorded', async () => {
    const { page, complaints } = await show(emptyReport());
    expect((await page.textContent('main')) ?? '').to.contain('the run was cut short');
    expect(complaints).to.deep.equal([]);
    await page.close();
  });

  it('stays below 3 MB for half an hour of 200 series, 5,000 nodes and 20,000 events, and opens', async () => {
    const { page, size, complaints } = await show(hugeReport());
    expect(size).to.be.lessThan(3e6);
    expect(await page.locator('.panel').count()).to.be.within(15, 24);
    expect(await page.locator('#lanes-nodes .lane').count()).to.equal(40);
    expect(await page.locator('#lanes-nodes').textContent()).to.contain('4960 other nodes');
    expect(complaints).to.deep.equal([]);
    await page.close();
  });

  it('proves side by side: a column a variant, with links to the reports', async () => {
    const file = await writeProve(
      [listFlood('vulnerable'), { ...hostileReport(), run: '../x"y' }, listFlood('hardened')],
      folder,
    );
    const { page, complaints } = await open(browser, file);
    expect(await page.locator('.variant').allTextContents()).to.have.length(3);
    const links = await page.locator('.variant a').evaluateAll((all) => all.map((one) => one.getAttribute('href')));
    expect(links).to.deep.equal([
      '20260714-101502-list-flood-old-etcd-7f3a/report.html',
      '..%2Fx%22y/report.html',
      '20260714-101502-list-flood-stock-7f3a/report.html',
    ]);
    expect((await page.textContent('main')) ?? '').to.contain('2 of 3 variants did what was expected of them');
    expect(complaints).to.deep.equal([]);
    await page.close();
  });
});
