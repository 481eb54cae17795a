import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { Json } from '../../model.ts';
import { isThereBelow } from './below.ts';

/** The run's folder, absolute. */
export interface Within {
  readonly folder?: string;
}

/** The object that the API server answers with; undefined for 404. Throws for every other answer, and for none in time. */
export type Ask = (method: 'GET' | 'DELETE' | 'PATCH', path: string, merge?: Json) => Promise<Json | undefined>;

const within = 10_000;

interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly 'certificate-authority': string } },
  ];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}

/**
 * Lets `work` ask the API server of the run's own embedded cluster. Nothing is done when the cluster's folder is gone: so are its
 * objects then. Whoever else listens on its port by now has no certificate of the cluster's own CA, and is told nothing.
 */
export async function inCluster(folder: string | undefined, work: (ask: Ask) => Promise<void>): Promise<void> {
  if (folder === undefined) throw new Error("the run's folder is not known, and with it not its cluster");
  // As the embedded cluster writes it: JSON, which cannot name a program to run.
  const file = join(folder, 'cluster', 'admin.kubeconfig');
  // Whoever may write there must not have us use another kubeconfig than the one that lies there.
  if (!(await isThereBelow(file, folder))) return;
  const { clusters, users } = JSON.parse(readFileSync(file, 'utf8')) as Kubeconfig;
  const { server, 'certificate-authority': caFile } = clusters[0].cluster;
  if (!/^https:\/\/127\.0\.0\.1:\d+$/.test(server)) throw new Error(`not ours, left alone: a cluster at ${server}`);
  if (!(await isThereBelow(caFile, folder)))
    throw new Error('the cluster has no certificate authority yet: nothing was done in it');
  const to = { server, token: users[0].user.token, ca: readFileSync(caFile, 'utf8') };
  await work((method, path, merge) => asked(to, method, path, merge));
}

function asked(
  { server, token, ca }: { readonly server: string; readonly token: string; readonly ca: string },
  method: string,
  path: string,
  merge?: Json,
): Promise<Json | undefined> {
  const body = merge === undefined ? undefined : JSON.stringify(merge);
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    ...(body !== undefined && {
      'content-type': 'application/merge-patch+json',
      'content-length': Buffer.byteLength(body),
    }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<Json | undefined>();
  const what = `${method} ${path}`;
  const signal = AbortSignal.timeout(within);
  const failed = (error: Error) => {
    const stranger = (call.socket as TLSSocket | null)?.authorizationError;
    const why = signal.aborted ? 'no answer in time' : error.message;
    const whose = `not ours, left alone: the cluster does not vouch for what listens at ${server} (${stranger})`;
    reject(new Error(`${what}: ${stranger ? whose : why}`, { cause: error }));
  };
  const call = request(`${server}${path}`, { method, headers, ca, signal, agent: false }, (answer) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('data', (piece: string) => {
      text += piece;
    });
    answer.on('error', failed);
    answer.on('end', () => {
      const { statusCode: code = 0 } = answer;
      if (code === 404) resolve(undefined);
      else if (code >= 200 && code < 300) resolve(JSON.parse(text) as Json);
      else reject(new Error(`${what}: ${code} ${text.replaceAll(/\s+/g, ' ').slice(0, 300)}`));
    });
  });
  call.on('error', failed);
  call.end(body);
  return promise;
}
