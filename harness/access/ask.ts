import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { ClusterError, type Json, RefusedError } from '../model.ts';
import type { Access } from './kubeconfig.ts';

/**
 * The object that the API server answers with; undefined for 404. A PATCH is a merge. Throws `ClusterError` for every other answer,
 * and, with a text as its code, for none in time.
 */
export type Ask = (method: 'GET' | 'DELETE' | 'PATCH' | 'POST', path: string, body?: Json) => Promise<Json | undefined>;

const within = 10_000;
/** No list that is asked for here is larger. */
const MOST = 64 * 2 ** 20;

/** Asks an API server, on a connection for each question: for what is asked seldom, and by who may have nothing else left. */
export function askOf(access: Access): Ask {
  return (method, path, body) => asked(access, method, path, body);
}

async function asked(
  { server, token, ca, certificate }: Access,
  method: string,
  path: string,
  given?: Json,
): Promise<Json | undefined> {
  const body = given === undefined ? undefined : JSON.stringify(given);
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    accept: 'application/json',
    'user-agent': 'ordeal',
    ...(body !== undefined && {
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      'content-length': Buffer.byteLength(body),
    }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<Json | undefined>();
  const what = `${method} ${path}`;
  const signal = AbortSignal.timeout(within);
  const failed = (error: Error) => {
    const stranger = (call.socket as TLSSocket | null)?.authorizationError;
    const { code = 'ECONN' } = error as NodeJS.ErrnoException;
    const why = signal.aborted ? 'no answer in time' : error.message;
    const whose = `not ours, left alone: the cluster does not vouch for what listens at ${server} (${stranger})`;
    reject(new ClusterError(what, signal.aborted ? 'ETIMEDOUT' : code, stranger ? whose : why, { cause: error }));
  };
  const answered = (text: string) => {
    try {
      resolve(JSON.parse(text) as Json);
    } catch (error) {
      // A login page, or a gateway's own words.
      reject(new ClusterError(what, 'ENOTJSON', 'the answer is no JSON: no API server gave it', { cause: error }));
    }
  };
  const options = { method, headers, ca, ...certificate, signal, agent: false };
  const call = opened(`${server}${path}`, options, (answer) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('data', (piece: string) => {
      text += piece;
      if (text.length > MOST) call.destroy(new Error(`its answer is larger than ${MOST} characters`));
    });
    answer.on('error', failed);
    answer.on('end', () => {
      const { statusCode: code = 0 } = answer;
      if (code === 404) resolve(undefined);
      else if (code >= 200 && code < 300) answered(text);
      else reject(new ClusterError(what, code, text.replaceAll(/\s+/g, ' ').slice(0, 300)));
    });
  });
  call.on('error', failed);
  call.end(body);
  return promise;
}

/** OpenSSL takes a certificate or a key that is none for a mistake in the program. */
function opened(...args: Parameters<typeof request>): ReturnType<typeof request> {
  try {
    return request(...args);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('ERR_OSSL')) throw error;
    throw new RefusedError(`the kubeconfig's certificates or its key cannot be used: ${code}`, { cause: error });
  }
}
