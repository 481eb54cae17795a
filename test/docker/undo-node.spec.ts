import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { daemonId, docker, tryDocker } from '../../harness/docker.ts';
import type { Debt } from '../../harness/model.ts';
import { execOn } from '../../harness/node/exec.ts';
import { openLedger, readLedger } from '../../harness/run/ledger.ts';
import { requireDebt } from '../../harness/run/undo/debt.ts';
import { undo } from '../../harness/run/undo.ts';
import { removeTestContainers, requireContainers, startContainer as startAny, stateOf } from './containers.ts';
import { startEmptyDocker } from './empty-docker.ts';

const mark = randomBytes(8).toString('hex');
const id = 'a'.repeat(64);
/** A node of somebody's cluster. */
const startContainer = (...options: readonly string[]) => startAny('--label', 'io.x-k8s.kind.cluster=mine', ...options);
const messageOf = (work: Promise<unknown>): Promise<string> => work.then(() => '', String);

describe('a debt', () => {
  const node = { via: 'docker', container: id } as const;
  const pod = {
    via: 'pod',
    kubeconfig: '/k',
    context: 'c',
    namespace: `ordeal-${mark}`,
    pod: `ordeal-${mark}-0`,
    node: 'n',
    uid: '22501267-76d2',
  } as const;
  const good: readonly Debt[] = [
    { undo: 'resume-process', pid: 4711, start: '123456', mark },
    { undo: 'remove-containers', mark },
    { undo: 'remove-network', name: `ordeal-${mark}`, mark },
    { undo: 'thaw-node', container: id, mark },
    { undo: 'restore-node-memory', container: id, bytes: -1, mark },
    { undo: 'restore-node-memory', container: id, bytes: 2 ** 30, swapBytes: 2 ** 31, mark },
    { undo: 'start-unit', node, unit: 'kubelet', mark },
    { undo: 'start-unit', node: pod, unit: 'containerd', mark },
    { undo: 'lift-io-limit', node, device: '254:0', mark },
    { undo: 'remove-node-file', node, path: `/var/ordeal-${mark}`, mark },
    { undo: 'delete-object', node, resource: 'namespace', name: `ordeal-${mark}`, mark },
  ];
  for (const debt of good) {
    it(`may be acted on as ${debt.undo} ${'node' in debt ? `by ${debt.node.via}` : ''}`, () => {
      expect(requireDebt(JSON.parse(JSON.stringify(debt)))).to.deep.equal(debt);
    });
  }

  const bad: Readonly<Record<string, unknown>> = {
    'is of no known kind': { undo: 'run-command', mark },
    'is nothing': null,
    'has a short mark': { undo: 'remove-containers', mark: 'abc' },
    'has a mark with a pattern in it': { undo: 'remove-containers', mark: `${mark}*` },
    'has a mark that is not as we make them': { undo: 'remove-containers', mark: 'x'.repeat(16) },
    'names a daemon with a space in it': { undo: 'remove-containers', mark, daemon: 'a b' },
    'names a network whose name only holds the mark': { undo: 'remove-network', name: `net-${mark}`, mark },
    'names a container by less than its id': { undo: 'thaw-node', container: id.slice(0, 12), mark },
    'gives docker an option for a container': { undo: 'thaw-node', container: '--all', mark },
    'has a field too many': { undo: 'thaw-node', container: id, mark, command: 'rm' },
    'lacks a field': { undo: 'thaw-node', mark },
    'names a network without the mark': { undo: 'remove-network', name: 'bridge', mark },
    'gives kubectl an option for a name': {
      undo: 'delete-object',
      node,
      resource: 'namespace',
      name: `--all-ordeal-${mark}`,
      mark,
    },
    'deletes another kind of object': { undo: 'delete-object', node, resource: 'secret', name: `ordeal-${mark}`, mark },
    'deletes an object without the mark': {
      undo: 'delete-object',
      node,
      resource: 'namespace',
      name: 'kube-system',
      mark,
    },
    'starts another unit': { undo: 'start-unit', node, unit: 'ssh', mark },
    'has a command for a device': { undo: 'lift-io-limit', node, device: '1:2;id', mark },
    'removes a file by a path with dots': { undo: 'remove-node-file', node, path: `/a/../ordeal-${mark}`, mark },
    'removes a file without the mark': { undo: 'remove-node-file', node, path: `/ordeal-${mark}/etc`, mark },
    'removes a file by a relative path': { undo: 'remove-node-file', node, path: `ordeal-${mark}`, mark },
    'reaches a node by other means': { undo: 'start-unit', node: { via: 'ssh', container: id }, unit: 'kubelet', mark },
    'uses a pod without the mark': { undo: 'start-unit', node: { ...pod, pod: 'x' }, unit: 'kubelet', mark },
    'has a relative kubeconfig': { undo: 'start-unit', node: { ...pod, kubeconfig: 'k' }, unit: 'kubelet', mark },
    'limits memory by a text': { undo: 'restore-node-memory', container: id, bytes: '1', mark },
  };
  for (const [what, debt] of Object.entries(bad)) {
    it(`is refused when it ${what}`, () => {
      expect(() => requireDebt(debt)).to.throw();
    });
  }
});

describe('a debt of a run that the index does not know', () => {
  it('reaches nothing by a kubeconfig, which may run any program', () => {
    const kubeconfig = {
      via: 'pod',
      kubeconfig: '/k',
      context: 'c',
      namespace: `ordeal-${mark}`,
      pod: `ordeal-${mark}-0`,
    };
    const debt = {
      undo: 'start-unit',
      node: { ...kubeconfig, node: 'n', uid: '22501267-76d2' },
      unit: 'kubelet',
      mark,
    };
    expect(requireDebt(debt, { mark })).to.equal(debt);
    expect(() => requireDebt(debt, { mark, foreign: true })).to.throw('its kubeconfig is not used');
  });
});

describe('what is put back in docker', function () {
  this.timeout(90_000);

  before(async function () {
    await requireContainers(this);
  });

  after(removeTestContainers);

  it('a paused container gets its time back, once or twice', async () => {
    const container = await startContainer();
    const debt = { undo: 'thaw-node', container, mark } as const;
    await undo(debt);
    await docker(['pause', container]);
    await undo(debt);
    expect(await stateOf(container)).to.equal('running');
    await undo(debt);
    await docker(['rm', '-f', container]);
    await undo(debt);
  });

  it('a container that was powered off runs again, whether it has a systemd to wait for or not', async () => {
    const container = await startContainer();
    const debt = { undo: 'power-on-node', container, mark } as const;
    await docker(['kill', container]);
    await undo(debt);
    expect(await stateOf(container)).to.equal('running');
    await undo(debt);
    await docker(['rm', '-f', container]);
    await undo(debt);
  });

  it('a memory limit is as it was, none or another one, once or twice', async () => {
    const container = await startContainer('--memory', '256m', '--memory-swap', '256m');
    const limit = async () => Number(await docker(['inspect', '-f', '{{.HostConfig.Memory}}', container]));
    const starve = () => docker(['update', '--memory', '64m', '--memory-swap', '64m', container]);
    await starve();
    const bytes = 256 * 2 ** 20;
    for (const _ of ['once', 'twice']) {
      await undo({ undo: 'restore-node-memory', container, bytes, swapBytes: bytes, mark });
      expect(await limit()).to.equal(bytes);
    }
    await starve();
    for (const _ of ['once', 'twice']) {
      await undo({ undo: 'restore-node-memory', container, bytes: -1, mark });
      expect(await limit()).to.be.greaterThan(2 ** 62 - 1);
    }
    await docker(['rm', '-f', container]);
    await undo({ undo: 'restore-node-memory', container, bytes: -1, mark });
  });

  it('every container that carries the mark goes, running, stopped or paused, and no other', async () => {
    const ours = await Promise.all([0, 1, 2].map(() => startContainer('--label', `ordeal.mark=${mark}`)));
    const stranger = await startContainer('--label', `ordeal.mark=${mark}0`);
    await docker(['kill', ours[1] ?? '']);
    await docker(['pause', ours[2] ?? '']);
    await undo({ undo: 'remove-containers', mark });
    expect(await Promise.all(ours.map(stateOf))).to.deep.equal(['gone', 'gone', 'gone']);
    expect(await stateOf(stranger)).to.equal('running');
    await undo({ undo: 'remove-containers', mark });
  });

  it('a network goes, unless a stranger is attached to it', async () => {
    const name = `ordeal-${mark}`;
    const debt = { undo: 'remove-network', name, mark } as const;
    await undo(debt);
    await docker(['network', 'create', '--label', `ordeal.mark=${mark}`, '--internal', name]);
    const stranger = await startContainer('--network', name);
    expect(await messageOf(undo(debt))).to.contain('in use');
    await docker(['rm', '-f', stranger]);
    await undo(debt);
    expect((await tryDocker(['network', 'inspect', name])).exitCode).not.to.equal(0);
    await undo(debt);
  });

  it('a network with our name but without our label is left alone', async () => {
    const name = `ordeal-${mark}-other`;
    await docker(['network', 'create', '--internal', name]);
    expect(await messageOf(undo({ undo: 'remove-network', name, mark }))).to.contain('not ours, left alone');
    await docker(['network', 'rm', name]);
  });

  it("a stranger's container is left alone: neither a node of kind nor one with our mark", async () => {
    const container = await startAny('--label', `ordeal.mark=${mark}0`);
    await docker(['pause', container]);
    const node = { via: 'docker', container } as const;
    const debts: readonly Debt[] = [
      { undo: 'thaw-node', container, mark },
      { undo: 'power-on-node', container, mark },
      { undo: 'restore-node-memory', container, bytes: -1, mark },
      { undo: 'start-unit', node, unit: 'kubelet', mark },
    ];
    for (const debt of debts) expect(await messageOf(undo(debt)), debt.undo).to.contain('not ours, left alone');
    expect(await stateOf(container)).to.equal('paused');
  });

  it('nothing is paid because another docker than the one that has it knows nothing of it', async () => {
    const daemon = await daemonId();
    const folder = mkdtempSync(join(tmpdir(), 'ordeal-test-'));
    await using other = await startEmptyDocker(join(folder, 'docker.sock'));
    const env = { ...process.env, DOCKER_HOST: other.host };
    const debts: readonly Debt[] = [
      { undo: 'thaw-node', container: id, mark },
      { undo: 'start-unit', node: { via: 'docker', container: id }, unit: 'kubelet', mark },
      { undo: 'remove-containers', mark },
      { undo: 'remove-network', name: `ordeal-${mark}`, mark },
    ];
    for (const debt of debts) {
      expect(await messageOf(undo({ ...debt, daemon }, { env })), debt.undo).to.contain('another docker answers');
      await undo({ ...debt, daemon });
      await undo({ ...debt, daemon: other.id }, { env });
    }
  });

  it('the ledger notes the daemon with the debt, and asks for it once a run', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ordeal-test-'));
    const calls = join(folder, 'calls');
    const real = execFileSync('sh', ['-c', 'command -v docker'], { encoding: 'utf8' }).trim();
    writeFileSync(join(folder, 'docker'), `#!/bin/sh\necho "$@" >>'${calls}'\nexec '${real}' "$@"\n`, { mode: 0o755 });
    const ledger = openLedger(folder, { env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` } });
    await ledger.owe({ undo: 'end-processes', mark });
    expect(existsSync(calls)).to.equal(false);
    await Promise.all([0, 1].map(() => ledger.owe({ undo: 'thaw-node', container: id, mark })));
    await ledger.owe({ undo: 'remove-containers', mark });
    expect(readFileSync(calls, 'utf8')).to.equal('info --format {{.ID}}\n');
    const daemon = await daemonId();
    expect(readLedger(folder).map(({ debt }) => debt.daemon)).to.deep.equal([undefined, daemon, daemon, daemon]);
  });

  it('a file that we made on a node goes, once or twice; on a paused node it stays owed', async () => {
    const container = await startContainer();
    const node = { via: 'docker', container } as const;
    const debt = { undo: 'remove-node-file', node, path: `/tmp/ordeal-${mark}-fill`, mark } as const;
    await execOn(node, ['touch', debt.path, '/tmp/other']);
    await docker(['pause', container]);
    expect(await messageOf(undo(debt))).to.contain('paused');
    await docker(['unpause', container]);
    await undo(debt);
    expect((await execOn(node, ['ls', '/tmp'])).stdout).to.equal('other\n');
    await undo(debt);
    await docker(['rm', '-f', container]);
    await undo(debt);
  });

  it('a unit that does not start stays owed', async () => {
    const node = { via: 'docker', container: await startContainer() } as const;
    expect(await messageOf(undo({ undo: 'start-unit', node, unit: 'kubelet', mark }))).to.contain(
      'kubelet does not start',
    );
  });
});
