import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { VerdictFile } from '../../reports/json.ts';
import { findChromium, launch, open } from '../fixtures/journals/browser.ts';
import { skip } from '../skip.ts';
import { kindSpec, requireKind } from './kind-ground.ts';
import { expectAsBefore, thisHost } from './left-behind.ts';
import { Ordeal } from './ordeal.ts';

describe('memory-stress on real nodes', function () {
  this.timeout('25m');
  let ordeal: Ordeal;

  before(async function () {
    await requireKind(this, kindSpec({}, { images: ['workload'], workerMemoryBytes: 1024 ** 3 }));
    ordeal = new Ordeal();
  });

  it('is proved: a vulnerable variant breaks, a hardened one holds, and nothing is left', async () => {
    const before = thisHost();
    const { code, out, err } = await ordeal.run(
      'prove',
      'memory-stress',
      '--variants',
      'no-eviction,eviction',
      '--json',
    );
    expect(code, err).to.equal(0);
    const judged = JSON.parse(out) as VerdictFile[];
    expect(judged.map(({ variant, judged: by, status }) => `${variant.name}: ${by} ${status}`)).to.deep.equal([
      'no-eviction: signature passed',
      'eviction: limits passed',
    ]);
    for (const { variant, nodeFailures } of judged) {
      expect(nodeFailures, variant.name).to.not.be.empty;
      expect(
        nodeFailures.flatMap(({ evidence }) => evidence),
        variant.name,
      ).to.not.be.empty;
    }
    expect(ordeal.residue()).to.deep.equal([]);
    await expectAsBefore(before);
  });

  it('has a report that shows, in a browser, which node failed and what its kernel said', async function () {
    const chromium = findChromium();
    if (chromium === undefined) skip(this, 'no chromium, chromium-browser or google-chrome on PATH');
    const runs = join(ordeal.cwd, 'runs');
    const folder = join(runs, readdirSync(runs).find((name) => name.includes('memory-stress-no-eviction')) ?? 'none');
    const verdict = JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8')) as VerdictFile;
    const killed = verdict.nodeFailures.find(({ what }) => what === 'oom-kill') ?? expect.fail('nothing was killed');
    const browser = await launch(chromium);
    try {
      const { page, complaints } = await open(browser, join(folder, 'report.html'));
      await page.waitForSelector('html[data-ready]');
      const table = page.locator('.failures');
      await table.scrollIntoViewIfNeeded();
      expect(await table.isVisible()).to.equal(true);
      const text = (await table.textContent()) ?? '';
      for (const part of [killed.node, 'oom-kill', killed.evidence[0]?.line]) expect(text).to.contain(part);
      expect(await page.locator('.lane:visible .label').allTextContents()).to.include(`oom-kill · ${killed.node}`);
      expect(complaints).to.deep.equal([]);
    } finally {
      await browser.close();
    }
  });
});
