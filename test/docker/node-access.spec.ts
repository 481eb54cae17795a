import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { docker, tryDocker } from '../../harness/docker.ts';
import { type Node, ToolError } from '../../harness/model.ts';
import { dockerNode } from '../../harness/node/docker-node.ts';
import { readByExec } from '../../harness/node/files.ts';
import { hostSide } from '../../harness/node/host-side.ts';
import { podOf } from '../../harness/node/pod-manifest.ts';
import { skip } from '../skip.ts';
import { removeTestContainers, requireContainers, startContainer } from './containers.ts';

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a node that is a container', function () {
  this.timeout(60_000);
  let container: string;
  let node: Node;

  before(async function () {
    await requireContainers(this);
    container = await startContainer('--hostname', 'the-node');
    node = await dockerNode({ name: 'the-node', role: 'worker', container });
  });

  after(removeTestContainers);

  const processes = async (): Promise<string> => (await node.exec(['ps', '-o', 'args'])).stdout;

  /** Whether `ps` on the node shows no such program any more, within ten seconds. */
  const endsOnTheNode = async (program: string): Promise<boolean> => {
    for (let round = 0; round < 50; round++) {
      if (!(await processes()).includes(program)) return true;
      await sleep(200);
    }
    return false;
  };

  it('runs a program on its input and gives what it said, whatever its exit code', async () => {
    const done = await node.exec(['sh', '-c', 'cat; echo no >&2; exit 7'], { input: 'yes' });
    expect(done).to.deep.equal({ exitCode: 7, stdout: 'yes', stderr: 'no\n' });
    expect((await node.exec(['no-such-program'])).exitCode).to.equal(127);
  });

  it('gives up on a program that does not answer, and ends it on the node too', async () => {
    const error = await failureOf(node.exec(['sleep', '4321'], { timeout: 500 }));
    expect(error).to.be.instanceOf(ToolError);
    expect((error as ToolError).message)
      .to.contain('docker exec')
      .and.to.contain('0.5 s');
    expect(await endsOnTheNode('sleep 4321')).to.equal(true);
  });

  it("rejects with the signal's reason when aborted", async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 200);
    expect(await failureOf(node.exec(['sleep', '3'], { signal: controller.signal }))).to.equal(reason);
  });

  it('says so when it is paused, off, or not there', async () => {
    const other = await startContainer();
    const exec = async () =>
      failureOf((await dockerNode({ name: 'x', role: 'worker', container: other })).exec(['true']));
    for (const change of [['pause'], ['kill'], ['rm', '-f']]) {
      await docker([...change, other]);
      expect(await exec(), change.join(' ')).to.be.instanceOf(ToolError);
      if (change[0] === 'pause') await docker(['unpause', other]);
    }
  });

  it('is only found by a full id: a name may be a stranger by now', async () => {
    expect(String(await failureOf(dockerNode({ name: 'x', role: 'worker', container: 'the-node' })))).to.contain(
      'full id',
    );
  });

  it('gives small files, without those that are absent or no files', async () => {
    const files = await node.read(['/proc/meminfo', '/etc/hostname', '/no/such/file', '/proc']);
    expect([...files.keys()]).to.deep.equal(['/proc/meminfo', '/etc/hostname']);
    expect(files.get('/etc/hostname')).to.equal('the-node\n');
    expect([...(await readByExec(node.exec, [...files.keys(), '/no/such/file']))].map(([path]) => path)).to.deep.equal([
      ...files.keys(),
    ]);
  });

  it("gives the node's own file where a link on the node would lead to one of this host", async () => {
    await node.exec(['sh', '-c', 'busybox ln -sf /etc/hostname /tmp/link']);
    expect((await node.read(['/tmp/link'])).get('/tmp/link')).to.equal('the-node\n');
  });

  it('is read while it is paused, where its processes are visible from here', async function () {
    const outside = hostSide(container, (args) => tryDocker(args));
    if ((await outside.read(['/proc/meminfo'])) === undefined) skip(this, 'its processes are not visible from here');
    await docker(['pause', container]);
    try {
      expect((await node.read(['/proc/meminfo'])).get('/proc/meminfo')).to.contain('MemAvailable');
      const usage = await node.readCgroup(['memory.current', 'memory.usage_in_bytes', 'no.such_file']);
      expect(usage.size).to.equal(1);
      expect(Number([...usage.values()][0])).to.be.greaterThan(0);
    } finally {
      await docker(['unpause', container]);
    }
  });

  it('is followed line by line until the program ends', async () => {
    const lines: string[] = [];
    const command = ['sh', '-c', 'echo a; echo b; printf c'];
    for await (const line of node.follow(command, new AbortController().signal)) lines.push(line);
    expect(lines).to.deep.equal(['a', 'b', 'c']);
  });

  it('is followed until the signal aborts, and the program ends on the node', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const heard: string[] = [];
    const following = async () => {
      for await (const line of node.follow(['sh', '-c', 'echo here; exec sleep 4322'], controller.signal)) {
        heard.push(line);
        controller.abort(reason);
      }
    };
    expect(await failureOf(following())).to.equal(reason);
    expect(heard).to.deep.equal(['here']);
    expect(await endsOnTheNode('sleep 4322')).to.equal(true);
  });

  it('does not end a program that is followed quietly when it fails', async () => {
    const following = async () => {
      for await (const _ of node.follow(['sh', '-c', 'echo gone >&2; exit 3'], new AbortController().signal));
    };
    const error = await failureOf(following());
    expect(error).to.be.instanceOf(ToolError);
    expect((error as ToolError).exitCode).to.equal(3);
    expect((error as ToolError).lastLines).to.deep.equal(['gone']);
  });

  it('runs nothing any more for a harness that was killed', async () => {
    const source = `import { followOn } from ${JSON.stringify(new URL('../../harness/node/follow.ts', import.meta.url).href)};
      const ref = { via: 'docker', container: '${container}' };
      for await (const line of followOn(ref, ['sh', '-c', 'echo here; exec sleep 4323'], new AbortController().signal)) console.log(line);`;
    const harness = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(harness.stdout, 'data');
    harness.kill('SIGKILL');
    expect(await endsOnTheNode('sleep 4323')).to.equal(true);
  });
});

describe('the pod that reaches a node', () => {
  const ref = {
    via: 'pod' as const,
    kubeconfig: '/k',
    context: 'c',
    namespace: 'ordeal-feedfacefeedface',
    pod: 'ordeal-feedfacefeedface-0',
    node: 'n',
    uid: 'u',
  };
  const node = (architecture: string, names: readonly string[]) => ({
    metadata: { name: 'n', uid: 'u' },
    status: { nodeInfo: { architecture }, images: names.map((name, index) => ({ names: [name], sizeBytes: index })) },
  });
  const specOf = (architecture: string, names: readonly string[], image?: string) => {
    const options = { seconds: 60, critical: true, ...(image && { image }) };
    return (podOf(ref, node(architecture, names), 'feedfacefeedface', options) as { spec: PodSpec }).spec;
  };
  interface PodSpec {
    readonly activeDeadlineSeconds: number;
    readonly volumes: readonly { readonly hostPath: { readonly path: string } }[];
    readonly containers: readonly { readonly image: string; readonly imagePullPolicy: string }[];
  }

  it('downloads nothing: it takes the pause image that is there, or else the smallest, with the programs of the node', () => {
    const [container] = specOf('amd64', ['a/small:1', 'b/pause:3', 'c/large:1']).containers;
    expect(container).to.include({ image: 'b/pause:3', imagePullPolicy: 'Never' });
    expect(specOf('arm64', ['a/small:1', 'c/large:1']).containers[0]?.image).to.equal('a/small:1');
    expect(() => specOf('amd64', [])).to.throw('no image');
  });

  it('mounts the folders that programs of its architecture need, and none of them for an image that was named', () => {
    const folders = (spec: PodSpec) => spec.volumes.map(({ hostPath }) => hostPath.path);
    expect(folders(specOf('amd64', ['p/pause:1']))).to.deep.equal(['/usr', '/lib', '/lib64']);
    expect(folders(specOf('arm64', ['p/pause:1']))).to.deep.equal(['/usr', '/lib']);
    expect(folders(specOf('amd64', [], 'mine:1'))).to.deep.equal([]);
  });

  it('ends by itself', () => {
    expect(specOf('amd64', ['p/pause:1']).activeDeadlineSeconds).to.equal(60);
  });
});
