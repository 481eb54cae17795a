import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { kindCli } from '../harness/cluster/kind/cli.ts';
import { dockerEndpoint, dockerUnavailable, noClient } from '../harness/docker.ts';
import { skip } from './skip.ts';

describe('the docker that kind talks to', () => {
  const home = mkdtempSync(join(tmpdir(), 'ordeal-test-'));
  const env = { PATH: process.env['PATH'], HOME: home };
  const docker = (...args: string[]) => execFileSync('docker', args, { env, stdio: 'ignore' });
  const signal = new AbortController().signal;

  before(async function () {
    if ((await dockerUnavailable()) === noClient) skip(this, noClient);
    docker('context', 'create', 'mine', '--docker', `host=unix://${home}/mine.sock`);
    writeFileSync(join(home, 'kind'), '#!/bin/sh\nenv\n', { mode: 0o755 });
  });

  const hostOf = async (given: Readonly<Record<string, string | undefined>>) => {
    const cli = { program: join(home, 'kind'), folder: join(home, 'cluster'), mark: 'feedfacefeedface', env: given };
    const said = () => kindCli(cli, ['version'], { signal, timeout: 10_000 });
    return { first: await said(), said };
  };

  it("is that of the user's context, although kind sees another HOME, and stays the same when the context changes", async () => {
    docker('context', 'use', 'mine');
    const { first, said } = await hostOf(env);
    expect(first).to.contain(`DOCKER_HOST=unix://${home}/mine.sock\n`).and.to.contain(`HOME=${home}/cluster\n`);
    docker('context', 'use', 'default');
    expect(await said()).to.contain(`DOCKER_HOST=unix://${home}/mine.sock\n`);
    expect((await hostOf(env)).first).not.to.contain('mine.sock');
    expect((await hostOf({ ...env, DOCKER_CONTEXT: 'mine' })).first).to.contain('mine.sock');
  });

  it('is that of DOCKER_HOST where the user says so', async () => {
    const given = { ...env, DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_CONTEXT: 'mine' };
    expect(await dockerEndpoint(given)).to.deep.equal({});
    expect((await hostOf(given)).first).to.contain('DOCKER_HOST=tcp://127.0.0.1:1\n');
  });

  it('is reached with the certificates of the context', async () => {
    // As docker's client keeps them: by the digest of the context's name.
    const digest = createHash('sha256').update('secured').digest('hex');
    const [meta, tls] = ['meta', 'tls'].map((kind) => join(home, '.docker', 'contexts', kind, digest)) as [
      string,
      string,
    ];
    for (const folder of [meta, join(tls, 'docker')]) mkdirSync(folder, { recursive: true });
    const endpoint = { Host: 'tcp://127.0.0.1:1', SkipTLSVerify: false };
    writeFileSync(
      join(meta, 'meta.json'),
      JSON.stringify({ Name: 'secured', Metadata: {}, Endpoints: { docker: endpoint } }),
    );
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(tls, 'docker', `${name}.pem`), name);
    const found = await dockerEndpoint({ ...env, DOCKER_CONTEXT: 'secured' });
    expect(found).to.include({ DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_TLS_VERIFY: '1' });
    expect(readFileSync(join(found['DOCKER_CERT_PATH'] ?? '', 'key.pem'), 'utf8')).to.equal('key');
  });
});
