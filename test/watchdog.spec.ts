import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { readLedger } from '../harness/run/ledger.ts';
import { watchdogs } from '../harness/run/watched.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const lines = 6;

/** A harness that owes two folders in a place of its own. */
class Owing {
  readonly place = mkdtempSync(join(tmpdir(), 'ordeal-owing-'));
  readonly state = join(this.place, 'state/ordeal/runs');

  /** Its exit code; null when it was killed. */
  async play(kill = ''): Promise<number | null> {
    const [code] = await once(this.start(kill), 'exit');
    return code;
  }

  start(kill: string, ...args: string[]) {
    const env = { ...process.env, NODE_OPTIONS: `--import ${path('kill-matrix/kill-at.mjs')}`, ORDEAL_TEST_KILL: kill };
    const program = [path('fixtures/owing/cli.ts'), this.place, ...args];
    return spawn(process.execPath, program, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  }

  async clean(): Promise<{ code: number; out: string }> {
    const env = { ...process.env, XDG_STATE_HOME: join(this.place, 'state') };
    const child = spawn(process.execPath, [path('../harness/cli.ts'), 'clean'], { cwd: this.place, env });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (out += data));
    const [code] = await once(child, 'close');
    return { code, out };
  }

  get entry(): { readonly folder: string; readonly mark: string } {
    const [id = ''] = readdirSync(join(this.place, 'runs'));
    return JSON.parse(readFileSync(join(this.place, 'runs', id, 'owner.json'), 'utf8'));
  }

  async watched(): Promise<void> {
    for (let round = 0; round < 600 && watchdogs(this.entry.mark).length > 0; round++) await sleep(50);
  }

  /** Of what was made, of what was written down, and of who watches. */
  get left(): string[] {
    const { folder, mark } = this.entry;
    return [
      ...['one', 'two'].filter((name) => existsSync(join(folder, name))),
      ...readdirSync(this.state),
      ...watchdogs(mark).map((pid) => `process ${pid}, which watches`),
    ];
  }
}

describe('a watchdog', function () {
  this.timeout('2m');

  it('goes when all is settled, and has nothing to do', async () => {
    const owing = new Owing();
    expect(await owing.play()).to.equal(0);
    expect(owing.left).to.deep.equal([]);
    expect(readFileSync(join(owing.entry.folder, 'ledger.ndjson'), 'utf8').match(/\n/g)).to.have.length(lines);
  });

  for (const edge of ['before', 'after']) {
    it(`pays whatever is owed when the harness is killed ${edge} any line of its ledger`, async () => {
      for (let line = 1; line <= lines; line++) {
        const owing = new Owing();
        expect(await owing.play(`${edge} ${line}`)).to.equal(null);
        await owing.watched();
        expect(owing.left, `${edge} line ${line}`).to.deep.equal([]);
      }
    });

    it(`leaves it to clean when it is killed too, ${edge} any line`, async () => {
      for (let line = 1; line <= lines; line++) {
        const owing = new Owing();
        expect(await owing.play(`${edge} ${line} both`)).to.equal(null);
        await owing.watched();
        expect((await owing.clean()).code).to.equal(0);
        expect(owing.left, `${edge} line ${line}`).to.deep.equal([]);
      }
    });
  }

  it('pays by the copy of the index where somebody removed the folder of the run', async () => {
    const owing = new Owing();
    const harness = owing.start('', 'foreign');
    await once(harness.stdout, 'data');
    const { entry } = owing;
    rmSync(entry.folder, { recursive: true });
    harness.kill('SIGKILL');
    for (let round = 0; round < 600 && watchdogs(entry.mark).length > 0; round++) await sleep(50);
    expect(readdirSync(owing.state)).to.deep.equal([]);
    expect(await owing.clean()).to.deep.equal({ code: 0, out: 'nothing is owed\n' });
  });

  describe('that cannot pay everything', () => {
    let owing: Owing;

    beforeEach(async () => {
      owing = new Owing();
      const harness = owing.start('', 'foreign');
      await once(harness.stdout, 'data');
      harness.kill('SIGKILL');
      const failed = () => readLedger(owing.entry.folder).some(({ error }) => error !== undefined);
      for (let round = 0; round < 600 && !failed(); round++) await sleep(50);
    });

    it('pays the rest, tries again, and is done when it can', async () => {
      const { folder, mark } = owing.entry;
      expect(existsSync(join(folder, 'two'))).to.equal(false);
      expect(readLedger(folder).map(({ settled }) => settled)).to.deep.equal([false, true]);
      writeFileSync(join(folder, 'one', '.ordeal'), mark);
      await owing.watched();
      expect(owing.left).to.deep.equal([]);
    });

    it('is ended by clean, which says what is still owed', async () => {
      const { code, out } = await owing.clean();
      expect(code, out).to.equal(4);
      expect(out).to.contain('still owed: remove-folder').and.contain('not ours, left alone');
      expect(watchdogs(owing.entry.mark)).to.deep.equal([]);
      expect(existsSync(join(owing.entry.folder, 'one'))).to.equal(true);
    });
  });
});
