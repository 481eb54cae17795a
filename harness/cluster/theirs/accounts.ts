import type { Ask } from '../../access/ask.ts';
import type { KubeObject } from '../../kube/client.ts';
import { type Json, RefusedError } from '../../model.ts';
import type { Accounts } from '../kind/accounts.ts';

/** Longer than any run, in seconds; with its account a token goes too. */
const LIFETIME = 6 * 3600;
const rbac = '/apis/rbac.authorization.k8s.io/v1';

function collectionOf({ kind = '', metadata: { namespace } }: KubeObject): string {
  if (kind === 'Namespace') return '/api/v1/namespaces';
  if (kind === 'ServiceAccount') return `/api/v1/namespaces/${namespace}/serviceaccounts`;
  return `${rbac}/${kind.toLowerCase()}s`;
}

/** Creates the objects of the accounts in their order, with the run's mark as a label. */
export async function createLabelled(ask: Ask, objects: readonly KubeObject[], mark: string): Promise<void> {
  for (const object of objects) {
    const metadata = { ...object.metadata, labels: { ...object.metadata.labels, 'ordeal.mark': mark } };
    const path = collectionOf(object);
    if ((await ask('POST', path, { ...object, metadata } as unknown as Json)) === undefined)
      throw new RefusedError(`the cluster has no ${path}`);
  }
}

/** A token for every account, by user. */
export async function tokensFor(ask: Ask, { namespace, names }: Accounts): Promise<Map<string, string>> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: LIFETIME } };
  const tokens = new Map<string, string>();
  for (const [user, name] of names) {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const answer = (await ask('POST', path, body)) as unknown as { status?: { token?: string } } | undefined;
    const token = answer?.status?.token;
    if (typeof token !== 'string') throw new RefusedError(`the cluster gives the account ${name} no token`);
    tokens.set(user, token);
  }
  return tokens;
}
