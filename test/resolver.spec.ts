import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { freePorts } from '../harness/cluster/ports.ts';
import { importsExtension } from '../harness/load/extensions.ts';
import { type Point, parsePoint } from '../harness/load/points.ts';
import { dnsCost } from '../harness/probes/dns-cost.ts';
import { findGo } from '../harness/tools/go.ts';
import { provide, type ToolOptions } from '../harness/tools/tools.ts';
import { skip } from './skip.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const options: ToolOptions = {
  cache: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ordeal'),
  path: process.env['PATH'] ?? '',
  env: process.env,
  signal: new AbortController().signal,
  progress: () => undefined,
};

describe('the resolver for k6', function () {
  this.timeout(900_000);
  let folder: string;
  let k6: string;
  let coredns: string;

  before(async function () {
    const { go, why } = await findGo(options);
    if (go === undefined) skip(this, why);
    const tools = await provide([{ name: 'k6-ordeal' }, { name: 'coredns' }], options);
    k6 = tools.get('k6-ordeal')?.path ?? '';
    coredns = tools.get('coredns')?.path ?? '';
    folder = await mkdtemp(join(tmpdir(), 'ordeal-resolver-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('sends what glibc sends, by its own tests', () => {
    const env = {
      ...process.env,
      CGO_ENABLED: '0',
      GOFLAGS: '-mod=readonly -buildvcs=false',
      ORDEAL_COREDNS: coredns,
    };
    const cwd = join(root, 'k6');
    const { status, stdout, stderr } = spawnSync('go', ['test', '-v', './resolver'], { cwd, env, encoding: 'utf8' });
    expect(status, `${stdout}${stderr}`).to.equal(0);
    const skipped = [...stdout.matchAll(/^--- SKIP: (\w+)/gm)].map(([, name]) => name);
    // It needs a network namespace, which not every machine gives.
    expect(skipped.filter((name) => name !== 'TestGlibcSendsTheSame')).to.deep.equal([]);
  });

  describe('what a query costs on this host', () => {
    const signal = new AbortController().signal;
    const port = async () => (await freePorts(['dns'])).dns;
    const bearers = () =>
      spawnSync('pgrep', ['-f', `${coredns} -conf stdin`], { encoding: 'utf8' })
        .stdout.split('\n')
        .filter(Boolean);
    const errorOf = (program: string) => dnsCost(program, port, signal).catch((thrown: unknown) => thrown);

    it('is measured on a CoreDNS that is gone afterwards', async () => {
      const before = bearers();
      expect(await dnsCost(coredns, port, signal)).to.be.within(1e-7, 1e-2);
      expect(bearers()).to.deep.equal(before);
    });

    it('is not known of a program that is missing, ends or answers nothing, nor when aborted', async () => {
      expect(await errorOf('/nowhere/coredns')).to.include({ name: 'ToolError' });
      expect(await errorOf('/bin/true'))
        .to.have.property('message')
        .that.matches(/could not be measured: it ended/);
      const aborted = await dnsCost(coredns, port, AbortSignal.abort()).catch((thrown: unknown) => thrown);
      expect(aborted).to.have.property('name', 'AbortError');
    });

    it('is not that of a wrapper, which is ended with what it started', async () => {
      const before = bearers();
      const wrapper = join(folder, 'wrapper');
      await writeFile(wrapper, `#!/bin/sh\n'${coredns}' "$@"\n`, { mode: 0o755 });
      expect(await errorOf(wrapper))
        .to.have.property('message')
        .that.matches(/a wrapper/);
      expect(bearers()).to.deep.equal(before);
    });

    for (const name of ['SIGKILL', 'SIGHUP'] as const) {
      it(`leaves no CoreDNS when ${name === 'SIGKILL' ? 'the harness gets' : 'all of its group get'} ${name} meanwhile`, async () => {
        const before = bearers();
        const module = new URL('../harness/probes/dns-cost.ts', import.meta.url).href;
        const script = `const { dnsCost } = await import('${module}'); await dnsCost('${coredns}', async () => ${await port()}, new AbortController().signal);`;
        const args = ['--input-type=module', '-e', script];
        const harness = spawn(process.execPath, args, { stdio: 'ignore', detached: true });
        for (let round = 0; bearers().length === before.length && round < 200; round++) await sleep(50);
        expect(bearers().length).to.be.above(before.length);
        if (name === 'SIGKILL') harness.kill(name);
        else process.kill(-(harness.pid ?? 0), name);
        if (harness.exitCode === null && harness.signalCode === null) await once(harness, 'exit');
        for (let round = 0; bearers().length > before.length && round < 100; round++) await sleep(50);
        expect(bearers()).to.deep.equal(before);
      });
    }
  });

  describe('in a script', () => {
    let server: ChildProcess;
    let port: number;

    beforeEach(async () => {
      ({ dns: port } = await freePorts(['dns']));
      const corefile = join(folder, 'Corefile');
      await writeFile(
        corefile,
        `.:${port} {\n bind 127.0.0.1\n hosts {\n  192.0.2.7 api.partner.example\n  2001:db8::7 api.partner.example\n }\n}\n`,
      );
      server = spawn(coredns, ['-conf', corefile, '-quiet'], { stdio: 'ignore' });
      await answering(port);
    });

    afterEach(async () => {
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    });

    /** Plays `body` once, with a resolver like a pod's in front of it. */
    async function play(
      body: string,
      more = '',
      told: NodeJS.ProcessEnv = {},
    ): Promise<{ points: Point[]; said: string; code: number | null }> {
      const script = join(folder, 'load.k6.ts');
      const samples = join(folder, 'samples.json');
      await rm(samples, { force: true });
      await writeFile(
        script,
        `import { Resolver } from 'k6/x/resolver';
const resolver = new Resolver({ servers: ['127.0.0.1:${port}'], search: ['default.svc.cluster.local', 'svc.cluster.local',
  'cluster.local'], ndots: 5, attempts: 1, timeout: '300ms'${more} });
export default function () { ${body} }`,
      );
      const args = ['run', '--no-usage-report', '--quiet', '--address=', `--out=json=${samples}`, script];
      const env = { HOME: folder, K6_AUTO_EXTENSION_RESOLUTION: 'false', ...told };
      const child = spawn(k6, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk;
      });
      const [code] = (await once(child, 'close')) as [number | null];
      const lines = (await readFile(samples, 'utf8').catch(() => '')).split('\n');
      const wanted = { has: (metric: string) => metric.startsWith('resolver_') };
      return { points: lines.flatMap((line) => parsePoint(line, wanted) ?? []), said, code };
    }

    const sum = (points: readonly Point[], metric: string, tags: Readonly<Record<string, string>> = {}): number =>
      points
        .filter((point) => point.metric === metric && Object.entries(tags).every(([key, is]) => point.tags[key] === is))
        .reduce((total, { value }) => total + value, 0);

    it('gives answers and queries, and k6 the metrics', async () => {
      const { points, said } = await play(
        "console.log(JSON.stringify(resolver.lookup('api.partner.example', { tags: { kind: 'external' } })))",
      );
      expect(said).to.include('192.0.2.7').and.include('2001:db8::7');
      expect(sum(points, 'resolver_lookups', { kind: 'external' }), said).to.equal(1);
      expect(sum(points, 'resolver_queries_per_lookup')).to.equal(8);
      for (const type of ['A', 'AAAA']) expect(sum(points, 'resolver_queries', { type, transport: 'udp' })).to.equal(4);
      expect(sum(points, 'resolver_duration')).to.be.greaterThan(0);
      expect(sum(points, 'resolver_failures') + sum(points, 'resolver_timeouts')).to.equal(0);
    });

    it('costs two queries for each fix of its own: a lower ndots, a dot at the end', async () => {
      const low = await play("resolver.lookup('api.partner.example')", ', ndots: 2');
      expect(sum(low.points, 'resolver_queries')).to.equal(2);
      const dot = await play("resolver.lookup('api.partner.example.')");
      expect(sum(dot.points, 'resolver_queries')).to.equal(2);
    });

    it('tells a server that hangs from one that died, and waits for neither for ever', async () => {
      server.kill('SIGSTOP');
      const hung = await play("resolver.lookup('api.partner.example.')");
      expect(sum(hung.points, 'resolver_failures', { cause: 'timeout' }), hung.said).to.equal(1);
      expect(sum(hung.points, 'resolver_timeouts')).to.equal(2);
      server.kill('SIGKILL');
      await once(server, 'exit');
      const dead = await play("resolver.lookup('api.partner.example')");
      expect(sum(dead.points, 'resolver_failures', { cause: 'connection refused' }), dead.said).to.equal(1);
      expect(sum(dead.points, 'resolver_errors')).to.be.greaterThan(0);
      const stream = await play("resolver.lookup('api.partner.example.')", ', useVc: true');
      expect(sum(stream.points, 'resolver_errors'), stream.said).to.equal(2);
      expect(sum(stream.points, 'resolver_queries', { transport: 'tcp' })).to.equal(2);
    });

    it('asks nobody but the servers of the run, where it was told them', async () => {
      const lookUp = "console.log(JSON.stringify(resolver.lookup('api.partner.example.').answers))";
      const ours = await play(lookUp, '', { ORDEAL_DNS_ONLY: `127.0.0.1:1,127.0.0.1:${port}` });
      expect(ours.said).to.include('192.0.2.7');
      for (const only of ['', '127.0.0.1:1']) {
        const { said, code, points } = await play(lookUp, '', { ORDEAL_DNS_ONLY: only });
        expect(code).to.not.equal(0);
        expect(said).to.match(/servers: 127\.0\.0\.1:\d+ may not be asked here/);
        expect(points).to.deep.equal([]);
      }
      const host = await play("Resolver.fromFile('/etc/resolv.conf')", '', { ORDEAL_DNS_ONLY: `127.0.0.1:${port}` });
      expect(host.said).to.include('may not be asked here');
      const other = `{ servers: ['127.0.0.1:${port}'] }`;
      const instead = await play(
        `console.log(Resolver.fromText('nameserver 192.0.2.53', ${other}).options.servers)`,
        '',
        {
          ORDEAL_DNS_ONLY: `127.0.0.1:${port}`,
        },
      );
      expect(instead.said).to.include(`127.0.0.1:${port}`).and.not.include('may not be asked');
    });

    it('reads a resolv.conf, and one option goes before it', async () => {
      const text = 'search a.example b.example\\nnameserver 127.0.0.1\\noptions ndots:20 timeout:3 rotate';
      const { said } = await play(
        `console.log(JSON.stringify(Resolver.fromText('${text}', { ndots: 2 }).options), resolver instanceof Resolver)`,
      );
      const [, told = ''] = /msg="(\{.*\}) true"/.exec(said) ?? [];
      expect(JSON.parse(told.replaceAll('\\"', '"'))).to.deep.include({
        servers: ['127.0.0.1:53'],
        search: ['a.example', 'b.example'],
        ndots: 2,
        timeout: '3s',
        rotate: true,
        attempts: 2,
      });
    });

    it('refuses what it does not know, all complaints at once', async () => {
      const { said, code } = await play('', ", dots: 5, servers: ['dns.example']");
      expect(code).to.not.equal(0);
      expect(said).to.include('resolver options: ');
      const more = await play('', ', ndots: 16, attempts: 0');
      expect(more.said)
        .to.match(/ndots: expected 0 to 15/)
        .and.match(/attempts: expected 1 to 5/);
      const call = await play("resolver.lookup('a', { tag: {} })");
      expect(call.said).to.include('lookup knows no parameter \\"tag\\"');
    });
  });

  it('is typed', async () => {
    const project = join(folder, 'typed');
    await mkdir(project);
    const config = {
      extends: join(root, 'tsconfig.k6.json'),
      compilerOptions: { typeRoots: [join(root, 'node_modules', '@types')] },
      include: [join(root, 'k6/resolver/index.d.ts'), '*.ts'],
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config));
    const script = (body: string) =>
      `import { Resolver } from 'k6/x/resolver';\nconst r = new Resolver({ servers: ['10.96.0.10'] });\n${body}`;
    await writeFile(
      join(project, 'good.ts'),
      script("export const first: string | undefined = r.lookup('a').answers[0];"),
    );
    await writeFile(
      join(project, 'bad.ts'),
      script("new Resolver({ servers: [], dots: 5 });\nr.lookup('a').adresses;"),
    );
    const tsc = join(root, 'node_modules/.bin/tsc');
    const { stdout } = spawnSync(tsc, ['-p', project, '--noEmit'], { encoding: 'utf8' });
    expect(stdout).to.include("'dots' does not exist").and.include("'adresses' does not exist");
    expect(stdout).to.not.include('good.ts');
  });
});

describe('a script that imports an extension of k6', () => {
  it('is told from one that does not, through the files that it imports', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ordeal-extension-'));
    const file = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    await file('names.ts', "import { Resolver } from 'k6/x/resolver';\nimport './load.ts';");
    expect(importsExtension(await file('load.ts', "import http from 'k6/http';\nimport './names.ts';"))).to.equal(true);
    expect(importsExtension(await file('plain.ts', "import http from 'k6/http';"))).to.equal(false);
    expect(importsExtension(join(folder, 'none.ts'))).to.equal(false);
    await rm(folder, { recursive: true });
  });

  it('finds the sources of that k6 in the published package', async () => {
    const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
    const { stdout } = await promisify(execFile)('npm', args, { cwd: root, maxBuffer: 2 ** 26 });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const published = files.map(({ path }) => path);
    expect(published).to.include.members(['k6/go.mod', 'k6/go.sum', 'k6/cmd/k6/main.go', 'k6/resolver/index.d.ts']);
  }).timeout(60_000);
});

/** Waits until a DNS server answers on loopback, whatever it says. */
async function answering(port: number): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  const answer = once(socket, 'message');
  const query = Buffer.from('0001010000010000000000000000020001', 'hex');
  const stop = new AbortController();
  const asking = (async () => {
    while (!stop.signal.aborted) {
      socket.send(query, port, '127.0.0.1');
      await sleep(50);
    }
  })();
  await answer;
  stop.abort();
  await asking;
  socket.close();
}
