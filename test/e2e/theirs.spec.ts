import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { JournalEvent } from '../../harness/model.ts';
import { Ordeal } from './ordeal.ts';
import { startUsersCluster } from './users-cluster.ts';

type Kubeconfig = { readonly users: readonly [{ readonly user: { readonly token: string } }] };

const scenario = fileURLToPath(new URL('scenarios/theirs', import.meta.url));

const aNodeIsCordoned = (event: JournalEvent) => event.kind === 'seen' && event.detail.endsWith(': cordoned');

describe('a cluster that somebody has', function () {
  this.timeout(240_000);

  let cluster: Awaited<ReturnType<typeof startUsersCluster>>;
  let untouched: readonly string[];
  let at: string[];
  let allowed: string;

  /** An ordeal in whose folder that cluster is allowed. */
  function onTheList(): Ordeal {
    const ordeal = new Ordeal();
    writeFileSync(join(ordeal.cwd, 'ordeal.yaml'), allowed);
    return ordeal;
  }

  before(async () => {
    cluster = await startUsersCluster();
    at = cluster.args;
    allowed = await cluster.allowed();
    await cluster.runApp();
    untouched = await cluster.settled();
    expect(untouched.filter((line) => line.startsWith('/api/v1/pods work app-'))).to.have.length(3);
  });

  after(() => cluster?.[Symbol.asyncDispose]());

  async function expectAsBefore(): Promise<void> {
    for (let tries = 0; tries < 20 && JSON.stringify(await cluster.state()) !== JSON.stringify(untouched); tries++)
      await sleep(500);
    expect(await cluster.state()).to.deep.equal(untouched);
  }

  const cordoned = async () => (await cluster.state()).filter((line) => line.includes('"unschedulable":true')).length;

  it('is drained at one node, where only the run’s own pods go, whoever cleans meanwhile, and is afterwards as it was', async () => {
    const ordeal = onTheList();
    const args = ['--variant', 'one-at-a-time', '--set', 'patience=5s', '--set', 'warmup=6s'];
    const { ran } = ordeal.start('run', 'pdb-gridlock', ...args, ...at, '--yes');
    await ordeal.until((event) => event.kind === 'cluster');
    const meanwhile = await onTheList().run('clean', ...at);
    expect(meanwhile.code, meanwhile.err).to.equal(4);
    expect(meanwhile.err).to.contain('still owed: its harness lives');
    const { code, out, err } = await ran;
    expect(code, out + err).to.equal(0);
    expect(ordeal.events.flatMap((event) => (event.kind === 'injected' ? event.targets : []))).to.have.length(1);
    await expectAsBefore();
    expect(ordeal.residue()).to.deep.equal([]);
    const { token } = (JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as Kubeconfig).users[0].user;
    for (const file of ['journal.ndjson', 'ledger.ndjson', 'report.html']) {
      const text = readFileSync(join(ordeal.folder, file), 'utf8');
      expect(text.includes(token) || text.includes('eyJ'), `a token in ${file}`).to.equal(false);
    }
  });

  it('is filled and preempted in, by classes below the user’s, and is afterwards as it was', async () => {
    const { code, out, err } = await onTheList().run(
      'run',
      'priority-preemption',
      '--variant',
      'classes',
      '--set',
      'warmup=6s',
      ...at,
      '--yes',
    );
    expect(code, out + err).to.equal(0);
    await expectAsBefore();
  });

  it('is put back by clean on another machine after a kill -9 of harness and watchdog, and until then takes no other run', async () => {
    const [killed, other] = [onTheList(), onTheList()];
    const { process: harness, ran } = killed.start('run', scenario, ...at, '--yes');
    await killed.until(aNodeIsCordoned);
    killed.kill(harness, 'watchdog');
    await ran;
    expect(await cordoned(), 'a node is cordoned').to.equal(1);
    const refused = await other.run('run', scenario, ...at, '--yes');
    expect(refused.code, refused.err).to.equal(2);
    expect(refused.err).to.contain('open debts').and.to.contain(killed.folder.split('/').at(-1));
    const cleaned = await other.run('clean', ...at);
    expect(cleaned.code, cleaned.err).to.equal(0);
    await expectAsBefore();
    expect((await killed.run('clean')).code, 'what is paid is paid').to.equal(0);
    expect((await other.run('clean', ...at)).out).to.contain('nothing is owed');
  });

  it('takes the runs of a suite one after another, each of which it is entered for and left', async () => {
    const ordeal = onTheList();
    const entry = { scenario, mode: 'run' };
    const other = { ...entry, change: { phases: { fault: '4s' } } };
    writeFileSync(join(ordeal.cwd, 'two.yaml'), JSON.stringify([entry, other]));
    const asked = await ordeal.run('suite', 'two.yaml', ...at);
    expect(asked.code, asked.err).to.equal(2);
    expect(asked.err).to.contain('would do this:').and.to.contain('say --yes once you have seen the plan');
    expect(ordeal.begun).to.equal(false);
    const { code, out, err } = await ordeal.run('suite', 'two.yaml', ...at, '--yes');
    expect(code, out + err).to.equal(0);
    const { runs } = JSON.parse(readFileSync(join(ordeal.cwd, 'runs', 'suite-two', 'suite.json'), 'utf8'));
    expect(runs).to.have.length(2);
    await expectAsBefore();
  });

  it('halts every run in it by ordeal stop from another machine, and takes none until that is lifted', async () => {
    const [playing, other] = [onTheList(), onTheList()];
    const { ran } = playing.start('run', scenario, ...at, '--yes');
    await playing.until(aNodeIsCordoned);
    const stopped = await other.run('stop', ...at);
    expect(stopped.code, stopped.err).to.equal(0);
    const id = basename(playing.folder);
    expect(stopped.out)
      .to.contain('the switch in the cluster')
      .and.to.contain(`${id}: halted, and everything put back`);
    const { code, out, err } = await ran;
    expect(code, out + err).to.equal(3);
    expect(playing.reasons.join('\n')).to.match(/^stopped: the switch in the cluster .*set by /);
    const refused = await other.run('run', scenario, ...at, '--yes');
    expect(refused.code, refused.out).to.equal(2);
    expect(refused.err).to.contain('ordeal stop --context ordeal --lift');
    expect((await other.run('plan', scenario, ...at)).out).to.contain('ordeal stop --context ordeal --lift');
    expect(await other.run('stop', ...at, '--lift')).to.include({ code: 0 });
    expect((await other.run('stop', ...at, '--lift')).out).to.equal('the switch was not set\n');
    await expectAsBefore();
  });

  it('stays owed while its API server does not answer, which is exit 4, and is paid later', async () => {
    const ordeal = onTheList();
    const { process: harness, ran } = ordeal.start('run', scenario, ...at, '--yes');
    await ordeal.until(aNodeIsCordoned);
    process.kill(cluster.apiServer, 'SIGSTOP');
    try {
      harness.kill('SIGINT');
      const { code, out, err } = await ran;
      expect(code, out + err).to.equal(4);
      expect(out).to.contain('uncordon-node').and.to.contain('delete-labelled');
    } finally {
      process.kill(cluster.apiServer, 'SIGCONT');
    }
    expect(await cordoned(), 'a node is still cordoned').to.equal(1);
    const { code, out, err } = await ordeal.run('clean');
    expect(code, out + err).to.equal(0);
    await expectAsBefore();
  });

  it('is not touched where a name is taken or room is lacking: exit 2, with every such name', async () => {
    const large = ['--variant', 'classes', '--set', 'cpus=9'];
    const lacking = await onTheList().run('run', 'priority-preemption', ...large, ...at, '--yes');
    expect(lacking.code, lacking.err).to.equal(2);
    expect(lacking.err).to.contain('begins with 12 pods, and the cluster has no room for 3 of them (9 CPUs');
    await cluster.kube.create('/api/v1/namespaces', { metadata: { name: 'played' } });
    const { code, err } = await onTheList().run('run', scenario, ...at, '--yes');
    expect(code).to.equal(2);
    expect(err).to.contain('what is there already, and is yours: Namespace played');
    await cluster.kube.delete('/api/v1/namespaces/played');
    await expectAsBefore();
  });
});
