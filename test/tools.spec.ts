import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { RefusedError, ToolError } from '../harness/model.ts';
import { buildTools, turns } from '../harness/tools/build.ts';
import { isProgram, onPath } from '../harness/tools/find.ts';
import { hold } from '../harness/tools/lock.ts';
import { generate, modulesFolder } from '../harness/tools/module.ts';
import { runtime } from '../harness/tools/node-image/programs.ts';
import { Progress } from '../harness/tools/progress.ts';
import { provide, type ToolOptions, type ToolWish, where } from '../harness/tools/tools.ts';
import { want } from '../harness/tools/wanted.ts';
import { skip } from './skip.ts';

const fakes = join(import.meta.dirname, 'fakes', 'tools');

describe('tools', () => {
  let home: string;
  /** A PATH of its own, so that what this machine has does not matter; holds what scripts need, and no Go. */
  let bin: string;
  let told: string[];
  let log: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'ordeal-tools-'));
    bin = join(home, 'path');
    log = join(home, 'go.log');
    told = [];
    await mkdir(bin);
    for (const name of ['tar', 'gzip', 'sleep', 'mkdir', 'chmod']) {
      const program = onPath(name, process.env['PATH'] ?? '').find((file) => existsSync(file));
      if (program !== undefined) await symlink(program, join(bin, name));
    }
  });

  afterEach(async () => {
    await rm(home, { recursive: true, force: true });
  });

  function options(more: Partial<ToolOptions> = {}): ToolOptions {
    return {
      cache: join(home, 'cache'),
      path: bin,
      env: { FAKE_GO_LOG: log },
      signal: new AbortController().signal,
      progress: (text) => void told.push(text),
      ...more,
    };
  }

  async function program(folder: string, name: string, script: string): Promise<string> {
    await mkdir(folder, { recursive: true });
    const file = join(folder, name);
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
    return file;
  }

  async function useFakeGo(): Promise<void> {
    await cp(join(fakes, 'go'), join(bin, 'go'));
  }

  async function goCalls(verb: string): Promise<string[]> {
    if (!existsSync(log)) return [];
    return (await readFile(log, 'utf8')).split('\n').filter((line) => line.split(' ')[1] === verb);
  }

  async function leftovers(): Promise<string[]> {
    const tmp = join(home, 'cache', 'tmp');
    return existsSync(tmp) ? await readdir(tmp) : [];
  }

  describe('that the user has', () => {
    it('are taken from the named folder first, then from PATH, as they are', async () => {
      const folder = join(home, 'mine');
      const etcd = await program(folder, 'etcd', 'echo "etcd Version: 3.6.8"');
      await program(bin, 'etcd', 'echo "etcd Version: 3.6.8"');
      const k6 = await program(bin, 'k6', 'echo "k6 v1.8.1 (go1.26.8, linux/amd64)"');
      const tools = await provide([{ name: 'etcd' }, { name: 'k6' }], options({ folder }));
      expect(tools.get('etcd')).to.deep.equal({
        name: 'etcd',
        version: '3.6.8',
        path: etcd,
        source: 'named',
        expected: '3.6.8',
      });
      expect(tools.get('k6')).to.include({ path: k6, source: 'path' });
      expect(told).to.deep.equal([]);
    });

    it('are used although their version is another, with a warning', async () => {
      await program(bin, 'kube-apiserver', 'echo "Kubernetes v1.34.1"');
      const tools = await provide([{ name: 'kube-apiserver' }], options());
      expect(tools.get('kube-apiserver')).to.include({ version: '1.34.1', expected: '1.36.3', source: 'path' });
      expect(told.join('\n')).to.match(/kube-apiserver on PATH is 1\.34\.1, not 1\.36\.3; used as it is: .*path/);
    });

    it('are used although they fail or say nothing when asked their version, with a warning', async () => {
      await program(bin, 'k6', 'echo "no licence" >&2; exit 3');
      await program(bin, 'kwok', 'true');
      await writeFile(join(bin, 'etcd'), 'neither a script nor a program\n', { mode: 0o755 });
      const tools = await provide([{ name: 'k6' }, { name: 'kwok' }, { name: 'etcd' }], options());
      for (const tool of tools.values()) expect(tool).to.include({ version: 'unknown', source: 'path' });
      expect(told.join('\n'))
        .to.include('k6 on PATH does not tell its version (exit 3: no licence)')
        .and.include('kwok on PATH does not tell its version (exit 0)')
        .and.include('etcd on PATH does not tell its version');
    });

    it('are passed over when a variant names a version and they are another', async () => {
      const folder = join(home, 'mine');
      await program(bin, 'etcd', 'echo "etcd Version: 3.6.8"');
      const old = await program(folder, 'etcd-3.5.12', 'echo "etcd Version: 3.5.12"');
      const wishes: ToolWish[] = [{ name: 'etcd' }, { name: 'etcd', version: '3.5.12' }];
      const tools = await provide(wishes, options({ folder }));
      expect(tools.get('etcd')).to.include({ version: '3.6.8', source: 'path' });
      expect(tools.get('etcd@3.5.12')).to.include({ version: '3.5.12', path: old, source: 'named' });
      await rm(old);
      const error = await rejection(provide(wishes, options({ folder })));
      expect(error).to.be.instanceOf(ToolError);
      expect(error.message).to.include('etcd on PATH is 3.6.8, not 3.5.12');
    });

    it('cannot be wished for by a wrong name, a wrong version or from a folder that is none', async () => {
      const wishes = [{ name: 'etdc' }, { name: 'k6', version: 'latest' }] as unknown as ToolWish[];
      const error = await rejection(provide(wishes, options()));
      expect(error).to.be.instanceOf(RefusedError);
      expect(error.message).to.include('no tool is called etdc').and.include('k6 latest: a version is written like');
      const none = await rejection(provide([{ name: 'k6' }], options({ folder: join(home, 'none') })));
      expect(none).to.be.instanceOf(RefusedError);
    });
  });

  describe('from an official release', () => {
    let server: Server;
    let asked: string[];
    let answer: RequestListener;

    beforeEach(async () => {
      asked = [];
      server = createServer((request, response) => {
        if (request.method === 'HEAD') return void response.end();
        asked.push(request.url ?? '');
        return answer(request, response);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });

    afterEach(() => {
      server.closeAllConnections();
      server.close();
    });

    function releases(checksums: { [name: string]: string }): Partial<ToolOptions> {
      return { releaseBase: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, checksums } };
    }

    const k6 = '#!/bin/sh\necho k6 v1.8.1\n';

    it('are downloaded once, checked, and taken from the cache from then on', async () => {
      const kwok = '#!/bin/sh\necho kwok version v0.8.0\n';
      answer = (_, response) => void response.end(kwok);
      const given = options(releases({ 'kwok 0.8.0': sha256(kwok) }));
      const first = (await provide([{ name: 'kwok' }], given)).get('kwok');
      expect(first).to.include({ version: '0.8.0', source: 'release', expected: '0.8.0' });
      expect(execFileSync(first?.path ?? '').toString()).to.equal('kwok version v0.8.0\n');
      expect(asked.join()).to.match(/^\/kubernetes-sigs\/kwok\/releases\/download\/v0\.8\.0\/kwok-\w+-\w+$/);
      const second = (await provide([{ name: 'kwok' }], given)).get('kwok');
      expect(second).to.deep.equal({ ...first, source: 'cache' });
      expect(asked).to.have.length(1);
      expect(await leftovers()).to.deep.equal([]);
      await writeFile(first?.path ?? '', 'shorter');
      expect((await provide([{ name: 'kwok' }], given)).get('kwok')).to.deep.equal(first);
      expect(asked).to.have.length(2);
    });

    it('are taken out of their archive, which is downloaded once for all of them', async () => {
      const archive = (path: string): string => path.split('/').at(-1) ?? '';
      answer = async (request, response) => {
        response.end(await readFile(join(home, archive(request.url ?? ''))));
      };
      const wishes: ToolWish[] = [{ name: 'etcd' }, { name: 'etcdctl' }];
      const file = archive(want(wishes, {})[0]?.url ?? '');
      const folder = file.replace('.tar.gz', '');
      await program(join(home, folder), 'etcd', 'echo etcd Version: 3.6.8');
      await program(join(home, folder), 'etcdctl', 'echo etcdctl version: 3.6.8');
      execFileSync('tar', ['-czf', join(home, file), '-C', home, folder]);
      const sum = sha256(await readFile(join(home, file)));
      const tools = await provide(wishes, options(releases({ 'etcd 3.6.8': sum, 'etcdctl 3.6.8': sum })));
      expect(execFileSync(tools.get('etcd')?.path ?? '').toString()).to.equal('etcd Version: 3.6.8\n');
      expect(execFileSync(tools.get('etcdctl')?.path ?? '').toString()).to.equal('etcdctl version: 3.6.8\n');
      expect(asked).to.have.length(1);
    });

    it('are refused when the checksum is another, and not built instead', async () => {
      await useFakeGo();
      answer = (_, response) => void response.end('something else');
      const expected = sha256(k6);
      const error = await rejection(provide([{ name: 'k6' }], options(releases({ 'k6 1.8.1': expected }))));
      expect(error).to.be.instanceOf(ToolError);
      expect(error.message)
        .to.include(`expected SHA-256 ${expected}`)
        .and.include(`got      SHA-256 ${sha256('something else')}`)
        .and.include('curl -fsSL http://127.0.0.1');
      expect(await leftovers()).to.deep.equal([]);
      expect(existsSync(join(home, 'cache', 'bin'))).to.equal(false);
      expect(await goCalls('build')).to.deep.equal([]);
    });

    it('are built with Go when the download breaks off, and nothing half-done is left', async () => {
      await useFakeGo();
      answer = (_, response) => {
        response.writeHead(200, { 'content-length': '100000' });
        response.write('half of it', () => response.destroy());
      };
      const tools = await provide([{ name: 'kwokctl' }], options(releases({ 'kwokctl 0.8.0': sha256('whole') })));
      expect(tools.get('kwokctl')).to.include({ source: 'go', version: '0.8.0' });
      expect(told.join('\n')).to.match(/kwokctl.* broke off.*; trying a Go build/);
      expect(await leftovers()).to.deep.equal([]);
    });

    it('say why and what to do when the download fails and there is no Go', async () => {
      answer = (_, response) => void response.writeHead(404).end();
      const error = await rejection(provide([{ name: 'kwok' }], options(releases({ 'kwok 0.8.0': sha256('x') }))));
      expect(error).to.be.instanceOf(ToolError);
      expect(error.message).to.match(/kwok 0\.8\.0 is not to be had; .*answered 404\n.*Go is not on PATH.*--tools-dir/);
    });

    it('leave nothing when a server that stalls is not waited for', async () => {
      const abort = new AbortController();
      answer = (_, response) => {
        response.writeHead(200, { 'content-length': '2000000' });
        response.write(Buffer.alloc(1_000_000));
      };
      const given = options({ ...releases({ 'kwok 0.8.0': sha256('x') }), signal: abort.signal });
      const providing = rejection(provide([{ name: 'kwok' }], given));
      await until(() => told.length > 0);
      expect(told[0]).to.equal('downloading kwok 0.8.0: 1.0 MB of 2.0 MB, 1s');
      const start = performance.now();
      abort.abort(new Error('enough'));
      expect((await providing).message).to.equal('enough');
      expect(performance.now() - start).to.be.below(1000);
      expect(await leftovers()).to.deep.equal([]);
    });

    it('are downloaded anew after a kill -9 in the middle, whose half is swept away', async () => {
      answer = (_, response) => void response.writeHead(200).write(Buffer.alloc(100_000));
      const { signal: _signal, progress: _progress, ...given } = options(releases({ 'k6 1.8.1': 'none' }));
      const releaseBase = { url: given.releaseBase?.url ?? '', checksums: { 'kwok 0.8.0': sha256(k6) } };
      const other = another([{ name: 'kwok' }], { ...given, releaseBase });
      await until(async () => asked.length > 0 && (await leftovers()).length > 0);
      other.process.kill('SIGKILL');
      await other.ended;
      expect(await leftovers()).to.have.length(1);
      answer = (_, response) => void response.end(k6);
      const tools = await provide([{ name: 'kwok' }], options({ releaseBase }));
      expect(tools.get('kwok')).to.include({ source: 'release' });
      expect(await leftovers()).to.deep.equal([]);
    });

    it('are built with Go when the host does not answer', async () => {
      await useFakeGo();
      const given = options(releases({ 'kwok 0.8.0': sha256(k6) }));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      const [there] = await where([{ name: 'kwok' }], given);
      expect(there).to.include({ would: 'go' });
      expect(there?.why).to.match(/127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/);
      expect((await provide([{ name: 'kwok' }], given)).get('kwok')).to.include({ source: 'go' });
    });
  });

  describe('built with Go', () => {
    beforeEach(useFakeGo);

    it('are compiled in one build for each module, and keep their names', async () => {
      const wishes: ToolWish[] = [
        { name: 'etcd' },
        { name: 'etcd', version: '3.6.8' },
        { name: 'kube-apiserver' },
        { name: 'k6' },
        { name: 'etcd', version: '3.5.12' },
      ];
      const tools = await provide(wishes, options());
      expect([...tools.keys()]).to.deep.equal(['etcd', 'etcd@3.6.8', 'kube-apiserver', 'k6', 'etcd@3.5.12']);
      expect(tools.get('etcd')?.path).to.match(/bin\/etcd-3\.6\.8-\w+-\w+-go-\w{12}\/etcd$/);
      expect(tools.get('etcd@3.6.8')).to.deep.equal(tools.get('etcd'));
      expect(tools.get('etcd@3.5.12')).to.include({ version: '3.5.12', source: 'go' });
      const builds = await goCalls('build');
      expect(builds).to.have.length(2);
      expect(builds.find((line) => line.includes('k6'))).to.match(
        / go\.etcd\.io\/etcd\/server\/v3 k8s\.io\/kubernetes\/cmd\/kube-apiserver go\.k6\.io\/k6$/,
      );
      const again = await provide(wishes, options());
      expect([...again.values()].map(({ source }) => source)).to.deep.equal(Array(5).fill('cache'));
      expect(await goCalls('build')).to.have.length(2);
    });

    it('are compiled apart when their module is another, each told its own version', async () => {
      const wishes: ToolWish[] = [{ name: 'kind' }, { name: 'helm' }, { name: 'kubelet' }, { name: 'kubeadm' }];
      const tools = await provide(wishes, options());
      expect([...tools.values()].map(({ version }) => version)).to.deep.equal(['0.33.0', '4.3.1', '1.36.3', '1.36.3']);
      const builds = await goCalls('build');
      expect(builds).to.have.length(3);
      expect(builds.find((line) => line.endsWith(' sigs.k8s.io/kind'))).to.include('-ldflags -s -w -o');
      expect(builds.find((line) => line.endsWith('/cmd/helm'))).to.include('internal/version.version=v4.3.1');
    });

    it('are compiled with C and tags where the program needs it', async () => {
      const runc = runtime.filter(({ name }) => name === 'runc');
      const env = { FAKE_GO_LOG: log, FAKE_GO_FAIL: 'yes' };
      using progress = new Progress(() => {});
      const go = { program: join(bin, 'go'), version: 'go1.26.8' };
      const error = await rejection(buildTools(runc, go, turns(), options({ env }), progress));
      expect((error as ToolError).command)
        .to.include(
          "modules/runc && CGO_ENABLED=1 GOFLAGS='-mod=readonly -buildvcs=false -tags=seccomp,netgo,osusergo'",
        )
        .and.include('-extldflags -static');
    });

    it('fail with the command to paste, the exit code and the last lines, and leave nothing', async () => {
      const env = { FAKE_GO_LOG: log, FAKE_GO_FAIL: 'yes' };
      const error = await rejection(provide([{ name: 'k6' }], options({ env })));
      if (!(error instanceof ToolError)) throw error;
      expect(error.message).to.match(/^building k6 failed/);
      expect(error.command)
        .to.match(/^cd \S+modules\/kubernetes && CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false' /)
        .and.match(/ go\.k6\.io\/k6$/);
      expect(error.exitCode).to.equal(1);
      expect(error.lastLines).to.deep.equal(['# example.org/one', 'one.go:7:2: undefined: two']);
      expect(await leftovers()).to.deep.equal([]);
    });

    it('are refused when they turn out to be another version', async () => {
      const env = { FAKE_GO_LOG: log, FAKE_GO_MAKES: '0.0.1' };
      const error = await rejection(provide([{ name: 'k6' }], options({ env })));
      expect(error.message).to.include('k6 was built to be 1.8.1, but it is 0.0.1');
    });

    it('tell what is built, how far and how long, at most once a second', async () => {
      const env = { FAKE_GO_LOG: log, FAKE_GO_SLEEP: '2.3' };
      await provide([{ name: 'k6' }, { name: 'kwok' }], options({ env }));
      expect(told.slice(0, 2)).to.deep.equal([
        'building k6, kwok: 2 of at most 2 packages, 1s',
        'building k6, kwok: 2 of at most 2 packages, 2s',
      ]);
      expect(told[2]).to.match(/^built k6, kwok with go1\.26\.8 in [23]s$/);
    });

    it('end with all their processes when aborted, and leave nothing', async () => {
      const abort = new AbortController();
      const env = { FAKE_GO_LOG: log, FAKE_GO_SLEEP: '60' };
      const providing = rejection(provide([{ name: 'k6' }], options({ env, signal: abort.signal })));
      await until(async () => existsSync(log) && (await readFile(log, 'utf8')).includes('child'));
      const child = Number(/child (\d+)/.exec(await readFile(log, 'utf8'))?.[1]);
      expect(runs(child)).to.equal(true);
      abort.abort(new Error('enough'));
      expect((await providing).message).to.equal('enough');
      await until(() => !runs(child));
      expect(await leftovers()).to.deep.equal([]);
    });

    it('are built once when two ordeals want them: the second waits, says so, and uses the result', async () => {
      const { signal: _signal, progress: _progress, ...rest } = options();
      const given = { ...rest, env: { FAKE_GO_LOG: log, FAKE_GO_SLEEP: '1' } };
      const both = [another([{ name: 'k6' }], given), another([{ name: 'k6' }], given)];
      const [one, two] = await Promise.all(both.map(({ ended }) => ended));
      expect(await goCalls('build')).to.have.length(1);
      const pids = both.map(({ process }) => process.pid).join('|');
      expect(`${one?.stderr}${two?.stderr}`).to.match(
        new RegExp(`k6: waiting for another ordeal \\(pid (${pids})\\) that makes it`),
      );
      const paths = [one, two].map((ended) => (JSON.parse(ended?.stdout ?? '[{}]')[0] as { path: string }).path);
      expect(paths[0]).to.be.a('string').and.equal(paths[1]);
    });

    it('are not to be had, with every reason at once, when Go is missing or too old', async () => {
      const wishes: ToolWish[] = [{ name: 'k6' }, { name: 'etcd' }];
      const env = { FAKE_GO_LOG: log, FAKE_GO_VERSION: 'go1.22.1' };
      const old = await rejection(provide(wishes, options({ env })));
      expect(old.message).to.include('go is go1.22.1, older than 1.26; install Go 1.26 or newer');
      await rm(join(bin, 'go'));
      const none = await rejection(provide(wishes, options()));
      expect(none).to.be.instanceOf(ToolError);
      expect(none.message)
        .to.match(/k6 1\.8\.1 is not to be had; no pinned checksum for the release of k6 1\.8\.1 on /)
        .and.match(/etcd 3\.6\.8 is not to be had; /)
        .and.include('Go is not on PATH; install Go 1.26 or newer');
      const plan = await where(wishes, options());
      expect(plan.map(({ would }) => would)).to.deep.equal([undefined, undefined]);
    });

    it('are planned without anything being made', async () => {
      const [plan] = await where([{ name: 'k6' }], options());
      expect(plan).to.deep.include({ wish: { name: 'k6' }, expected: '1.8.1', would: 'go' });
      expect(plan?.why).to.match(/^no pinned checksum .*; to be built with go1\.26\.8 \(.*go\)$/);
      expect(existsSync(join(home, 'cache'))).to.equal(false);
    });

    it('of another Kubernetes have its staging modules replaced by the published ones', async () => {
      const kubernetesMod = [
        'require (',
        '\tk8s.io/api v0.0.0',
        ')',
        'replace (',
        '\tk8s.io/api => ./staging/src/k8s.io/api',
        '\tk8s.io/kms => ./staging/src/k8s.io/kms',
        ')',
      ].join('\n');
      const wanted = want(
        [
          { name: 'kubectl', version: '1.34.2' },
          { name: 'kube-scheduler', version: '1.34.2' },
        ],
        {},
      );
      await generate(home, wanted, kubernetesMod);
      expect((await readFile(join(home, 'go.mod'), 'utf8')).split('\n').slice(2, -1)).to.deep.equal([
        'require k8s.io/kubernetes v1.34.2',
        'replace k8s.io/api => k8s.io/api v0.34.2',
        'replace k8s.io/kms => k8s.io/kms v0.34.2',
      ]);
    });

    it('run: etcd 3.5.12, by the real Go', async function () {
      const path = process.env['PATH'] ?? '';
      if (!(await Promise.any(onPath('go', path).map(isTrue(isProgram))).catch(() => false)))
        return skip(this, 'no Go');
      const env = { ...process.env, GOFLAGS: '-mod=readonly', GOPROXY: 'off' };
      const cwd = join(modulesFolder(), 'etcd-3.5');
      try {
        execFileSync('go', ['list', '-deps', 'go.etcd.io/etcd/server/v3'], { cwd, env, stdio: 'ignore' });
      } catch (error) {
        return skip(this, `its Go modules are not on this machine: ${(error as Error).message}`);
      }
      this.timeout(180_000);
      this.slow(20_000);
      await rm(join(bin, 'go'));
      const go = onPath('go', path).find((file) => existsSync(file)) ?? '';
      await symlink(go, join(bin, 'go'));
      const wish: ToolWish = { name: 'etcd', version: '3.5.12' };
      const tools = await provide([wish], options({ env: process.env }));
      expect(tools.get('etcd@3.5.12')).to.include({ version: '3.5.12', source: 'go' });
      expect(await leftovers()).to.deep.equal([]);
    });
  });

  it('locks are held by one at a time, also when a dead holder is succeeded by many', async () => {
    const folder = join(home, 'lock');
    await mkdir(folder);
    await writeFile(join(folder, '1'), JSON.stringify({ pid: process.pid, start: 'long ago' }));
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        await using _held = await hold(folder, new AbortController().signal, () => {});
        most = Math.max(most, ++inside);
        await setTimeout(2);
        inside--;
      }),
    );
    expect(most).to.equal(1);
    expect(await readdir(folder)).to.deep.equal(['9']);
  });
});

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    (value) => Promise.reject(new Error(`should have failed, gave ${JSON.stringify(value)}`)),
    (error: Error) => error,
  );
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await setTimeout(20);
}

function isTrue<T>(test: (value: T) => Promise<boolean>): (value: T) => Promise<true> {
  return async (value) => (await test(value)) || Promise.reject(new Error('no'));
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
}

/** A second ordeal in a process of its own. */
function another(
  wishes: ToolWish[],
  options: Omit<ToolOptions, 'signal' | 'progress'>,
): { process: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [join(fakes, 'provide.ts'), JSON.stringify({ wishes, options })]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  return { process: child, ended: new Promise((resolve) => child.on('close', () => resolve({ stdout, stderr }))) };
}
