import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import type { Connection, Millis } from '../model.ts';

/** What came of one new connection. */
export interface Fresh {
  /** Why it was of no use; absent when the request was answered well. */
  readonly cause?: string;
  /** What the server showed; absent where there was no handshake. SHA-256 as lower-case hex, the end in milliseconds since 1970. */
  readonly served?: { readonly fingerprint: string; readonly notAfter: number };
}

/** Makes new connections to an API server as a client does that has none: TLS, the certificate verified, then one GET. */
export class FreshConnections {
  readonly #url: URL;
  readonly #ca: string;
  readonly #token: string;
  readonly #timeout: Millis;

  constructor({ server, caFile, token }: Connection, timeout: Millis) {
    this.#url = new URL(server);
    this.#ca = readFileSync(caFile, 'utf8');
    this.#token = token;
    this.#timeout = timeout;
  }

  /** Rejects with the signal's reason only. What is not verified is sent nothing. */
  async make(path: string, signal: AbortSignal): Promise<Fresh> {
    signal.throwIfAborted();
    const { hostname: host, port } = this.#url;
    // Whether the certificate is good is asked below: who is refused at once cannot say what it saw.
    const socket = connect({ host, port: Number(port), ca: this.#ca, rejectUnauthorized: false });
    const ended = Promise.withResolvers<string>();
    const abort = () => ended.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(() => ended.resolve('timeout'), this.#timeout);
    let served: Fresh['served'];
    socket.on('error', (error) => ended.resolve(causeOf(error)));
    socket.once('close', () => ended.resolve('closed'));
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      const fingerprint = certificate?.fingerprint256.replaceAll(':', '').toLowerCase();
      if (certificate && fingerprint) served = { fingerprint, notAfter: Date.parse(certificate.validTo) };
      if (socket.authorized) this.#get(path, socket, ended.resolve);
      else ended.resolve(causeOf(socket.authorizationError));
    });
    try {
      const cause = await ended.promise;
      return { ...(cause !== '' && { cause }), ...(served && { served }) };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
    }
  }

  /** Tells the cause, or nothing for an answer of 2xx. */
  #get(path: string, socket: TLSSocket, tell: (cause: string) => void): void {
    const headers = { authorization: `Bearer ${this.#token}`, host: this.#url.host, connection: 'close' };
    const asked = request({ createConnection: () => socket, path, headers });
    asked.on('error', (error) => tell(causeOf(error)));
    asked.once('response', (response) => {
      const { statusCode = 0 } = response;
      response.resume();
      response.once('error', (error) => tell(causeOf(error)));
      response.once('end', () => tell(statusCode < 300 ? '' : `status-${statusCode}`));
    });
    asked.end();
  }
}

const names: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate-expired',
  CERT_NOT_YET_VALID: 'certificate-not-yet-valid',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
};

/** Node gives the reason against a certificate as an error or as its code. */
function causeOf(error: unknown): string {
  const code = typeof error === 'string' ? error : String((error as NodeJS.ErrnoException).code ?? 'unknown');
  return names[code] ?? code.toLowerCase().replaceAll('_', '-');
}
