import { createSocket } from 'node:dgram';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Deaths } from '../harness/cluster/deaths.ts';
import { groupsBelow } from '../harness/cluster/memory.ts';
import { freePorts } from '../harness/cluster/ports.ts';
import { listeners } from '../harness/cluster/proc.ts';
import { refuseOpenSockets } from '../harness/cluster/readback.ts';
import { serverArgs } from '../harness/cluster/server-programs.ts';
import { answers } from '../harness/cluster/server-ready.ts';
import { Servers } from '../harness/cluster/servers.ts';
import { type Run, ScenarioError, type ServerSpec } from '../harness/model.ts';
import { marked, titleOf } from '../harness/process.ts';
import { startClock } from '../harness/run/clock.ts';
import { endProcesses } from '../harness/run/undo/host.ts';
import { decode } from '../harness/scenario/decode.ts';
import { egressOf } from '../harness/scenario/egress.ts';
import { fill, placeholders } from '../harness/template.ts';
import { systemTool } from '../harness/tools/system.ts';
import { skip } from './skip.ts';

const good = `question: Do servers work?
incident: { from: "Somebody, 2020", what: It broke }
runs-on: [embedded]
parameters: { zone: cluster.local, workers: 2 }
cluster:
  identities: [{ user: dns }]
  servers:
    upstream:
      program: coredns
      ports: [dns, ready]
      files: { Corefile: up.conf }
      args: [-conf, "{{file.Corefile}}"]
      ready: { port: ready, path: /ready }
    front:
      program: nginx
      ports: [http]
      files: { Corefile: front.conf }
      args: [-p, "{{folder}}", "-n", "\${workers}"]
      env: { LEVEL: 1.10 }
      as: dns
      memory: 170MiB
      cpus: 200m
      ready: { port: http }
phases: { steady: 5s }
variants: { only: { what: as it is, expect: limits } }
evidence: [{ metric: component.up, labels: { component: upstream }, take: min, during: steady, is: "== 1" }]
limits: [{ metric: component.deaths, labels: { component: front }, take: count, during: run, is: "== 0" }]
probes: [components]
`;
const upstream = '.:{{port.dns}} {\n  ready 127.0.0.1:{{port.ready}}\n}\n';
const front = `zone \${zone} on {{port.http}} to {{ port.upstream.dns }} as {{kubeconfig}} keeps $\${host}\n`;

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'ordeal-servers-'));
});
after(() => rm(root, { recursive: true, force: true }));

async function write(yaml: string, texts: { up?: string; front?: string } = {}): Promise<string> {
  const folder = await mkdtemp(join(root, 'case-'));
  await writeFile(join(folder, 'scenario.yaml'), yaml);
  await writeFile(join(folder, 'up.conf'), texts.up ?? upstream);
  await writeFile(join(folder, 'front.conf'), texts.front ?? front);
  return folder;
}

async function complaintsOf(yaml: string, texts: { up?: string; front?: string } = {}): Promise<readonly string[]> {
  const folder = await write(yaml, texts);
  try {
    await decode(folder, {});
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return error.complaints.map((line) => line.replaceAll(`${folder}/`, ''));
  }
  return [];
}

function changed(from: string, to: string): string {
  expect(good).to.include(from);
  return good.replace(from, () => to);
}

describe('a template', () => {
  it('is filled with what its placeholders stand for', () => {
    const text = '{{port.dns}} and {{ folder }}, not {this} nor {{}}';
    expect(placeholders(text)).to.deep.equal([
      { word: 'port.dns', at: 0 },
      { word: 'folder', at: 17 },
      { word: '', at: 46 },
    ]);
    expect(
      fill(
        '{{port.dns}}:{{ folder }}',
        new Map([
          ['port.dns', '53'],
          ['folder', '/$&'],
        ]),
      ),
    ).to.equal('53:/$&');
    expect(() => fill('{{nobody}}', new Map())).to.throw('no value for {{nobody}}');
    expect(placeholders(`{{${' '.repeat(100_000)}`)).to.deep.equal([]);
  });
});

describe('servers of a scenario', () => {
  it('are decoded in the order of the file, with the texts of their files and parameters filled in', async () => {
    const { cluster } = await decode(await write(good), {});
    expect(cluster.servers).to.deep.equal([
      {
        name: 'upstream',
        program: 'coredns',
        ports: ['dns', 'ready'],
        files: { Corefile: upstream },
        args: ['-conf', '{{file.Corefile}}'],
        env: {},
        ready: { port: 'ready', path: '/ready' },
      },
      {
        name: 'front',
        program: 'nginx',
        ports: ['http'],
        files: {
          Corefile: `zone cluster.local on {{port.http}} to {{ port.upstream.dns }} as {{kubeconfig}} keeps \${host}\n`,
        },
        args: ['-p', '{{folder}}', '-n', '2'],
        env: { LEVEL: '1.10' },
        as: 'dns',
        memoryBytes: 170 * 2 ** 20,
        cpus: 0.2,
        ready: { port: 'http' },
      },
    ]);
  });

  it('are none where the file has none', async () => {
    const without = good
      .replace(/ {2}servers:\n[\s\S]*(?=phases:)/, '')
      .replaceAll(/labels: \{ component: \w+ \}, /g, '');
    const { cluster } = await decode(await write(without), {});
    expect(cluster).to.not.have.property('servers');
  });

  for (const [what, from, to, complaint] of [
    [
      'program',
      'program: nginx',
      'program: ngnix',
      '"program" is "ngnix"; expected one of coredns, nginx, workload, karpenter-kwok; did you mean "nginx"?',
    ],
    [
      'port to be ready on',
      '{ port: http }',
      '{ port: htp }',
      'unknown port "htp"; expected http; did you mean "http"?',
    ],
    ['identity', 'as: dns', 'as: dn', 'unknown identity "dn"; expected dns; did you mean "dns"?'],
    ['file', 'Corefile: up.conf', 'Corefile: up.cnf', 'no file "up.cnf"; expected a file in the scenario\'s folder'],
    [
      'path',
      'Corefile: up.conf',
      'Corefile: ../up.conf',
      '"../up.conf" is outside of the scenario; expected a file in its folder',
    ],
    [
      'name',
      '    upstream:\n',
      '    etcd:\n',
      'a server cannot be called "etcd"; expected another name: a component has it',
    ],
    ['second port', 'ports: [dns, ready]', 'ports: [dns, ready, dns]', 'port "dns" is there twice; expected it once'],
  ] as const)
    it(`are refused for a wrong ${what}, with its place`, async () => {
      const complaints = (await complaintsOf(changed(from, to))).join('\n');
      expect(complaints).to.match(/scenario\.yaml:\d+:\d+: /);
      expect(complaints).to.include(complaint);
    });

  it('are refused for a word in an argument that stands for nothing', async () => {
    expect(await complaintsOf(changed('"{{folder}}"', '"{{port.dns}}"'))).to.deep.equal([
      'scenario.yaml:18:18: unknown {{port.dns}}; expected one of folder, kubeconfig, file.Corefile, port.http, port.upstream.dns, port.upstream.ready, port.front.http',
    ]);
  });

  it('are refused for such a word in their environment too', async () => {
    const complaints = await complaintsOf(changed('LEVEL: 1.10', 'LEVEL: "{{kubeconfg}}"'));
    expect(complaints.join()).to.match(
      /^scenario\.yaml:19:\d+: unknown \{\{kubeconfg\}\}; .*did you mean "kubeconfig"\?/,
    );
  });

  it('are refused for words in their files, each at its place there, all at once', async () => {
    const complaints = await complaintsOf(good, { up: `a {{port.dsn}}\n{{kubeconfig}} \${zones}\n` });
    expect(complaints.map((line) => line.split('; expected')[0])).to.deep.equal([
      'up.conf:1:3: unknown {{port.dsn}}',
      'up.conf:2:1: unknown {{kubeconfig}}',
      `up.conf:2:16: unknown \${zones}`,
    ]);
  });

  it('are refused for a parameter that would put such a word into their files', async () => {
    expect(await complaintsOf(changed('zone: cluster.local', 'zone: "{{nothing}}"'))).to.deep.equal([
      'front.conf:1:6: parameter zone holds "{{"; expected a value that stands for itself',
    ]);
  });

  it('are refused where their files lead beyond loopback, with the place', async () => {
    const up = `.:{{port.dns}} {\n  forward . 127.0.0.1:{{port.dns}} # not 1.1.1.1\n  forward . \${zone} dns://[::1]\n}\n`;
    const texts = { up: up.replace(/\$\{zone\}/, '/etc/resolv.conf 9.9.9.9:53') };
    expect((await complaintsOf(good, texts)).map((line) => line.split('; expected')[0])).to.deep.equal([
      'up.conf:3:13: forward leads to "/etc/resolv.conf"',
      'up.conf:3:30: forward leads to "9.9.9.9:53"',
    ]);
    const filled = await complaintsOf(changed('zone: cluster.local', 'zone: 8.8.8.8'), { up });
    expect(filled.join('\n')).to.match(/up\.conf:3:13: forward leads to "8\.8\.8\.8"; expected addresses of loopback/);
  });

  it('may lead to each other', () => {
    const text =
      'upstream pods { server 127.0.0.1:{{port.a.b}} max_fails=0; }\nserver { location / { proxy_pass http://pods; } }';
    expect(egressOf('nginx', text)).to.deep.equal([]);
    for (const [wrong, to] of [
      ['resolver 127.0.0.1 9.9.9.9 valid=5s;', '9.9.9.9'],
      ['proxy_pass http://$arg_to;', 'http://$arg_to'],
      ['proxy_pass "http://127.0.0.1@example.org/";', 'http://127.0.0.1@example.org/'],
      ['upstream a { server example.org; }', 'example.org'],
      ['access_log syslog:server=192.0.2.1,nohostname;', '192.0.2.1'],
      ['include /etc/nginx/nginx.conf;', '/etc/nginx/nginx.conf'],
    ])
      expect(egressOf('nginx', `${text}\n${wrong}`).map(({ what }) => what.split(' leads to ')[1])).to.deep.equal([
        JSON.stringify(to),
      ]);
  });

  it('are refused for a file that is a link out of the scenario', async () => {
    const folder = await write(good);
    await rm(join(folder, 'up.conf'));
    await symlink('/etc/passwd', join(folder, 'up.conf'));
    const error = await decode(folder, {}).catch((thrown: unknown) => thrown);
    expect(String(error)).to.match(/scenario\.yaml:11:\d+: "up\.conf" is a link that leads out of the scenario/);
  });
});

describe('the port of a server', () => {
  let server: Server;
  let status = 503;
  let address: string;
  before(async () => {
    server = createServer((_, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `127.0.0.1:${(server.address() as { port: number }).port}`;
  });
  after(() => server.close());

  it('is ready when it takes a connection or, where there is a path, answers it well', async () => {
    const { signal } = new AbortController();
    expect(await answers(address, undefined, signal)).to.equal(true);
    expect(await answers(address, '/ready', signal)).to.equal(false);
    status = 204;
    expect(await answers(address, '/ready', signal)).to.equal(true);
    const { free } = await freePorts(['free']);
    expect(await answers(`127.0.0.1:${free}`, undefined, signal)).to.equal(false);
    expect(await answers(`127.0.0.1:${free}`, '/ready', signal)).to.equal(false);
  });

  it('is seen where it takes datagrams, and whether it does from everywhere', async () => {
    const sockets = [createSocket('udp4'), createSocket('udp4'), createSocket('udp4')] as const;
    const [near, open, connected] = sockets;
    try {
      await new Promise<void>((resolve) => near.bind(0, '127.0.0.1', resolve));
      await new Promise<void>((resolve) => open.bind(0, '0.0.0.0', resolve));
      await new Promise<void>((resolve) => connected.connect(near.address().port, '127.0.0.1', resolve));
      const seen = new Map(listeners([process.pid]).map(({ port, loopback }) => [port, loopback]));
      expect(seen.get(near.address().port)).to.equal(true);
      expect(seen.get(open.address().port)).to.equal(false);
      expect(seen.has(connected.address().port)).to.equal(false);
    } finally {
      for (const socket of sockets) socket.close();
    }
  });
});

describe('a program of the system', () => {
  const options = () => ({
    cache: root,
    path: '',
    env: {},
    signal: new AbortController().signal,
    progress: () => {},
  });

  it('is found in the named folder first, with the version that it tells on stderr', async () => {
    const folder = join(root, 'tools');
    await mkdir(folder);
    const path = join(folder, 'nginx');
    await writeFile(path, '#!/bin/sh\n[ "$1" = -v ] && echo "nginx version: nginx/1.22.1" >&2\n', { mode: 0o755 });
    const tool = await systemTool('nginx', { ...options(), folder });
    expect(tool).to.deep.equal({ name: 'nginx', version: '1.22.1', path, source: 'named', expected: '1.22.1' });
  });
});

describe('nginx as a server', () => {
  const workers = process.getuid?.() === 0 ? ['-g', 'user root;'] : [];

  it("writes into no log of the host's, and keeps its workers the harness's own where that is root", () => {
    expect(serverArgs('nginx', ['-c', 'x'], '1.22.1')).to.deep.equal(['-e', 'stderr', ...workers, '-c', 'x']);
    expect(serverArgs('nginx', [], '1.19.4')).to.deep.equal(workers);
    expect(serverArgs('nginx', [], 'unknown')).to.deep.equal(workers);
    expect(serverArgs('coredns', ['-conf', 'x'], '1.14.2')).to.deep.equal(['-conf', 'x']);
  });

  it('keeps what the scenario says by -g', function () {
    if (workers.length === 0) skip(this, 'nothing is added to it unless the harness is root');
    const told = ['-g', 'user root; daemon off;', '-c', 'x'];
    for (const asked of [['-g', 'daemon off;'], ['-gdaemon off;']])
      expect(serverArgs('nginx', [...asked, '-c', 'x'], '1.19.4')).to.deep.equal(told);
  });
});

describe('starting servers', function () {
  this.timeout(60_000);
  const mark = `servers${process.pid}`;
  const ending = new AbortController();
  const run = {
    clock: startClock(),
    journal: { append: () => undefined },
    signal: ending.signal,
    mark,
  } as unknown as Run;
  const given = { kubeconfig: () => '', limits: new Map(), refuseOpenSockets: () => refuseOpenSockets(mark, []) };
  const listen = (host: string, then: string) =>
    `require('node:http').createServer((_, answer) => answer.end()).listen(process.argv[1], '${host}'); ${then}`;
  let deaths: Deaths[] = [];

  afterEach(async () => {
    for (const one of deaths) one[Symbol.dispose]();
    deaths = [];
    await endProcesses(mark);
  });

  /** Servers of node, by the text of their program, which is given its port. */
  async function starting(
    programs: Readonly<Record<string, string>>,
  ): Promise<{ state: string; started(): Promise<string> }> {
    const folder = await mkdtemp(join(root, 'start-'));
    const state = join(folder, 'state');
    await mkdir(state);
    const watch = new Deaths(run, state);
    deaths.push(watch);
    const specs = Object.entries(programs).map(
      ([name, text]): ServerSpec => ({
        name,
        program: 'workload',
        ports: ['http'],
        files: {},
        args: ['-e', text, '{{port.http}}'],
        env: {},
        ready: { port: 'http', path: '/' },
      }),
    );
    const options = { folder: join(folder, 'servers'), state, mark, tools: () => process.execPath, deaths: watch };
    const started = () =>
      new Servers(specs, options).start(given, ending.signal).then(
        () => 'started',
        (error: unknown) => String(error),
      );
    return { state, started };
  }

  it('fails for one that was ready and is dead before the last is ready', async () => {
    const { started } = await starting({
      first: listen('127.0.0.1', 'setTimeout(() => process.exit(7), 1_000);'),
      second: `setTimeout(() => { ${listen('127.0.0.1', '')} }, 5_000);`,
    });
    expect(await started()).to.match(/first died although it had been ready: exit 7/);
  });

  it('fails for one that goes on in the background', async () => {
    const text = listen('127.0.0.1', '').replaceAll("'", '"');
    const aside = `const { spawn } = require('node:child_process');
      const stdio = Array.from({ length: 10 }, (_, fd) => (fd === 9 ? 9 : 'ignore'));
      spawn(process.execPath, ['-e', '${text}', process.argv[1]], { stdio, detached: true });
      process.exit(0);`;
    const { started } = await starting({ only: aside });
    expect(await started()).to.match(/only died .*exit 0 \(a server must stay in the foreground/);
  });

  it('fails at once where it cannot be written which process was started, and leaves none', async () => {
    const { state, started } = await starting({ only: listen('127.0.0.1', '') });
    await symlink(join(state, 'nowhere', 'pid'), join(state, 'only.pid'));
    expect(await started()).to.match(/only was not started: its launcher ended/);
    expect(marked(mark)).to.deep.equal([]);
  });

  it('ends with the first one that can be reached from another machine', async () => {
    const { started } = await starting({ open: listen('0.0.0.0', ''), next: listen('127.0.0.1', '') });
    expect(await started()).to.match(/not on loopback only:\nprocess \d+ listens on 0\.0\.0\.0:\d+/);
    expect(marked(mark).filter((pid) => titleOf(pid).includes('127.0.0.1'))).to.deep.equal([]);
  });
});

describe('control groups of version 2', () => {
  const own = '0::/made/for-us\n';

  it('below one that holds processes have no controller; below the root group they have what it gives', async () => {
    const folder = await mkdtemp(join(root, 'groups-'));
    const below = join(folder, 'made', 'for-us');
    await mkdir(below, { recursive: true });
    const mounts = [`1 2 0:3 / ${folder} rw - cgroup2 cgroup2 rw`];
    await writeFile(join(below, 'cgroup.type'), 'domain\n');
    await writeFile(join(below, 'cgroup.subtree_control'), '');
    const refused = await groupsBelow(own, mounts, 'cpu');
    expect(refused)
      .to.include(`gives no cpu to groups below ${below}, where this process is`)
      .and.to.include('echo $$ >');
    // As the kernel has it where threaded controllers are given: processes cannot be moved there.
    await writeFile(join(below, 'cgroup.subtree_control'), 'cpu\n');
    expect(await groupsBelow(own, mounts, 'cpu')).to.equal(refused);
    await writeFile(join(folder, 'cgroup.subtree_control'), 'cpu memory\n');
    expect(await groupsBelow('0::/\n', mounts, 'cpu')).to.deep.equal({ version: 2, parent: `${folder}/` });
    await writeFile(join(folder, 'cgroup.subtree_control'), 'memory\n');
    expect(await groupsBelow('0::/\n', mounts, 'cpu')).to.include('as root, echo +cpu > ');
  });
});
