import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError, type Millis, RefusedError } from '../model.ts';
import type { KubeClient, KubeObject } from './client.ts';
import { collectionOf } from './kinds.ts';

export interface CreateOptions {
  /** Calls at a time; default 20. */
  readonly concurrency?: number;
  readonly signal: AbortSignal;
  /** How long one object is tried again after 429, 5xx and broken connections; default 30 s. */
  readonly patience?: Millis;
  /** In a cluster of somebody's: what is there already must carry this mark as its label, else it is somebody's. */
  readonly ours?: string;
}

/** Others need these: nothing that follows is sent before they exist. */
const FIRST = new Set(['Namespace', 'ServiceAccount', 'CustomResourceDefinition', 'PriorityClass', 'ResourceQuota']);
const LONGEST_WAIT: Millis = 2_000;

/**
 * Creates the objects in their order, many at a time; returns how many exist now. What existed before (409) counts as done.
 * A namespace gets its `default` service account at once, since pods need one before a controller manager comes to it.
 * Throws the first `ClusterError` that trying again does not cure.
 */
export async function createMany(
  client: KubeClient,
  objects: Iterable<KubeObject> | AsyncIterable<KubeObject>,
  options: CreateOptions,
): Promise<number> {
  const source = toAsync(objects);
  let turn: Promise<unknown> = Promise.resolve();
  let count = 0;
  let failed = false;

  const next = (): Promise<KubeObject | undefined> => {
    const mine = turn.then(async () => {
      for (;;) {
        options.signal.throwIfAborted();
        const { done, value } = await source.next();
        if (done || failed) return undefined;
        if (!FIRST.has(value.kind ?? '')) return value;
        await createOne(client, value, options);
        count += 1;
      }
    });
    turn = mine.catch(() => undefined);
    return mine;
  };

  const work = async () => {
    try {
      for (let object = await next(); object; object = await next()) {
        await createOne(client, object, options);
        count += 1;
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: options.concurrency ?? 20 }, work));
  await source.return?.(undefined);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return count;
}

/**
 * Applies the objects one after the other, as server-side apply does: what is there gets the fields that are named.
 * Throws the first `ClusterError` that trying again does not cure.
 */
export async function applyMany(
  client: KubeClient,
  objects: Iterable<KubeObject>,
  options: CreateOptions,
): Promise<number> {
  let count = 0;
  for (const object of objects) {
    const apply = async () =>
      client.patch(`${await collectionOf(client, object)}/${object.metadata.name}`, object, 'apply');
    await persist(apply, options);
    count += 1;
  }
  return count;
}

async function createOne(client: KubeClient, object: KubeObject, options: CreateOptions): Promise<void> {
  const collection = await collectionOf(client, object);
  if ((await persist(async () => client.create(collection, object), options)) === 'there') {
    await requireOurs(client, `${collection}/${object.metadata.name}`, options);
  }
  if (object.kind !== 'Namespace') return;
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  const path = `/api/v1/namespaces/${object.metadata.name}/serviceaccounts`;
  await persist(() => client.create(path, account), options);
}

async function requireOurs(client: KubeClient, path: string, { ours }: CreateOptions): Promise<void> {
  if (ours === undefined) return;
  const { metadata } = await client.get(path);
  if (metadata.labels?.['ordeal.mark'] !== ours) throw new RefusedError(`${path} is there already, and is not ours`);
}

async function persist(act: () => Promise<unknown>, options: CreateOptions): Promise<'done' | 'there'> {
  const until = performance.now() + (options.patience ?? 30_000);
  for (let wait = 50; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      await act();
      return 'done';
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof ClusterError)) throw error;
      if (error.code === 409 && /AlreadyExists/.test(error.reason)) return 'there';
      if (!passing(error) || performance.now() + wait > until) throw error;
      await sleep(wait, undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
    }
  }
}

const passing = ({ code }: ClusterError) =>
  typeof code === 'number' ? code === 429 || code >= 500 : /^E(CONN|TIMEDOUT|PIPE)/.test(code);

async function* toAsync(objects: Iterable<KubeObject> | AsyncIterable<KubeObject>): AsyncGenerator<KubeObject> {
  yield* objects;
}
