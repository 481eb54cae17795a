import { ClusterError, type IssuedCertificate, type Labels, type Millis, type Run } from '../model.ts';
import type { Fresh } from './fresh-connection.ts';

/** What the API server serves is known by a handshake; one that was so long ago says nothing of now. */
const fresh: Millis = 3_000;

interface Audited {
  readonly stage: string;
  readonly user?: { readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly responseStatus?: { readonly code?: number };
}

const CREDENTIAL = 'authentication.kubernetes.io/credential-id';

/** Which certificates are or were in use, and when they end. */
export class CertificateEnds {
  readonly #issued: readonly IssuedCertificate[];
  readonly #run: Run;
  readonly #inUse = new Map<string, { readonly fingerprint: string; readonly notAfter: number }>();
  /** In use now or before, and not yet at their end. */
  readonly #living = new Map<string, { readonly whose: string; readonly notAfter: number }>();
  #servedAt: Millis = Number.NEGATIVE_INFINITY;
  #unauthorized = 0;

  constructor(issued: readonly IssuedCertificate[], run: Run) {
    this.#issued = issued;
    this.#run = run;
  }

  served(certificate: NonNullable<Fresh['served']>): void {
    this.#servedAt = this.#run.clock.now();
    this.#uses('api-server', certificate);
  }

  /** Lines of the audit log: whose certificate was let in, and who was not let in. */
  read(lines: readonly string[]): void {
    for (const line of lines) {
      if (!line.includes('X509SHA256=') && !line.includes('401')) continue;
      const { stage, user, responseStatus } = JSON.parse(line) as Audited;
      // Who is not let in is told of once, and not when the answer is complete.
      if (responseStatus?.code === 401 && stage === 'ResponseStarted') this.#unauthorized += 1;
      const shown = user?.extra?.[CREDENTIAL]?.[0]?.replace('X509SHA256=', '');
      const certificate = this.#issued.find(({ fingerprint }) => fingerprint === shown);
      if (certificate) this.#uses(certificate.whose, certificate);
    }
  }

  /** Throws `ClusterError` until each certificate that was given out is in use. */
  requireAll(): void {
    const idle = this.#issued.find(({ whose }) => !this.#inUse.has(whose));
    if (idle) throw new ClusterError(`certificate of ${idle.whose}`, 'unused', 'nobody presented it yet');
  }

  write(): void {
    const now = Date.now();
    for (const [whose, { notAfter }] of this.#inUse) {
      const labels = { whose };
      if (whose === 'api-server' && this.#run.clock.now() - this.#servedAt > fresh) continue;
      this.#sample('certificate.expires-in', (notAfter - now) / 1_000, labels);
    }
    let expired = 0;
    for (const [fingerprint, { whose, notAfter }] of this.#living) {
      if (notAfter > now) continue;
      expired += 1;
      this.#living.delete(fingerprint);
      const at = this.#run.clock.fromWall(notAfter);
      const [wall, labels] = [new Date(notAfter).toISOString(), { whose }];
      const detail = this.#inUse.get(whose)?.fingerprint === fingerprint ? 'in use' : 'replaced before';
      const text = `a certificate came to its end (${detail})`;
      this.#run.journal.append({ kind: 'seen', what: 'other', subject: whose, detail: text, labels, wall }, at);
      this.#run.journal.append({ kind: 'sample', metric: 'certificate.expiries', labels, value: 1 }, at);
    }
    if (expired === 0) this.#run.journal.append({ kind: 'sample', metric: 'certificate.expiries', value: 0 });
    this.#sample('api.unauthorized', this.#unauthorized);
    this.#unauthorized = 0;
  }

  #uses(whose: string, certificate: { readonly fingerprint: string; readonly notAfter: number }): void {
    const { fingerprint, notAfter } = certificate;
    if (this.#inUse.get(whose)?.fingerprint === fingerprint) return;
    this.#inUse.set(whose, { fingerprint, notAfter });
    if (notAfter > Date.now()) this.#living.set(fingerprint, { whose, notAfter });
  }

  #sample(metric: string, value: number, labels?: Labels): void {
    this.#run.journal.append({ kind: 'sample', metric, value, ...(labels && { labels }) });
  }
}
