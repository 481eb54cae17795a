import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError, type Json, RefusedError, type Stopped } from '../model.ts';
import type { Ask } from './ask.ts';
import { makeNamespace, NAMESPACE, removeEmptyBooks, unlessForbidden } from './books.ts';

/**
 * The kill switch of a cluster: it is set while the ConfigMap `stop` is in the namespace `ordeal`, whatever is in it. Who has no
 * ordeal sets it with `kubectl create configmap stop --namespace ordeal --from-literal=by=me`.
 */
export const switchName = 'stop';
const place = `/api/v1/namespaces/${NAMESPACE}`;
/** Where it is watched for. */
export const switches = `${place}/configmaps`;
/** Where it is asked for. */
export const switchPath = `${switches}/${switchName}`;
const longest = 200;
const tries = 120;

export interface Switch {
  readonly metadata?: {
    readonly managedFields?: readonly { readonly manager?: string }[];
    readonly creationTimestamp?: string;
  };
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Why a run stops for it. Anybody may have written it. */
export function told({ metadata, data }: Switch): Stopped {
  const word = (value: unknown) =>
    typeof value === 'string' && value.trim() !== '' ? value.replaceAll(/\s+/g, ' ').slice(0, longest) : undefined;
  const by = word(data?.['by']) ?? word(metadata?.managedFields?.[0]?.manager);
  const set = word(data?.['set']) ?? word(metadata?.creationTimestamp);
  const who = `set by ${by ?? 'somebody'}${set === undefined ? '' : ` at ${set}`}`;
  const why = `the switch in the cluster (ConfigMap ${switchName} in the namespace ${NAMESPACE}), ${who}`;
  return { how: 'cluster', why, ...(by !== undefined && { by }), ...(set !== undefined && { set }) };
}

/**
 * Sets the switch, and makes its namespace only where there is none; one that is set already keeps who set it, and when. It stands when
 * this resolves: a namespace that is on its way out, of a run that has just ended, would take it along. Throws `ClusterError`.
 */
export async function setSwitch(ask: Ask, by: string): Promise<void> {
  const object = { metadata: { name: switchName }, data: { by, set: new Date().toISOString() } };
  let made = false;
  for (let round = 0; ; round++) {
    const error = await ask('POST', switches, object).then(
      (answer) => answer ?? 404,
      (error: unknown) => error,
    );
    const going = await isGoing(ask);
    if (
      error instanceof Error &&
      !(error instanceof ClusterError && (error.code === 409 || (going && error.code === 403)))
    ) {
      if (made) await removeEmptyBooks(ask).catch(() => undefined);
      throw error;
    }
    if (error === 404) {
      await makeNamespace(ask);
      made = true;
    } else if (!going) return;
    if (round === tries)
      throw new ClusterError(`POST ${switches}`, 'ETIMEDOUT', 'its namespace is still on its way out');
    await sleep(error === 404 ? 0 : 500);
  }
}

/** Whether the namespace is on its way out. Who may not look at it is told by what he asks for next. */
async function isGoing(ask: Ask): Promise<boolean> {
  const found = (await ask('GET', place).catch(unlessForbidden)) as
    | { metadata?: { deletionTimestamp?: string } }
    | undefined;
  return found?.metadata?.deletionTimestamp !== undefined;
}

/** Whether it was set. The namespace goes too where ordeal made it and nothing else is in it. */
export async function liftSwitch(ask: Ask): Promise<boolean> {
  const set = (await ask('DELETE', switchPath)) !== undefined;
  if (set) await removeEmptyBooks(ask).catch(unlessForbidden);
  return set;
}

/** Who set it, and when; undefined where it is not set. Throws `ClusterError` where it cannot be looked at. */
export async function seeSwitch(ask: Ask): Promise<Stopped | undefined> {
  const found: Json | undefined = await ask('GET', switchPath);
  return found === undefined ? undefined : told(found as unknown as Switch);
}

/** What is said to a run that would begin while it is set. */
export const switchRefusal = ({ why }: Stopped, context: string): string =>
  `${why}: no run begins there until ordeal stop --context ${context} --lift`;

/** Throws `RefusedError` while it is set. */
export async function requireNoSwitch(ask: Ask, context: string): Promise<void> {
  const set = await seeSwitch(ask);
  if (set !== undefined) throw new RefusedError(switchRefusal(set, context));
}
