import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { readAccess } from '../access/kubeconfig.ts';
import type { Access } from '../kube/client.ts';
import { type Cluster, RefusedError } from '../model.ts';

interface Kubeconfig {
  readonly clusters?: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users?: readonly { readonly user: Readonly<Record<string, string>> }[];
}

/**
 * How whoever lent a cluster reaches it: by the context that was named, or by a kubeconfig that the run has of that cluster alone. Held in
 * memory, since what is compared at the end is compared when the run's accounts and files are gone. Throws `RefusedError` for a
 * kubeconfig of the run's that names several clusters or users, and as `readAccess` does.
 */
export async function adminOf({ kubeconfig, theirs }: Pick<Cluster, 'kubeconfig' | 'theirs'>): Promise<Access> {
  if (theirs !== undefined) return readAccess(theirs.kubeconfig, theirs.context);
  const { clusters = [], users = [] } = parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const [[entry, ...others], [who, ...more]] = [clusters, users];
  if (entry === undefined || who === undefined || others.length + more.length > 0)
    throw new RefusedError(
      `${kubeconfig} names ${clusters.length} clusters and ${users.length} users; expected one each`,
    );
  const of = async (all: Readonly<Record<string, string>>, field: string) => {
    const [data, path] = [all[`${field}-data`], all[field]];
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
    return path === undefined ? undefined : readFile(resolve(dirname(kubeconfig), path), 'utf8');
  };
  const { server = '' } = entry.cluster;
  const ca = await of(entry.cluster, 'certificate-authority');
  const [cert, key] = [await of(who.user, 'client-certificate'), await of(who.user, 'client-key')];
  if (ca === undefined) throw new RefusedError(`${kubeconfig} has no certificate authority`);
  const { token } = who.user;
  return {
    ...{ server, ca },
    ...(token !== undefined && { token }),
    ...(cert !== undefined && key !== undefined && { certificate: { cert, key } }),
  };
}
