import { createSocket } from 'node:dgram';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePorts } from '../harness/cluster/ports.ts';
import { listeners } from '../harness/cluster/proc.ts';
import { answers } from '../harness/cluster/server-ready.ts';
import { ScenarioError } from '../harness/model.ts';
import { decode } from '../harness/scenario/decode.ts';
import { fill, placeholders } from '../harness/template.ts';
import { systemTool } from '../harness/tools/system.ts';

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
      cpus: 0.2
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
      '"program" is "ngnix"; expected one of coredns, nginx, workload; did you mean "nginx"?',
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

  it('are refused for words in their files, each at its place there, all at once', async () => {
    const complaints = await complaintsOf(good, { up: `a {{port.dsn}}\n{{kubeconfig}} \${zones}\n` });
    expect(complaints.map((line) => line.split('; expected')[0])).to.deep.equal([
      'up.conf:1:3: unknown {{port.dsn}}',
      'up.conf:2:1: unknown {{kubeconfig}}',
      `up.conf:2:16: unknown \${zones}`,
    ]);
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
