import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { clean } from '../harness/commands/clean.ts';
import { type Debt, RefusedError } from '../harness/model.ts';
import { makeRunFolder, type Places, type RunFolder } from '../harness/run/folder.ts';
import { openLedger } from '../harness/run/ledger.ts';
import { type Owner, thisHarness } from '../harness/run/owner.ts';
import { enter } from '../harness/run/register.ts';

describe('ordeal clean', () => {
  let cwd: string;
  let places: Places;
  let run: RunFolder;
  let ours: string;
  let said: string;

  const dead: Partial<Owner> = { start: '1' };
  /** As a container that is beside ours, or that another kernel runs. */
  const beside: Partial<Owner> = { machine: 'another box', namespace: 'pid:[1]' };

  /** A run that owes a folder, whose harness is not here. */
  beforeEach(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'ordeal-test-'));
    said = '';
    places = { runs: join(cwd, 'runs'), state: join(cwd, 'state', 'ordeal', 'runs') };
    run = makeRunFolder(places, 'test');
    ours = join(run.folder, 'cluster');
    await openLedger(run.folder).owe({ undo: 'remove-folder', path: ours, mark: run.mark });
    mkdirSync(ours);
    left(dead);
  });

  const left = (owner: Partial<Owner>) => enter(places, { ...run, owner: { ...thisHarness(), ...owner } });
  const forgetIndex = () => rmSync(join(cwd, 'state'), { recursive: true });
  const forge = (file: string, debt: Debt) =>
    appendFileSync(file, `${JSON.stringify({ wall: '', id: 7, state: 'owed', debt })}\n`);

  const cleaned = (...takeOver: readonly string[]): Promise<number> => {
    const write = (text: string) => {
      said += text;
    };
    const terminal = { isTTY: false, columns: 80, color: false, write };
    const env = { ...process.env, XDG_STATE_HOME: join(cwd, 'state') };
    const { signal } = new AbortController();
    return clean({ runsDir: 'runs', takeOver }, { env, cwd, signal, version: 'test', out: terminal, err: terminal });
  };

  it('pays what a dead harness owes, and then nothing is owed or kept', async () => {
    expect(await cleaned(), said).to.equal(0);
    expect(existsSync(ours)).to.equal(false);
    expect(readdirSync(places.state)).to.deep.equal([]);
    expect(await cleaned()).to.equal(0);
    expect(said).to.contain('nothing is owed');
  });

  it("believes the index's ledger, not what somebody wrote into the run's folder", async () => {
    const precious = join(run.folder, 'logs');
    forge(join(run.folder, 'ledger.ndjson'), { undo: 'remove-folder', path: precious, mark: run.mark });
    expect(await cleaned(), said).to.equal(0);
    expect(existsSync(precious)).to.equal(true);
    expect(existsSync(ours)).to.equal(false);
  });

  it('pays a run that the index does not know only when the user vouches for its folder', async () => {
    forgetIndex();
    expect(await cleaned()).to.equal(4);
    expect(said).to.contain(`ordeal clean --take-over ${run.id}`);
    expect(existsSync(ours)).to.equal(true);
    expect(await cleaned(run.id), said).to.equal(0);
    expect(existsSync(ours)).to.equal(false);
    expect(await cleaned()).to.equal(0);
  });

  it('uses no kubeconfig that a folder names which the index does not know, whoever vouches, and pays the rest', async () => {
    forgetIndex();
    const proof = join(cwd, 'executed');
    const kubeconfig = join(cwd, 'kubeconfig');
    const exec = `{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: touch, args: [${proof}]}`;
    writeFileSync(
      kubeconfig,
      `{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}],
        users: [{name: u, user: {exec: ${exec}}}], contexts: [{name: c, context: {cluster: c, user: u}}]}`,
    );
    const { mark } = run;
    const pod = { namespace: `ordeal-${mark}`, pod: `ordeal-${mark}-0`, node: 'n', uid: '22501267-76d2' };
    const node = { via: 'pod', kubeconfig, context: 'c', ...pod } as const;
    forge(join(run.folder, 'ledger.ndjson'), { undo: 'start-unit', node, unit: 'kubelet', mark });
    expect(await cleaned(run.id)).to.equal(4);
    expect(said).to.contain('its kubeconfig is not used');
    expect(existsSync(proof)).to.equal(false);
    expect(existsSync(ours)).to.equal(false);
  });

  it('pays no debt with the mark of another run than its entry has', async () => {
    forgetIndex();
    forge(join(run.folder, 'ledger.ndjson'), { undo: 'end-processes', mark: 'deadbeefdeadbeef' });
    expect(await cleaned(run.id)).to.equal(4);
    expect(said).to.contain('the mark of another run');
  });

  it('reports a line that cannot be read as still owed, and pays the others', async () => {
    for (const path of [join(places.state, `${run.id}.ledger`), join(run.folder, 'ledger.ndjson')])
      appendFileSync(path, `${'\0'.repeat(100)}\n`);
    expect(await cleaned()).to.equal(4);
    expect(said)
      .to.contain('put back 1 of 1')
      .and.to.match(/still owed: .*:3:1: not a line|still owed: .*:2:1: not a line/);
    expect(existsSync(ours)).to.equal(false);
  });

  it('pays for a harness of a container beside ours only when the user says that it is gone, and its journal is still', async () => {
    left({ ...beside, namespace: 'pid:[1]' });
    const journal = join(run.folder, 'journal.ndjson');
    writeFileSync(journal, '');
    const outermost = thisHarness().namespace === 'pid:[4026531836]';
    if (!outermost) {
      expect(await cleaned()).to.equal(4);
      expect(said).to.contain(`ordeal clean --take-over ${run.id}`);
      expect(await cleaned(run.id)).to.equal(4);
      expect(said).to.contain('its journal grows');
    }
    utimesSync(journal, 0, 0);
    expect(await cleaned(run.id), said).to.equal(0);
    expect(existsSync(ours)).to.equal(false);
  });

  it('never pays for a harness of another machine, whoever vouches', async () => {
    left({ ...beside, bootId: 'another' });
    expect(await cleaned(run.id)).to.equal(4);
    expect(said).to.contain('another machine or container (another)');
    expect(existsSync(ours)).to.equal(true);
  });

  it('refuses to take over what nobody left', async () => {
    const refused = await cleaned('nobody').catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(RefusedError);
    expect(existsSync(ours)).to.equal(true);
  });
});
