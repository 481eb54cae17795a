import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import type { CertificateOwner, CertificateSpec, ClusterSpec, IssuedCertificate, Millis, Run } from '../model.ts';
import { GROUPS_OF_NODES, NODES } from './identities.ts';
import type { Files } from './kwokctl.ts';
import { signCertificate } from './x509.ts';

/** Until the cluster is there, and its certificates begin to live as long as they are to. */
const FIRST: Millis = 24 * 3_600_000;
/** Clocks of verifiers may be behind. */
const BEFORE: Millis = 60_000;
const LOOK: Millis = 20;

const WHAT = {
  'api-server': {
    usage: 'server',
    commonName: 'kube-apiserver',
    names: ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost', '127.0.0.1'],
  },
  'node-agents': { usage: 'client', commonName: NODES, organizations: GROUPS_OF_NODES },
} as const;

/** The certificates of a cluster whose lifetime a scenario chooses: signed by the cluster's own authority, renewed or not. Keys are in files of mode 0600. */
export class Certificates implements Disposable {
  readonly #specs: NonNullable<ClusterSpec['certificates']>;
  readonly #made: Files;
  readonly #run: Run;
  readonly #disposed = new AbortController();
  readonly #keys = new Map<CertificateOwner, string>();
  /** All that there were, in their order. */
  readonly issued: IssuedCertificate[] = [];

  constructor(specs: ClusterSpec['certificates'], made: Files, run: Run) {
    this.#specs = specs ?? {};
    this.#made = made;
    this.#run = run;
  }

  get wanted(): readonly CertificateOwner[] {
    return (Object.keys(WHAT) as CertificateOwner[]).filter((whose) => this.#specs[whose]);
  }

  /** Waits for kwokctl's authority; then the API server, which waits for its certificate, may start. */
  async open(signal: AbortSignal): Promise<void> {
    if (this.wanted.length === 0) return;
    await mkdir(this.#made.certificates, { mode: 0o700 });
    for (const whose of this.wanted) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      this.#keys.set(whose, key);
      await writeFile(this.#made.certificate(whose, 'key'), key, { mode: 0o600 });
    }
    while (!(await this.#authority())) await sleep(LOOK, undefined, { signal });
    if (this.#specs['api-server']) await this.#issue('api-server', FIRST);
  }

  /**
   * The lifetimes begin. Resolves when the API server serves its new certificate; those that are renewed are from now on, until
   * the run ends. Rejects only when the signal aborts, or for what cannot be written.
   */
  async begin(server: URL, signal: AbortSignal): Promise<void> {
    for (const whose of this.wanted) {
      const spec = this.#specs[whose];
      if (!spec) continue;
      const certificate = await this.#issue(whose, spec.lifetime, spec.renewBefore);
      while (whose === 'api-server' && (await servedBy(server)) !== certificate.fingerprint)
        await sleep(LOOK, undefined, { signal });
      if (spec.renewBefore !== undefined) void this.#renew(whose, certificate, spec).catch(this.#failed);
    }
  }

  [Symbol.dispose](): void {
    this.#disposed.abort();
  }

  async #renew(whose: CertificateOwner, first: IssuedCertificate, spec: CertificateSpec): Promise<void> {
    const signal = AbortSignal.any([this.#run.signal, this.#disposed.signal]);
    for (let last = first; !signal.aborted; ) {
      const due = last.notAfter - (spec.renewBefore ?? 0);
      await sleep(Math.max(0, due - Date.now()), undefined, { signal });
      const left = Math.round((last.notAfter - Date.now()) / 1_000);
      last = await this.#issue(whose, spec.lifetime, spec.renewBefore);
      const detail = `its certificate was renewed, ${left} s before the end of the former one`;
      this.#run.journal.append({ kind: 'seen', what: 'other', subject: whose, detail });
    }
  }

  readonly #failed = (error: unknown) => {
    if (this.#run.signal.aborted || this.#disposed.signal.aborted) return;
    this.#run.journal.append({ kind: 'voided', reason: `a certificate could not be renewed: ${error}` });
  };

  async #issue(whose: CertificateOwner, lifetime: Millis, renewBefore?: Millis): Promise<IssuedCertificate> {
    const authority = await this.#authority();
    if (!authority) throw new Error(`the authority of the cluster is gone from ${this.#made.ca}`);
    const now = Date.now();
    const [notBefore, notAfter] = [new Date(now - BEFORE), new Date(Math.floor((now + lifetime) / 1_000) * 1_000)];
    const key = this.#keys.get(whose) ?? '';
    const pem = signCertificate({ ...WHAT[whose], notBefore, notAfter, key, ...authority });
    await this.#replace(this.#made.certificate(whose, 'crt'), pem);
    if (whose === 'node-agents' && renewBefore !== undefined) {
      // They ask again when the next one has been there for a while, and with time left for a busy machine.
      const expirationTimestamp = new Date(notAfter.getTime() - 0.75 * renewBefore).toISOString();
      const status = { clientCertificateData: pem, clientKeyData: key, expirationTimestamp };
      const credential = { apiVersion: EXEC, kind: 'ExecCredential', status };
      await this.#replace(this.#made.certificate(whose, 'json'), JSON.stringify(credential));
    }
    const issued = { whose, fingerprint: fingerprintOf(new X509Certificate(pem)), notAfter: notAfter.getTime() };
    this.issued.push(issued);
    return issued;
  }

  /** Whoever reads it sees the whole of the one or of the other. */
  async #replace(file: string, text: string): Promise<void> {
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /** Undefined while kwokctl has not written all of it. */
  async #authority(): Promise<{ readonly caCert: string; readonly caKey: string } | undefined> {
    const files = [this.#made.ca, this.#made.caKey];
    const [caCert, caKey] = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(absent)));
    const whole = [caCert, caKey].every((text) => /-----END [A-Z ]+-----\s*$/.test(text ?? ''));
    return caCert !== undefined && caKey !== undefined && whole ? { caCert, caKey } : undefined;
  }
}

const EXEC = 'client.authentication.k8s.io/v1';

/** How the kubeconfig of the node agents names what they authenticate with: files, which client-go reads again every five minutes, or a plugin, which it asks when the last answer has expired. */
export function credentialOf(spec: CertificateSpec, made: Files): object {
  if (spec.renewBefore === undefined) {
    const [crt, key] = [made.certificate('node-agents', 'crt'), made.certificate('node-agents', 'key')];
    return { 'client-certificate': crt, 'client-key': key };
  }
  const args = [made.certificate('node-agents', 'json')];
  return { exec: { apiVersion: EXEC, command: 'cat', args, interactiveMode: 'Never' } };
}

/** As Kubernetes writes it in its audit log. */
const fingerprintOf = (certificate: X509Certificate) => certificate.fingerprint256.replaceAll(':', '').toLowerCase();

/** The fingerprint of what a new connection is shown; undefined where none can be made. Nothing is sent. */
async function servedBy({ hostname: host, port }: URL): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false, timeout: 5_000 });
  socket.once('secureConnect', () => {
    const certificate = socket.getPeerX509Certificate();
    resolve(certificate && fingerprintOf(certificate));
  });
  for (const event of ['error', 'timeout', 'close']) socket.once(event, () => resolve(undefined));
  return promise.finally(() => socket.destroy());
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
