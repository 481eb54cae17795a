import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { JournalEvent } from '../harness/model.ts';
import { marked, signFile } from '../harness/process.ts';
import { startClock } from '../harness/run/clock.ts';
import { makeRunFolder } from '../harness/run/folder.ts';
import { openJournal, readJournal } from '../harness/run/journal.ts';
import { openLedger, readLedger } from '../harness/run/ledger.ts';
import { thisHarness, whereabouts } from '../harness/run/owner.ts';
import { enter, leftRuns, strike } from '../harness/run/register.ts';
import { Scope } from '../harness/run/scope.ts';
import { jsonWithoutSecrets } from '../harness/run/secrets.ts';
import { undo } from '../harness/run/undo.ts';
import { skip } from './skip.ts';

const mark = 'feedfacefeedface';
const temporary = () => mkdtempSync(join(tmpdir(), 'ordeal-test-'));
const fail = (error: Error) => {
  throw error;
};

describe('the journal', () => {
  it('gives back what was appended, in the order of time, and tells its observer at once', () => {
    const folder = temporary();
    const seen: JournalEvent[] = [];
    const journal = openJournal(folder, startClock(), (event) => seen.push(event), fail);
    journal.append({ kind: 'phase', name: 'steady', edge: 'start' });
    journal.append({ kind: 'progress', text: 'line\nbreak and \u2028' });
    journal.append({ kind: 'progress', text: 'written late' }, -7);
    expect(seen).to.have.length(3);
    journal[Symbol.dispose]();
    expect(readJournal(folder)).to.deep.equal([seen[2], seen[0], seen[1]]);
    expect(readJournal(folder)[0]).to.deep.equal({ t: -7, kind: 'progress', text: 'written late' });
  });

  it('has everything on disk within a second, without being closed', async () => {
    const folder = temporary();
    using journal = openJournal(folder, startClock(), () => {}, fail);
    journal.append({ kind: 'progress', text: 'hello' });
    await sleep(1000);
    expect(readJournal(folder)).to.have.length(1);
  });

  it('drops a last line cut short by a crash, and refuses a bad line elsewhere', () => {
    const folder = temporary();
    writeFileSync(join(folder, 'journal.ndjson'), '{"t":1,"kind":"progress","text":"a"}\n{"t":2,"ki');
    expect(readJournal(folder)).to.have.length(1);
    writeFileSync(join(folder, 'journal.ndjson'), '{"t":1,"ki\n{"t":2,"kind":"progress","text":"a"}\n');
    expect(() => readJournal(folder)).to.throw('journal.ndjson:1');
  });
});

describe('the ledger', () => {
  it('has the debt on disk before owe returns, and pays last in, first out', async () => {
    const folder = temporary();
    const ledger = openLedger(folder);
    const outer = join(folder, 'outer');
    await ledger.owe({ undo: 'remove-folder', path: outer, mark });
    expect(readLedger(folder)).to.have.length(1);
    mkdirSync(outer);
    writeFileSync(join(outer, '.ordeal'), mark);
    const inner = join(outer, 'inner');
    const owed = await ledger.owe({ undo: 'remove-folder', path: inner, mark });
    mkdirSync(inner);
    writeFileSync(join(inner, '.ordeal'), mark);
    owed.done();
    expect(await ledger.payAll()).to.deep.equal([]);
    expect(existsSync(outer)).to.equal(false);
    const settled = readFileSync(join(folder, 'ledger.ndjson'), 'utf8').match(/"id":\d,"state":"settled"/g);
    expect(settled).to.deep.equal(['"id":2,"state":"settled"', '"id":1,"state":"settled"']);
  });

  it('pays the rest when one debt cannot be paid, keeps that one on the books, and pays it later', async () => {
    const folder = temporary();
    const stranger = join(folder, 'stranger');
    mkdirSync(stranger);
    writeFileSync(join(stranger, 'theirs'), 'precious');
    const ours = join(folder, 'ours');
    mkdirSync(ours);
    const ledger = openLedger(folder);
    await ledger.owe({ undo: 'remove-folder', path: ours, mark });
    await ledger.owe({ undo: 'remove-folder', path: stranger, mark });
    const left = await ledger.payAll();
    expect(left.map(({ debt }) => debt?.undo === 'remove-folder' && debt.path)).to.deep.equal([stranger]);
    expect(left[0]?.error).to.contain('not ours');
    expect(existsSync(join(stranger, 'theirs'))).to.equal(true);
    expect(existsSync(ours)).to.equal(false);
    writeFileSync(join(stranger, '.ordeal'), mark);
    expect(await openLedger(folder).payAll()).to.deep.equal([]);
  });

  it('pays what can be read when a line says nothing, and keeps that line on the books', async () => {
    const folder = temporary();
    const path = join(folder, 'ours');
    await openLedger(folder).owe({ undo: 'remove-folder', path, mark });
    appendFileSync(join(folder, 'ledger.ndjson'), `${'\0'.repeat(200)}\n`);
    mkdirSync(path);
    const left = await openLedger(folder).payAll();
    expect(existsSync(path)).to.equal(false);
    expect(left).to.have.length(1);
    expect(left[0]?.error).to.contain('ledger.ndjson:2:1: not a line of a ledger');
    expect(() => readLedger(folder)).to.throw('ledger.ndjson:2');
  });

  it("is kept by the index too, which mends the folder's when a power loss spoilt it", async () => {
    const root = temporary();
    const { folder } = makeRunFolder({ runs: join(root, 'runs'), state: join(root, 'state') }, 'x');
    const { mark } = JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8')) as { mark: string };
    await openLedger(folder).owe({ undo: 'remove-folder', path: join(folder, 'cluster'), mark });
    writeFileSync(join(folder, 'ledger.ndjson'), `${'\0'.repeat(200)}\n`);
    expect(await openLedger(folder).payAll()).to.deep.equal([]);
    expect(readLedger(folder).map(({ settled }) => settled)).to.deep.equal([true]);
  });

  it('pays no debt with the mark of another run', async () => {
    const folder = temporary();
    await openLedger(folder).owe({ undo: 'end-processes', mark });
    const left = await openLedger(folder, {}, { mark: 'deadbeefdeadbeef' }).payAll();
    expect(left[0]?.error).to.contain('the mark of another run');
  });

  it('goes on after a line cut short by a crash', async () => {
    const folder = temporary();
    await openLedger(folder).owe({ undo: 'remove-folder', path: join(folder, 'a'), mark });
    appendFileSync(join(folder, 'ledger.ndjson'), '{"wall":"2026-01-01T00:00:00Z","id":2,"sta');
    const ledger = openLedger(folder);
    await ledger.owe({ undo: 'remove-folder', path: join(folder, 'b'), mark });
    expect(readLedger(folder)).to.have.length(2);
    expect(await ledger.payAll()).to.deep.equal([]);
  });
});

describe('undo', () => {
  it('ends every process that carries the mark, its children too, and no other', async () => {
    const env = { ...process.env, ORDEAL_MARK: mark };
    const ours = spawn('sh', ['-c', 'trap "" TERM; sleep 60 & sleep 60'], { env, stdio: 'ignore', detached: true });
    const stranger = spawn('sleep', ['60'], { env: { ...process.env, ORDEAL_MARK: `${mark}0` }, stdio: 'ignore' });
    await sleep(200);
    expect(marked(mark)).to.have.length(3);
    await undo({ undo: 'end-processes', mark });
    expect(marked(mark)).to.deep.equal([]);
    expect(ours.exitCode ?? ours.signalCode).to.equal('SIGKILL');
    expect(stranger.exitCode ?? stranger.signalCode).to.equal(null);
    stranger.kill('SIGKILL');
    await undo({ undo: 'end-processes', mark });
  });

  it('takes for its own who has the sign open for appending where a launcher opens it, and no reader', async () => {
    const sign = join(temporary(), signFile(mark));
    writeFileSync(sign, '');
    const [ours, ...strangers] = ['9>>', '9<', '9<>', '8>>'].map((how) =>
      spawn('sh', ['-c', `exec ${how} "$0"; exec sleep 60`, sign], { stdio: 'ignore' }),
    );
    await sleep(200);
    try {
      expect(marked(mark)).to.deep.equal([ours?.pid]);
      rmSync(sign);
      await undo({ undo: 'end-processes', mark });
      expect(ours?.exitCode ?? ours?.signalCode).to.equal('SIGKILL');
      for (const { exitCode, signalCode } of strangers) expect(exitCode ?? signalCode).to.equal(null);
    } finally {
      for (const stranger of strangers) stranger.kill('SIGKILL');
    }
  });

  it("ends what its processes started as somebody else, whom it cannot look into, and lets that one's others be", async function () {
    if (process.getuid?.() !== 0) skip(this, 'another user can be had by root only');
    this.timeout(20_000);
    const other = spawn('setpriv', ['--reuid=65534', '--clear-groups', 'sleep', '60'], { stdio: 'ignore' });
    const [processes, host] = ['process', 'run/undo/host'].map(
      (name) => new URL(`../harness/${name}.ts`, import.meta.url),
    );
    // Of two launchers one is dead by then, and who it started has a session of the other's alone.
    const script = `
      import { spawn } from 'node:child_process';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { alive, marked } from ${JSON.stringify(String(processes))};
      import { endProcesses } from ${JSON.stringify(String(host))};
      const workers = 'setpriv --reuid=65534 --clear-groups sleep 60 & (setpriv --reuid=65534 --clear-groups sleep 61 &); wait';
      spawn('sh', ['-c', workers], { env: { ...process.env, ORDEAL_MARK: '${mark}' }, detached: true, stdio: 'ignore' });
      await sleep(500);
      const found = marked('${mark}');
      await endProcesses('${mark}');
      console.log(JSON.stringify({ found, left: found.filter((pid) => alive({ pid, start: '' })) }));
      process.exit();`;
    try {
      const blind = ['--bounding-set=-sys_ptrace', process.execPath, '--input-type=module', '-e', script];
      const { stdout, stderr } = spawnSync('setpriv', blind, { encoding: 'utf8' });
      const { found, left } = JSON.parse(stdout || expect.fail(stderr)) as Record<'found' | 'left', number[]>;
      expect(found).to.have.length(3).and.not.to.include(other.pid);
      expect(left).to.deep.equal([]);
      expect(other.exitCode ?? other.signalCode).to.equal(null);
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('removes a folder that it signed, or was about to sign, once or twice, and refuses any other', async () => {
    const folder = temporary();
    const path = join(folder, 'cluster');
    await undo({ undo: 'remove-folder', path, mark }, { folder });
    mkdirSync(path);
    await undo({ undo: 'remove-folder', path, mark }, { folder });
    expect(existsSync(path)).to.equal(false);
    mkdirSync(path);
    writeFileSync(join(path, '.ordeal'), '');
    await undo({ undo: 'remove-folder', path, mark }, { folder });
    expect(existsSync(path)).to.equal(false);
    mkdirSync(join(path, 'deep', 'er'), { recursive: true });
    writeFileSync(join(path, '.ordeal'), 'another run');
    const refused = await undo({ undo: 'remove-folder', path, mark }, { folder }).catch(
      (error: Error) => error.message,
    );
    expect(refused).to.contain('not ours');
    writeFileSync(join(path, '.ordeal'), `${mark}\n`);
    await undo({ undo: 'remove-folder', path, mark }, { folder });
    expect(existsSync(path)).to.equal(false);
  });

  it('removes no folder outside that of the run, nor through a symbolic link, signed or not', async () => {
    const folder = temporary();
    const outside = temporary();
    mkdirSync(join(outside, 'deep'));
    symlinkSync(outside, join(folder, 'link'));
    for (const path of [outside, folder, `${folder}/../x`, join(folder, 'link'), join(folder, 'link', 'deep')]) {
      const refused = await undo({ undo: 'remove-folder', path, mark }, { folder }).catch(String);
      expect(refused, path).to.contain('not ours');
    }
    writeFileSync(join(outside, '.ordeal'), mark);
    expect(await undo({ undo: 'remove-folder', path: outside, mark }).catch(String)).to.contain('not ours');
    expect(existsSync(join(outside, 'deep'))).to.equal(true);
  });

  it('refuses a control group without the mark, and takes an absent one for removed', async () => {
    const refused = await undo({ undo: 'remove-cgroup', path: '/sys/fs/cgroup/memory/x', mark }).catch(String);
    expect(refused).to.contain('not ours');
    await undo({ undo: 'remove-cgroup', path: `/sys/fs/cgroup/memory/ordeal-${mark}`, mark });
  });

  it('refuses a mark that a stranger could have', async () => {
    const refused = await undo({ undo: 'end-processes', mark: '' }).catch(String);
    expect(refused).to.contain('too short');
  });
});

describe('the register of runs', () => {
  const others = { start: '1' };

  it('tells dead runs from living ones, wherever their folder is, until nothing is owed', () => {
    const root = temporary();
    const places = { runs: join(root, 'runs'), state: join(root, 'state') };
    const { id, folder, mark } = makeRunFolder(places, 'x');
    expect(leftRuns(places)).to.deep.equal([]);
    enter(places, { id, folder, mark, owner: { ...thisHarness(), ...others } });
    expect(leftRuns(places)).to.have.length(1);
    expect(leftRuns(places)[0]).to.include({ id, folder, mark, harness: 'dead' });
    expect(leftRuns({ ...places, state: join(root, 'another') })).to.have.length(1);
    writeFileSync(join(places.state, 'broken'), '/a/bare/path');
    expect(leftRuns(places).map(({ harness }) => harness)).to.have.members(['dead', 'unreadable']);
    strike(places, 'broken');
    strike(places, id);
    expect(leftRuns({ ...places, runs: join(root, 'elsewhere') })).to.deep.equal([]);
  });

  it('takes a process of an earlier boot for dead, and one of another machine or container for nobody that it could judge', () => {
    const us = thisHarness();
    expect(whereabouts(us)).to.equal('here');
    expect(whereabouts({ ...us, start: '1' })).to.equal('dead');
    expect(whereabouts({ ...us, bootId: 'another' })).to.equal('dead');
    expect(whereabouts({ ...us, machine: 'another', bootId: 'another' })).to.equal('elsewhere');
    // Who sees every process of the machine sees that it has no such namespace.
    expect(whereabouts({ ...us, namespace: 'pid:[1]' })).to.be.oneOf(['elsewhere', 'dead']);
  });

  it('asks after a harness in a container below it, and cannot judge one beside it', async function () {
    if (spawnSync('unshare', ['--pid', '--fork', 'true']).status !== 0) skip(this, 'no namespaces can be made here');
    const us = thisHarness();
    const owner = JSON.stringify({ ...us, machine: 'another' });
    const beside = `import { whereabouts } from ${JSON.stringify(new URL('../harness/run/owner.ts', import.meta.url).href)};
      console.log(whereabouts(${owner}));`;
    const args = ['--pid', '--fork', '--mount-proc', process.execPath, '--input-type=module', '-e', beside];
    expect(spawnSync('unshare', args, { encoding: 'utf8' }).stdout).to.equal('elsewhere\n');

    const below = spawn('unshare', ['--pid', '--fork', '--kill-child', 'sleep', '60'], { stdio: 'ignore' });
    await sleep(500);
    const [pid = ''] = readFileSync(`/proc/${below.pid}/task/${below.pid}/children`, 'utf8').trim().split(' ');
    const start = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19] ?? '';
    const harness = { ...us, pid: 1, start, namespace: readlinkSync(`/proc/${pid}/ns/pid`), machine: 'another' };
    expect(whereabouts(harness)).to.equal('here');
    expect(whereabouts({ ...harness, start: '1' })).to.equal('dead');
    below.kill('SIGKILL');
  });
});

describe('secrets', () => {
  it('never reach the journal, whoever put them into a text, and the line stays whole', () => {
    const folder = temporary();
    const token = `ordeal.${'ab'.repeat(24)}`;
    const journal = openJournal(folder, startClock(), () => {}, fail);
    const hostile = `Bearer ${token} "-----BEGIN RSA PRIVATE KEY-----\nMIIE" authorization: bearer eyJhbGciOiJSUzI1NiIs.x.y`;
    journal.append({ kind: 'blind', source: 'x', from: 0, reason: hostile, explained: false });
    journal[Symbol.dispose]();
    const text = readFileSync(join(folder, 'journal.ndjson'), 'utf8');
    expect(text).not.to.contain(token).and.not.to.contain('MIIE');
    expect(readJournal(folder)).to.have.length(1);
    expect(jsonWithoutSecrets({ a: 'bearer eyJhbGciOiJSUzI1NiIs.x.y' })).to.equal('{"a":"bearer <redacted>"}');
  });
});

describe('a scope', () => {
  it('aborts its members, joins them, and tells of a failure only while the run goes on', async () => {
    const scope = new Scope();
    const failures: unknown[] = [];
    let joined = false;
    scope.add(Promise.reject(new Error('early')), (error) => failures.push(error));
    const work = new Promise<void>((resolve) => scope.signal.addEventListener('abort', () => resolve()));
    scope.add(
      work.then(async () => {
        await sleep(50);
        joined = true;
        throw new Error('late');
      }),
      (error) => failures.push(error),
    );
    await sleep(0);
    await scope.close();
    expect(joined).to.equal(true);
    expect(failures.map(String)).to.deep.equal(['Error: early']);
  });
});
