import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Ambient } from '../harness/commands/ambient.ts';
import { writeReports } from '../harness/commands/finish.ts';
import type { Provided } from '../harness/commands/needs.ts';
import { play } from '../harness/commands/play.ts';
import type { Scenario } from '../harness/model.ts';
import { listFlood } from './fixtures/journals/list-flood.ts';

const escapes = '\u001b]0;title\u0007\u001b[2J\u202e';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const raw = /[\u0007\u001b\u202e]/;

/** What is said on a terminal that shows no colours. */
function ambientOf(said: string[]): Ambient {
  const cwd = mkdtempSync(join(tmpdir(), 'ordeal-hostile-'));
  const terminal = { isTTY: false, columns: 80, color: false, write: (text: string) => void said.push(text) };
  const env = { HOME: cwd, PATH: process.env['PATH'] };
  return { env, cwd, signal: new AbortController().signal, version: 'test', out: terminal, err: terminal };
}

describe('text that is not ours', () => {
  it('moves no cursor as the reason for which a run was refused', async () => {
    const said: string[] = [];
    const { scenario } = listFlood('vulnerable');
    const refused: Scenario = { ...scenario, runsOn: [escapes] };
    const tool = { name: 'x', version: '1', path: '/x', source: 'named', expected: '1' } as const;
    const provided = { tools: { get: () => tool }, archives: new Map() } as unknown as Provided;
    const options = { set: [], runsDir: 'runs', cluster: 'embedded', attempts: 1 };
    const report = await play(refused, 'limits', provided, options, ambientOf(said));
    expect(report.exitCode).to.equal(2);
    expect(said.join(''))
      .to.match(/runs on .*, not on embedded/)
      .and.not.to.match(raw);
  });

  it('moves no cursor in the name of a folder into which no report can be written', async () => {
    const said: string[] = [];
    await writeReports(listFlood('vulnerable'), `/nowhere${escapes}`, ambientOf(said));
    expect(said.join(''))
      .to.match(/could not be written: .*nowhere/)
      .and.not.to.match(raw);
  });

  it('moves no cursor when the harness crashes of it', () => {
    const crash = `const timer = setInterval(() => {
      if (process.listenerCount('uncaughtException') === 0) return;
      clearInterval(timer);
      throw new Error(${JSON.stringify(`crashed ${escapes}`)});
    }, 1);`;
    const entry = fileURLToPath(new URL('../ordeal.cjs', import.meta.url));
    const args = ['--import', `data:text/javascript,${encodeURIComponent(crash)}`, entry, 'doctor'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).to.equal(3);
    expect(stderr)
      .to.match(/Error: crashed /)
      .and.not.to.match(raw);
  });
});
