import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ask, askOf } from '../../access/ask.ts';
import { isThereBelow } from './below.ts';

/** The run's folder, absolute. */
export interface Within {
  readonly folder?: string;
}

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
  await work(askOf(to));
}
