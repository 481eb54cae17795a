import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher, request } from 'undici';
import { ClusterError, type Connection, type Json, type Millis, type Requests } from '../model.ts';
import { abortable, destroy } from './abortable.ts';

/** What every object of the API has; the rest is the kind's own. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface KubeList<T> {
  readonly items: T[];
  /** Of the whole list: a watch may start here. */
  readonly resourceVersion: string;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
export type PatchType = 'merge' | 'strategic' | 'json' | 'apply';

/** How an API server is reached as somebody who has no `Connection`: PEM, and a token. All but the address may be secrets. */
export interface Access {
  readonly server: string;
  readonly ca: string;
  readonly token?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
}

export interface KubeClientOptions {
  /** Ends every call in flight; they then throw its reason. */
  readonly signal: AbortSignal;
  readonly userAgent?: string;
  /** Most connections at a time; further calls wait. Watches have connections of their own. */
  readonly connections?: number;
  /** For the headers of one answer, and between two pieces of its body; default 30 s. */
  readonly timeout?: Millis;
  /** False for what a scenario asks for (its objects, a fault): counted, but not slowed down. */
  readonly paced?: boolean;
}

const PATCH: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** Items per answer of a chunked list. */
const CHUNK = 500;

/**
 * The Kubernetes API as one identity, over few kept-alive HTTP/1.1 connections.
 * Every call throws a `ClusterError` whose code is the HTTP status or a system error code (`ECONNREFUSED`, `ETIMEDOUT`…).
 */
export class KubeClient implements AsyncDisposable {
  readonly #server: string;
  readonly #agent: Agent;
  readonly #streams: Agent;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #requests: Requests | undefined;
  readonly #user: string;
  readonly #paced: boolean;
  readonly #ending = new AbortController();
  readonly #outer: AbortSignal;
  readonly #abort = () => this.#ending.abort(this.#outer.reason);

  constructor(connection: Connection | Access, options: KubeClientOptions) {
    const timeout = options.timeout ?? 30_000;
    const { ca, token, certificate, user } =
      'caFile' in connection
        ? { ...connection, ca: readFileSync(connection.caFile, 'utf8'), certificate: undefined }
        : { ...connection, user: 'harness' };
    const connect = { ca, ...certificate, timeout: Math.min(timeout, 10_000) };
    const kept = { connect, allowH2: false, headersTimeout: timeout, keepAliveTimeout: 60_000 };
    // It may have a path of its own, as behind a gateway.
    this.#server = connection.server.replace(/\/$/, '');
    this.#requests = 'requests' in connection ? connection.requests : undefined;
    this.#user = user;
    this.#paced = options.paced ?? true;
    this.#agent = new Agent({ ...kept, bodyTimeout: timeout, connections: options.connections ?? 8 });
    this.#streams = new Agent({ ...kept, bodyTimeout: 0, connections: null });
    this.#headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      accept: 'application/json',
      'user-agent': options.userAgent ?? this.#requests?.agent ?? `ordeal (${user})`,
    };
    setMaxListeners(0, this.#ending.signal);
    this.#outer = options.signal;
    if (this.#outer.aborted) this.#abort();
    else this.#outer.addEventListener('abort', this.#abort, { once: true });
  }

  get<T = KubeObject>(path: string, query?: Query, accept?: string): Promise<T> {
    return this.#json('GET', path, query, undefined, undefined, accept);
  }

  /** All items, fetched 500 at a time unless the query sets a `limit` or a `resourceVersion`. */
  async list<T = KubeObject>(path: string, query: Query = {}): Promise<KubeList<T>> {
    const whole = query['limit'] !== undefined || query['resourceVersion'] !== undefined;
    const items: T[] = [];
    let next: string | undefined;
    for (;;) {
      const chunk: Query = whole ? query : { ...query, limit: CHUNK, continue: next };
      const page = await this.get<{ items?: T[]; metadata: { resourceVersion: string; continue?: string } }>(
        path,
        chunk,
      );
      for (const item of page.items ?? []) items.push(item);
      next = page.metadata.continue;
      if (whole || !next) return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  create<T = KubeObject>(path: string, body: object): Promise<T> {
    return this.#json('POST', path, undefined, JSON.stringify(body));
  }

  update<T = KubeObject>(path: string, body: object): Promise<T> {
    return this.#json('PUT', path, undefined, JSON.stringify(body));
  }

  /** `apply` is server-side apply as field manager `ordeal`, forced. */
  patch<T = KubeObject>(path: string, body: object, type: PatchType = 'merge'): Promise<T> {
    const query = type === 'apply' ? { fieldManager: 'ordeal', force: true } : undefined;
    return this.#json('PATCH', path, query, JSON.stringify(body), PATCH[type]);
  }

  delete(path: string, query?: Query): Promise<Json> {
    return this.#json('DELETE', path, query);
  }

  /** A raw answer, such as /metrics. */
  async text(path: string, query?: Query): Promise<string> {
    return (await this.#send('GET', path, this.#agent, query, undefined, undefined, '*/*')).body
      .text()
      .catch((error) => {
        throw this.#failure(`GET ${path}`, error);
      });
  }

  /** An answer without an end, on a connection of its own. Resolves with the headers, then gives piece by piece until the server ends it. */
  async stream(path: string, query: Query, signal: AbortSignal): Promise<AsyncGenerator<Buffer>> {
    const { body } = await this.#send('GET', path, this.#streams, query, undefined, undefined, undefined, signal);
    const failure = (error: unknown) => (signal.aborted ? signal.reason : this.#failure(`GET ${path}`, error));
    return (async function* () {
      try {
        for await (const piece of body) yield piece as Buffer;
      } catch (error) {
        throw failure(error);
      }
    })();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#outer.removeEventListener('abort', this.#abort);
    this.#ending.abort(new ClusterError('client', 'closed', 'the client was disposed'));
    await destroy(this.#agent, this.#streams);
  }

  async #json<T>(
    method: Dispatcher.HttpMethod,
    path: string,
    query?: Query,
    body?: string,
    type?: string,
    accept?: string,
  ): Promise<T> {
    const answer = await this.#send(method, path, this.#agent, query, body, type, accept);
    try {
      return (await answer.body.json()) as T;
    } catch (error) {
      throw this.#failure(`${method} ${path}`, error);
    }
  }

  async #send(
    method: Dispatcher.HttpMethod,
    path: string,
    dispatcher: Agent,
    query: Query = {},
    body?: string,
    type = 'application/json',
    accept?: string,
    signal: AbortSignal = this.#ending.signal,
  ): Promise<Dispatcher.ResponseData> {
    const url = new URL(`${this.#server}${path}`);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value));
    const headers = { ...this.#headers, ...(accept && { accept }), ...(body && { 'content-type': type }) };
    const what = `${method} ${path}`;
    let answer: Dispatcher.ResponseData;
    if (this.#requests) await this.#requests.admit(this.#user, signal, this.#paced);
    try {
      answer = await abortable(request(url, { method, headers, dispatcher, signal, body: body ?? null }), signal);
    } catch (error) {
      throw signal.aborted ? signal.reason : this.#failure(what, error);
    }
    if (answer.statusCode < 300) return answer;
    const text = await answer.body.text().catch((error) => String(error));
    throw new ClusterError(what, answer.statusCode, saidBy(text));
  }

  #failure(what: string, error: unknown): unknown {
    if (this.#ending.signal.aborted) return this.#ending.signal.reason;
    const { code = 'EUNKNOWN', message } = error as NodeJS.ErrnoException;
    const known = /TIMEOUT/.test(code) ? 'ETIMEDOUT' : code === 'UND_ERR_SOCKET' ? 'ECONNRESET' : code;
    return new ClusterError(what, known, message, { cause: error });
  }
}

/** What a `Status` object says, or the text as it came; one line. */
function saidBy(text: string): string {
  let said = text;
  try {
    const { reason, message } = JSON.parse(text) as { reason?: string; message?: string };
    said = [reason, message].filter(Boolean).join(': ') || text;
  } catch (error) {
    // Not the API server's own words.
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  return said.replaceAll(/\s+/g, ' ').slice(0, 500);
}
