import { ClusterError, RefusedError, type TheirCluster } from '../model.ts';
import { type Ask, askOf } from './ask.ts';
import { readAccess } from './kubeconfig.ts';

interface Namespace {
  readonly metadata?: { readonly uid?: unknown };
}

/** What tells one cluster from another, whatever its address: the uid of its namespace kube-system. Throws `ClusterError`, `RefusedError`. */
export async function uidOf(ask: Ask): Promise<string> {
  const found = (await ask('GET', '/api/v1/namespaces/kube-system')) as unknown as Namespace | undefined;
  if (found === undefined)
    throw new RefusedError('the cluster has no namespace kube-system: nothing tells it from others');
  const uid: unknown = found.metadata?.uid;
  if (typeof uid === 'string' && uid !== '') return uid;
  throw new ClusterError('GET namespace kube-system', 'ENOUID', 'the answer is no namespace: no API server gave it');
}

/** Lets that very cluster be asked. Throws where its context leads to another one by now, or to nobody. */
export async function askTheirs({ kubeconfig, context, uid }: TheirCluster): Promise<Ask> {
  const ask = askOf(await readAccess(kubeconfig, context));
  const found = await uidOf(ask);
  if (found !== uid)
    throw new Error(`not ours, left alone: context ${context} leads to the cluster ${found} by now, not to ${uid}`);
  return ask;
}
