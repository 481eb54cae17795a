import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ScenarioError } from '../harness/model.ts';
import { fuzz } from './fuzz/fuzz.ts';
import { targets } from './fuzz/targets.ts';

const folder = mkdtempSync(join(tmpdir(), 'ordeal-fuzz-'));

async function complaints(kind: string, text: string): Promise<readonly string[]> {
  const file = join(folder, targets[kind]?.name ?? '');
  writeFileSync(file, text);
  try {
    await targets[kind]?.decode(file);
  } catch (error) {
    if (error instanceof ScenarioError) return error.complaints;
    throw error;
  }
  return expect.fail('it was not refused');
}

describe('files that somebody wrote', function () {
  this.timeout('5m');

  it('are decoded or refused with a place and one line for each complaint, whatever happened to them', async () => {
    const { failures, refused, decoded } = await fuzz(7, { count: 150 });
    expect(failures.map(({ index, target, by, what }) => ({ index, target, by, what }))).to.deep.equal([]);
    expect(refused).to.be.greaterThan(75);
    expect(decoded).to.be.greaterThan(5);
  });

  it('are the same for the same seed', async () => {
    const [whole, part] = [await fuzz(1, { count: 6 }), await fuzz(1, { from: 3, count: 3 })];
    const first = await fuzz(1, { count: 3 });
    expect([first.refused + part.refused, first.decoded + part.decoded]).to.deep.equal([whole.refused, whole.decoded]);
  });

  it('are quoted on one line, without what would move a cursor, and no further than anybody reads', async () => {
    const [odd] = await complaints('scenario', '"a\\nb\\e[2J\\u202e": 1\n');
    expect(odd).to.match(/scenario\.yaml:1:1: /);
    const all = await complaints('suite', '- scenario: "a\\n    at Object.<anonymous> (x.js:1:1)\\e[2J"\n');
    for (const line of all) expect(line).not.to.match(/\p{Cc}|\u202e/u);
    for (const line of await complaints('scenario', `x: ${'!!'.repeat(3000)}\n`)) expect(line.length).to.be.below(1100);
  });

  it('may hold thousands of keys: they are told in time, not all of them', async () => {
    const started = performance.now();
    const lines = await complaints('scenario', Array.from({ length: 8_000 }, (_, key) => `key${key}: 1`).join('\n'));
    expect(lines.length).to.be.within(100, 300);
    expect(performance.now() - started).to.be.below(20_000);
  });

  it('may hold thousands of aliases', async () => {
    const started = performance.now();
    const lines = await complaints('scenario', `a: &a 1\nb: [${'*a, '.repeat(9_000)}]\nc: *d\n`);
    expect(lines.join('\n')).to.match(/scenario\.yaml:3:4: unknown alias \*d/);
    expect(performance.now() - started).to.be.below(20_000);
  });

  it('are refused where they are nested more deeply than anybody can read', async () => {
    const deep = /scenario\.yaml:\d+:\d+: nested too deeply; expected ≤ 100 levels/;
    for (const levels of [200, 5_000, 40_000]) {
      expect((await complaints('scenario', `x: ${'['.repeat(levels)}${']'.repeat(levels)}`)).join('\n')).to.match(deep);
      expect((await complaints('scenario', `${'- '.repeat(levels)}x\n`)).join('\n')).to.match(deep);
    }
  });

  it('are refused on the line on which they are nested too deeply', async () => {
    expect(await complaints('scenario', `a: 1\nb: 2\nx: ${'['.repeat(200)}`)).to.match(
      /scenario\.yaml:3:104: nested too deeply/,
    );
  });

  it('have an alias that is the last anchor before it', async () => {
    const [line, ...others] = await complaints(
      'suite',
      '- scenario: &a nowhere\n- scenario: &a list-flood\n- scenario: *a\n',
    );
    expect(line).to.match(/suite\.yaml:1:\d+: no scenario "nowhere"/);
    expect(others).to.deep.equal([]);
  });

  it('have each key once, however it is quoted', async () => {
    expect(await complaints('suite', '- scenario: list-flood\n  "scenario": list-flood\n')).to.match(
      /suite\.yaml:2:3: duplicate key "scenario"/,
    );
  });

  it('have no key that would be none', async () => {
    expect(await complaints('suite', '- scenario: list-flood\n  set: { "__proto__": 1 }\n')).to.match(
      /suite\.yaml:2:10: the key "__proto__"/,
    );
  });

  it('are no larger than somebody could have written them', async () => {
    expect(await complaints('scenario', `# ${'x'.repeat(110_000)}\n`)).to.match(
      /scenario\.yaml:1:1: too large; expected ≤ 100000 characters/,
    );
    const many = await complaints('suite', '- scenario: list-flood\n'.repeat(101));
    expect(many).to.match(/suite\.yaml:101:3: 101 entries; expected ≤ 100/);
  });
});
