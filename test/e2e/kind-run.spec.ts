import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Machine, machinesOf } from '../../harness/cluster/kind/machines.ts';
import { docker, tryDocker } from '../../harness/docker.ts';
import type { JournalEvent } from '../../harness/model.ts';
import type { VerdictFile } from '../../reports/json.ts';
import { type KindGround, kindSpec, requireKind } from './kind-ground.ts';
import { createUsersCluster, deleteUsersCluster } from './kind-of-a-user.ts';
import { expectAsBefore, type HostState, thisHost } from './left-behind.ts';
import { kindQuick, Ordeal } from './ordeal.ts';

const play = (variant: string, ...more: readonly string[]) => ['run', kindQuick, '--variant', variant, ...more];
const injected = (fault: string) => (event: JournalEvent) => event.kind === 'injected' && event.fault === fault;

/** With the command line that a user types, on clusters that are there for it alone. */
describe('a run on real nodes', function () {
  this.timeout('5m');
  let ground: KindGround;

  before(async function () {
    ground = await requireKind(this, kindSpec({}, { images: ['workload'] }));
  });

  describe('that wants too much', () => {
    const refused: readonly { what: string; args: string[]; env?: Record<string, string>; says: RegExp }[] = [
      {
        what: 'hogs of more than the node has',
        args: play('hungry', '--set', 'hog=2GiB'),
        says: /fault memory-hog: one hog of 2048 MiB is more than a worker has \(1024 MiB\)/,
      },
      {
        what: 'a memory limit above what the node has',
        args: play('limited', '--set', 'limit=2GiB'),
        says: /fault limit-node-memory: 2048 MiB are more than a worker has \(1024 MiB\)/,
      },
      {
        what: 'a worker of more than this host can give',
        args: play('hungry', '--set', 'memory=1000TiB'),
        says: /1 workers of 1048576000 MiB .* need .*; this host has \d+ MiB available/,
      },
      {
        what: 'more of the disk than may be taken',
        args: play('full', '--set', 'disk=1000TiB'),
        says: /fault fill-node-disk: 1048576000 MiB would leave 0 MiB of the disk; \d+ MiB must stay free/,
      },
      {
        what: 'a fault that does not know its parameter',
        args: play('full', '--set', 'disk=plenty'),
        says: /scenario\.yaml:\d+:\d+: "bytes" is "plenty"; expected a size/,
      },
      {
        what: 'a docker that does not answer',
        args: play('stopped'),
        env: { DOCKER_HOST: 'unix:///nobody/listens/here.sock' },
        says: /the docker daemon does not answer: .*\/nobody\/listens\/here\.sock/,
      },
      {
        what: 'a cluster that is not there',
        args: play('stopped', '--cluster', 'kind:no-such-cluster'),
        says: /docker has no kind cluster "no-such-cluster"/,
      },
    ];
    for (const { what, args, env, says } of refused) {
      it(`is refused, exit 2, with the reason and nothing made: ${what}`, async () => {
        const before = thisHost();
        const ordeal = new Ordeal(env);
        const { code, out, err } = await ordeal.run(...args);
        expect(code, out + err).to.equal(2);
        expect(err)
          .to.match(says)
          .and.not.to.match(/\n\s+at /);
        await expectAsBefore(before);
      });
    }
  });

  describe('on a cluster of its own', () => {
    it('passes, lists what went wrong with nodes with their own words, and leaves nothing', async () => {
      const before = thisHost();
      const ordeal = new Ordeal();
      const { code, out, err } = await ordeal.run(...play('in-turn'));
      expect(code, out + err).to.equal(0);
      expect(out).to.match(/passed/i);
      const verdict = readFileSync(join(ordeal.folder, 'verdict.json'), 'utf8');
      const { status, nodeFailures } = JSON.parse(verdict) as VerdictFile;
      expect(status).to.equal('passed');
      const [stopped, frozen] = nodeFailures;
      expect(stopped?.node).to.match(/-worker$/);
      expect(stopped).to.include({ what: 'kubelet-down' });
      expect(stopped?.first.sign).to.match(/stop-kubelet injected/);
      expect(stopped?.evidence.map(({ signature }) => signature)).to.include('unit-stopped');
      expect(frozen?.first.sign).to.match(/freeze-node injected/);
      for (const { back } of nodeFailures) expect(back).to.be.a('number');
      for (const file of ['report.html', 'summary.md']) {
        const text = readFileSync(join(ordeal.folder, file), 'utf8');
        expect(text, file).to.contain('kubelet-down').and.to.contain('freeze-node');
      }
      expect(readFileSync(join(ordeal.folder, 'report.html'), 'utf8')).to.contain(stopped?.evidence[0]?.line);
      expect(ordeal.residue()).to.deep.equal([]);
      await expectAsBefore(before);
    });

    for (const [when, moment] of [
      ['while the cluster is created', undefined],
      ['while a node is frozen', injected('freeze-node')],
    ] as const) {
      it(`leaves nothing and exits 130 after SIGINT ${when}`, async () => {
        const before = thisHost();
        const ordeal = new Ordeal();
        const { process, ran } = ordeal.start(...play('at-once'));
        if (moment) await ordeal.until(moment);
        else await until(() => thisHost()['containers']?.length !== before['containers']?.length);
        expect(ordeal.residue()).not.to.deep.equal([]);
        process.kill('SIGINT');
        const { code, out, err } = await ran;
        expect(code, out + err).to.equal(130);
        expect(ordeal.residue()).to.deep.equal([]);
        await expectAsBefore(before);
        expect(await ordeal.run('clean')).to.include({ code: 0, out: 'nothing is owed\n' });
      });
    }

    it('pays by its watchdog after kill -9 of the harness in the middle of two faults', async () => {
      const before = thisHost();
      const ordeal = new Ordeal();
      const { process, ran } = ordeal.start(...play('at-once'));
      await ordeal.until(injected('freeze-node'));
      ordeal.kill(process);
      await ran;
      await ordeal.watched();
      expect(ordeal.residue()).to.deep.equal([]);
      await expectAsBefore(before);
      expect(await ordeal.run('clean')).to.include({ code: 0, out: 'nothing is owed\n' });
    });

    it('pays after kill -9 of the harness and its watchdog in the middle of two faults, when it is told to clean', async () => {
      const before = thisHost();
      const ordeal = new Ordeal();
      const { process, ran } = ordeal.start(...play('at-once'));
      await ordeal.until(injected('freeze-node'));
      ordeal.kill(process, 'watchdog');
      await ran;
      const { code, out, err } = await ordeal.run('clean');
      expect(code, out + err).to.equal(0);
      expect(ordeal.residue()).to.deep.equal([]);
      await expectAsBefore(before);
      expect((await ordeal.run('clean')).out).to.equal('nothing is owed\n');
      expect((await ordeal.run('report', 'last')).out).to.match(/cut short/);
    });
  });

  describe('on a cluster that somebody has', () => {
    const name = `ordeal-test-${process.pid}`;
    const cluster = ['--cluster', `kind:${name}`];
    const root = mkdtempSync(join(tmpdir(), 'ordeal-kind-run-'));
    let asItWas: HostState;
    let machines: readonly Machine[];

    before(async function () {
      this.timeout('4m');
      await createUsersCluster(ground, { name, root });
      machines = await machinesOf(name, process.env);
      asItWas = withoutGroups(thisHost());
    });

    after(async () => {
      await deleteUsersCluster(name);
      await rm(root, { recursive: true, force: true });
    });

    const container = (role: string) =>
      machines.find((machine) => machine.role === role)?.container ?? expect.fail(`no ${role}`);
    const state = async () => (await docker(['inspect', '-f', '{{.State.Status}}', container('worker')])).trim();
    const on = async (role: string, ...command: readonly string[]) =>
      (await tryDocker(['exec', container(role), ...command])).stdout.trim();
    const kubelet = () => on('worker', 'systemctl', 'is-active', 'kubelet');

    /** Its nodes and everything in it are as the user left them. */
    async function expectUntouched(): Promise<void> {
      expect(await machinesOf(name, process.env)).to.deep.equal(machines);
      expect([await state(), await kubelet()]).to.deep.equal(['running', 'active']);
      const units = await on('worker', 'systemctl', 'list-units', '--all', '--plain', '--no-legend', 'ordeal-*');
      const files = await on('worker', 'sh', '-c', 'ls -d /var/ordeal-* /run/ordeal-* 2>/dev/null');
      expect(units + files, 'on the worker').to.equal('');
      const kubectl = (...args: string[]) => on('control-plane', 'kubectl', 'get', '-o', 'name', ...args);
      expect(await kubectl('namespaces,clusterroles,clusterrolebindings')).to.match(/^namespace\/default$/m);
      expect(await kubectl('namespaces,clusterroles,clusterrolebindings')).not.to.contain('ordeal');
      expect(await kubectl('deployments,pods', '--namespace', 'default'), 'objects').to.equal('');
      await expectAsBefore(asItWas, () => withoutGroups(thisHost()));
    }

    it('refuses what could not be taken back from there: objects of the scenario', async () => {
      const { code, out, err } = await new Ordeal().run(...play('in-turn', ...cluster));
      expect(code, out + err).to.equal(2);
      expect(err).to.match(/creates objects that could not be taken back from/);
      await expectUntouched();
    });

    it('passes there too, and leaves it as it was', async () => {
      const ordeal = new Ordeal();
      const { code, out, err } = await ordeal.run(...play('stopped', ...cluster));
      expect(code, out + err).to.equal(0);
      expect(ordeal.residue()).to.deep.equal([]);
      await expectUntouched();
    });

    it('is invalid, exit 3, when a fault was not real: somebody starts the kubelet again', async () => {
      const ordeal = new Ordeal();
      const { ran } = ordeal.start(...play('stopped', ...cluster));
      await ordeal.until(injected('stop-kubelet'));
      await on('worker', 'systemctl', 'start', 'kubelet');
      const { code, out } = await ran;
      expect(code, out).to.equal(3);
      expect(out)
        .to.match(/invalid/i)
        .and.to.match(/stop-kubelet.*started in the meantime/s);
      await expectUntouched();
    });

    it('comes back by itself when harness and watchdog are killed in the middle of two faults and nobody cleans', async () => {
      const ordeal = new Ordeal();
      const { process: harness, ran } = ordeal.start(...play('at-once', ...cluster));
      await ordeal.until(injected('freeze-node'));
      ordeal.kill(harness, 'watchdog');
      await ran;
      expect(await state()).to.equal('paused');
      // The phase of 8 s, and the margin of 75 s.
      await until(async () => (await state()) === 'running', 110);
      await until(async () => (await kubelet()) === 'active', 30);
      const { code, out, err } = await ordeal.run('clean');
      expect(code, out + err).to.equal(0);
      expect(ordeal.residue()).to.deep.equal([]);
      await expectUntouched();
    });
  });
});

/** Those of its pods and units come and go as they like. */
const withoutGroups = ({ groups: _, ...rest }: HostState): HostState => rest;

async function until(is: () => boolean | Promise<boolean>, seconds = 60): Promise<void> {
  for (let tries = 0; tries < seconds * 2 && !(await is()); tries++) await sleep(500);
  expect(await is()).to.equal(true);
}
