import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Context } from 'mocha';
import { signCertificate } from '../harness/cluster/x509.ts';
import { FreshConnections } from '../harness/probes/fresh-connection.ts';
import { skip } from './skip.ts';

const MINUTE = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'ordeal-certificates-'));

/** An authority that a stranger made, so that our certificates are looked at by more than ourselves. */
function authority(...algorithm: readonly string[]): { caCert: string; caKey: string; caFile: string } {
  const [crt, key] = ['crt', 'key'].map((ending) =>
    join(folder, `${algorithm.join('-').replaceAll(/\W/g, '')}.${ending}`),
  );
  const out = ['-keyout', key ?? '', '-out', crt ?? '', '-days', '1'];
  execFileSync('openssl', ['req', '-x509', '-newkey', ...algorithm, '-nodes', '-subj', '/O=x/CN=the ca', ...out], {
    stdio: 'ignore',
  });
  return { caCert: readFileSync(crt ?? '', 'utf8'), caKey: readFileSync(key ?? '', 'utf8'), caFile: crt ?? '' };
}

const newKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const during = (from: number, to: number) => ({
  notBefore: new Date(Date.now() + from),
  notAfter: new Date(Date.now() + to),
});

function needsOpenssl(this: Context): void {
  if (spawnSync('openssl', ['version']).status !== 0) skip(this, 'there is no openssl');
}

describe('a certificate of ours', () => {
  before(needsOpenssl);

  for (const algorithm of [['rsa:2048'], ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']]) {
    it(`is what openssl verifies, signed by an authority with a key of ${algorithm[0]}`, () => {
      const { caFile, ...ca } = authority(...algorithm);
      const key = newKey();
      const names = ['localhost', '127.0.0.1'];
      const holder = { commonName: 'system:node:one', organizations: ['system:nodes', 'more'], key };
      for (const [usage, purpose] of [
        ['client', 'sslclient'],
        ['server', 'sslserver'],
      ] as const) {
        const pem = signCertificate({ ...holder, usage, names, ...during(-MINUTE, MINUTE), ...ca });
        const file = join(folder, 'certificate.crt');
        writeFileSync(file, pem);
        const said = execFileSync('openssl', ['verify', '-CAfile', caFile, '-purpose', purpose, file], {
          encoding: 'utf8',
        });
        expect(said).to.include('OK');
        const read = new X509Certificate(pem);
        expect(read.subject).to.equal('O=system:nodes\nO=more\nCN=system:node:one');
        expect(read.subjectAltName).to.equal('DNS:localhost, IP Address:127.0.0.1');
        expect(read.issuer).to.equal('O=x\nCN=the ca');
      }
    });
  }
});

describe('a new connection', () => {
  before(needsOpenssl);

  const signal = new AbortController().signal;
  const heard: string[] = [];

  /** A server with a certificate of that lifetime; resolves with what came of one new connection to it. */
  async function connecting(lifetime: readonly [number, number], status = 200, strange = false, timeout = 5_000) {
    const { caFile, ...ca } = authority('rsa:2048');
    const key = newKey();
    const holder = { commonName: 'x', usage: 'server', key, names: [strange ? 'example.org' : '127.0.0.1'] } as const;
    const cert = signCertificate({ ...holder, ...during(...lifetime), ...ca });
    const server: Server = createServer({ key, cert }, (request, response) => {
      heard.push(`${request.url} ${request.headers.authorization}`);
      if (status > 0) response.writeHead(status).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const connection = { server: `https://127.0.0.1:${port}`, caFile, user: 'x', token: 'secret' };
    try {
      const found = await new FreshConnections(connection, timeout).make('/hello', signal);
      return { ...found, mine: new X509Certificate(cert), server: connection };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  beforeEach(() => heard.splice(0));

  it('that is answered says so, and which certificate it was shown', async () => {
    const { cause, served, mine } = await connecting([-MINUTE, MINUTE]);
    expect(cause).to.equal(undefined);
    expect(heard).to.deep.equal(['/hello Bearer secret']);
    expect(served).to.deep.equal({
      fingerprint: mine.fingerprint256.replaceAll(':', '').toLowerCase(),
      notAfter: Date.parse(mine.validTo),
    });
  });

  it('tells an expired certificate from one that is not valid yet and from another name, and sends none of them anything', async () => {
    expect(await connecting([-2 * MINUTE, -MINUTE])).to.include({ cause: 'certificate-expired' });
    expect(await connecting([MINUTE, 2 * MINUTE])).to.include({ cause: 'certificate-not-yet-valid' });
    expect(await connecting([-MINUTE, MINUTE], 200, true)).to.include({ cause: 'err-tls-cert-altname-invalid' });
    expect(heard).to.deep.equal([]);
  });

  it('tells an answer that is none, one that does not come, and a port where nobody listens', async () => {
    expect(await connecting([-MINUTE, MINUTE], 503)).to.include({ cause: 'status-503' });
    const silent = await connecting([-MINUTE, MINUTE], 0, false, 300);
    expect(silent).to.include({ cause: 'timeout' });
    expect(await new FreshConnections(silent.server, 5_000).make('/', signal)).to.deep.equal({ cause: 'refused' });
  });
});
