import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Ambient } from '../../harness/commands/ambient.ts';
import { clean } from '../../harness/commands/clean.ts';
import { docker, tryDocker } from '../../harness/docker.ts';
import { arm, waiting } from '../../harness/run/arm.ts';
import { openLedger, readLedger } from '../../harness/run/ledger.ts';
import { skip } from '../skip.ts';
import { removeTestContainers, requireContainers, startContainer, stateOf } from './containers.ts';
import { startEmptyDocker } from './empty-docker.ts';

const mark = randomBytes(8).toString('hex');
const ours = ['--label', `ordeal.mark=${mark}`];
const temporary = () => mkdtempSync(join(tmpdir(), 'ordeal-test-'));
const messageOf = (work: Promise<unknown>): Promise<string> => work.then(() => '', String);

const moduleOf = (path: string) => JSON.stringify(new URL(`../../harness/${path}`, import.meta.url).href);

/** A harness that owes, freezes the container, and is killed with its process group. */
async function killedHarness(setUp: string, container: string, within: number): Promise<void> {
  const source = `import { execFileSync } from 'node:child_process';
    import { openLedger } from ${moduleOf('run/ledger.ts')};
    import { makeRunFolder } from ${moduleOf('run/folder.ts')};
    ${setUp}
    await openLedger(folder).owe({ undo: 'thaw-node', container: '${container}', mark }, { within: ${within} });
    execFileSync('docker', ['pause', '${container}']);
    process.kill(-process.pid, 'SIGKILL');`;
  const harness = spawn(process.execPath, ['--input-type=module', '-e', source], { detached: true, stdio: 'inherit' });
  expect((await once(harness, 'exit'))[1]).to.equal('SIGKILL');
  expect(await stateOf(container)).to.equal('paused');
}

/** Waits, at most 40 s, until it is so. */
async function until(what: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let round = 0; round < 200; round++) {
    if (await what()) return true;
    await sleep(200);
  }
  return false;
}

describe('a debt that was paid before its deed was done', () => {
  it('is owed again', async () => {
    const folder = temporary();
    const ledger = openLedger(folder);
    const owed = await ledger.owe({ undo: 'remove-folder', path: join(folder, 'made'), mark });
    await owed.settle();
    expect(readLedger(folder)[0]?.settled).to.equal(true);
    owed.done();
    expect(readLedger(folder)[0]?.settled).to.equal(false);
    expect(await ledger.payAll()).to.deep.equal([]);
  });
});

describe("another user's process that says it waits", () => {
  it('is none of ours: it is neither told nor waited for, and fails nothing', async function () {
    if (process.getuid?.() !== 0) skip(this, 'only root can start a process of another user');
    // Its arguments as a waiting process has them: program, script, sign.
    const script = join(temporary(), 'wait.mjs');
    writeFileSync(script, 'setTimeout(() => {}, 60_000);');
    const theirs = spawn(process.execPath, [script, `--later=${mark}`], { stdio: 'ignore' });
    const source = `import { hurry, waiting } from ${moduleOf('run/arm.ts')};
      console.log(waiting('${mark}').length, (await hurry('${mark}', 60_000)).length);`;
    expect(await until(() => waiting(mark).length === 1)).to.equal(true);
    const nobody = spawn(process.execPath, ['--input-type=module', '-e', source], {
      uid: 65_534,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = (await once(nobody.stdout, 'data')) as [Buffer];
    expect(String(said)).to.equal('1 0\n');
    expect(theirs.exitCode).to.equal(null);
    theirs.kill('SIGKILL');
    await once(theirs, 'exit');
  });
});

describe('what is paid later by a process outside', function () {
  this.timeout(90_000);

  before(async function () {
    await requireContainers(this);
  });

  after(removeTestContainers);

  it('is paid when the harness and its process group were killed, and the ledger says so', async () => {
    const folder = temporary();
    const container = await startContainer(...ours);
    await killedHarness(`const mark = '${mark}'; const folder = '${folder}';`, container, 8000);
    expect(waiting(mark)).to.have.length(1);
    expect(await until(() => waiting(mark).length === 0)).to.equal(true);
    expect(await stateOf(container)).to.equal('running');
    expect(readLedger(folder).map(({ settled }) => settled)).to.deep.equal([true]);
  });

  it('is paid although the folder of the run was removed', async () => {
    const folder = temporary();
    const container = await startContainer(...ours);
    await killedHarness(`const mark = '${mark}'; const folder = '${folder}';`, container, 8000);
    rmSync(folder, { recursive: true });
    expect(await until(() => waiting(mark).length === 0)).to.equal(true);
    expect(await stateOf(container)).to.equal('running');
  });

  it('leaves no process behind when the harness settles it itself', async () => {
    const folder = temporary();
    const container = await startContainer(...ours);
    const owed = await openLedger(folder).owe({ undo: 'thaw-node', container, mark }, { within: 600_000 });
    expect(waiting(mark)).to.have.length(1);
    await docker(['pause', container]);
    await owed.settle();
    expect(waiting(mark)).to.deep.equal([]);
    expect(await stateOf(container)).to.equal('running');
  });

  it('notices by itself when somebody else has settled it, and then does nothing', async () => {
    const folder = temporary();
    const container = await startContainer(...ours);
    await openLedger(folder).owe({ undo: 'thaw-node', container, mark }, { within: 600_000 });
    appendFileSync(join(folder, 'ledger.ndjson'), `${JSON.stringify({ id: 1, wall: '', state: 'settled' })}\n`);
    await docker(['pause', container]);
    expect(await until(() => waiting(mark).length === 0)).to.equal(true);
    expect(await stateOf(container)).to.equal('paused');
    await docker(['unpause', container]);
  });

  it('is harmless when several pay at the same time', async () => {
    const folder = temporary();
    const container = await startContainer(...ours);
    const ledger = openLedger(folder);
    const debt = { undo: 'power-on-node', container, mark } as const;
    await ledger.owe(debt);
    const others = await Promise.all([arm(folder, 1, debt, 0), arm(folder, 1, debt, 0)]);
    await docker(['kill', container]);
    expect(await ledger.payAll()).to.deep.equal([]);
    await Promise.all(others.map((other) => other.disarm()));
    expect(await stateOf(container)).to.equal('running');
    expect(readLedger(folder).map(({ settled }) => settled)).to.deep.equal([true]);
  });

  it('refuses the deed when the debt is none', async () => {
    const error = await messageOf(
      openLedger(temporary()).owe({ undo: 'thaw-node', container: 'x', mark }, { within: 1000 }),
    );
    expect(error).to.contain('not a debt');
    expect(waiting(mark)).to.deep.equal([]);
  });
});

describe('ordeal clean after a harness that froze a container and was killed', function () {
  this.timeout(90_000);
  let cwd: string;
  let container: string;
  let run: { readonly folder: string; readonly mark: string };
  let said: string;

  before(async function () {
    await requireContainers(this);
  });

  beforeEach(async () => {
    cwd = temporary();
    said = '';
    // A node of a user's cluster.
    container = await startContainer('--label', 'io.x-k8s.kind.cluster=mine');
    const made = `const places = { runs: '${cwd}/runs', state: '${cwd}/state/ordeal/runs' };
      const { folder, mark } = makeRunFolder(places, 'test');
      execFileSync('docker', ['network', 'create', '--label', 'ordeal.mark=' + mark, '--internal', 'ordeal-' + mark], { stdio: 'ignore' });
      await openLedger(folder).owe({ undo: 'remove-network', name: 'ordeal-' + mark, mark });`;
    await killedHarness(made, container, 600_000);
    const [id = ''] = readdirSync(join(cwd, 'runs'));
    run = JSON.parse(readFileSync(join(cwd, 'runs', id, 'owner.json'), 'utf8')) as typeof run;
  });

  after(removeTestContainers);

  const cleaned = (env: Ambient['env'] = {}): Promise<number> => {
    const write = (text: string) => {
      said += text;
    };
    const terminal = { isTTY: false, columns: 80, color: false, write };
    const signal = new AbortController().signal;
    const merged = { ...process.env, XDG_STATE_HOME: join(cwd, 'state'), ...env };
    return clean({ runsDir: 'runs' }, { env: merged, cwd, signal, version: 'test', out: terminal, err: terminal });
  };

  const expectAllPutBack = async () => {
    expect(await stateOf(container)).to.equal('running');
    expect(waiting(run.mark)).to.deep.equal([]);
    expect((await tryDocker(['network', 'inspect', `ordeal-${run.mark}`])).exitCode).not.to.equal(0);
  };

  it('pays at once, and leaves no process behind that waits', async () => {
    expect(await cleaned()).to.equal(0);
    await expectAllPutBack();
    expect(await cleaned()).to.equal(0);
    expect(said).to.contain('nothing is owed');
  });

  it("pays what the index has kept when the run's folder is lost, and what was done to somebody's cluster too", async () => {
    // Nobody else knows it.
    for (const pid of waiting(run.mark)) process.kill(pid, 'SIGKILL');
    rmSync(run.folder, { recursive: true });
    expect(await cleaned(), said).to.equal(0);
    expect(said).to.contain('its folder is gone; put back 2 of 2');
    await expectAllPutBack();
    expect(await cleaned()).to.equal(0);
    expect(said).to.contain('nothing is owed');
  });

  it('says that something may be owed when the ledger that the index kept is lost as well', async () => {
    for (const pid of waiting(run.mark)) process.kill(pid, 'SIGKILL');
    rmSync(run.folder, { recursive: true });
    const index = join(cwd, 'state', 'ordeal', 'runs');
    for (const name of readdirSync(index)) if (name.endsWith('.ledger')) rmSync(join(index, name));
    expect(await cleaned()).to.equal(4);
    expect(said).to.contain(`its ledger are lost; look for what carries the mark ${run.mark}`);
    await docker(['network', 'rm', `ordeal-${run.mark}`]);
  });

  it('takes nothing for paid because another docker does not know it', async () => {
    for (const pid of waiting(run.mark)) process.kill(pid, 'SIGKILL');
    await using other = await startEmptyDocker(join(cwd, 'other.sock'));
    expect(await cleaned({ DOCKER_HOST: other.host })).to.equal(4);
    expect(said)
      .to.contain('thaw-node: Error: another docker answers')
      .and.to.contain('remove-network: Error: another');
    expect(await stateOf(container)).to.equal('paused');
    expect(await cleaned()).to.equal(0);
    await expectAllPutBack();
  });

  it('says what is still owed while docker cannot be reached, and pays when it can', async () => {
    const unreachable = { DOCKER_HOST: `unix://${cwd}/no.sock` };
    // The waiting process has its own way to docker.
    for (const pid of waiting(run.mark)) process.kill(pid, 'SIGKILL');
    expect(await cleaned(unreachable)).to.equal(4);
    expect(said).to.contain('still owed: thaw-node').and.to.contain('docker');
    expect(await stateOf(container)).to.equal('paused');
    expect(await cleaned()).to.equal(0);
    await expectAllPutBack();
  });
});
