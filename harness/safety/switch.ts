import { setTimeout as sleep } from 'node:timers/promises';
import type { Ask } from '../access/ask.ts';
import { create, makeNamespace, NAMESPACE, removeEmptyBooks } from '../access/books.ts';
import { KubeClient, type KubeObject } from '../kube/client.ts';
import { watch } from '../kube/watch.ts';
import { type Cluster, ClusterError, type Millis, type Run, type Stopped } from '../model.ts';

/**
 * The kill switch of a cluster: it is set while the ConfigMap `stop` is in the namespace `ordeal`, whatever is in it. Who has no
 * ordeal sets it with `kubectl create configmap stop --namespace ordeal --from-literal=by=me`.
 */
export const namespace = NAMESPACE;
export const switchName = 'stop';
const path = `/api/v1/namespaces/${namespace}/configmaps`;
const firstSightWithin: Millis = 30_000;
const longest = 200;

/** In clusters that are not the run's own: so long it may be out of sight. */
export const blindAtMost: Millis = 30_000;

type Switch = KubeObject & {
  readonly metadata: { readonly managedFields?: readonly { readonly manager?: string }[] };
  readonly data?: Readonly<Record<string, unknown>>;
};

/**
 * Halts the run when the switch is set, or (with `blindAfter`) was out of sight for longer than that; `refused` where it was set
 * before it was looked at. Resolves when it was looked at, with a promise of the end. Rejects when it cannot be.
 */
export async function watchSwitch(
  cluster: Cluster,
  run: Run,
  { halt, blindAfter }: { halt(why: Stopped): void; readonly blindAfter?: Millis | undefined },
): Promise<{ readonly ended: Promise<void> }> {
  const timeout = Math.min(5_000, (blindAfter ?? Number.POSITIVE_INFINITY) / 2);
  const client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal, timeout });
  const seen = Promise.withResolvers<void>();
  let looked = false;
  const follow = async () => {
    const options = { clock: run.clock, onGap: () => undefined, fieldSelector: `metadata.name=${switchName}` };
    for await (const event of watch<Switch>(client, path, options, run.signal)) {
      if (event.type === 'SYNCED') {
        looked = true;
        seen.resolve();
      } else if (event.type !== 'DELETED') halt({ ...told(event.object), ...(!looked && { refused: true }) });
    }
  };
  const both = [
    follow(),
    ...(blindAfter === undefined
      ? []
      : [
          keepInSight(client, run, blindAfter, (why) =>
            halt({ ...why, ...(!looked && why.how === 'cluster' && { refused: true }) }),
          ),
        ]),
  ];
  const ended = Promise.all(both).then(() => undefined);
  const late = sleep(firstSightWithin, undefined, { ref: false }).then(() => {
    throw new Error(`the switch in the cluster (${path}/${switchName}) cannot be seen`);
  });
  late.catch(() => undefined);
  try {
    await Promise.race([seen.promise, ended, late]);
  } catch (error) {
    ended.catch(() => undefined);
    await client[Symbol.asyncDispose]();
    throw error;
  }
  return { ended: ended.finally(() => client[Symbol.asyncDispose]()) };
}

/** A watch may be deaf: only an answer is sight. Looks at least three times in `blindAfter`. */
async function keepInSight(
  client: KubeClient,
  { clock, signal }: Run,
  blindAfter: Millis,
  halt: (why: Stopped) => void,
): Promise<void> {
  let seenAt = clock.now();
  const late = setInterval(() => {
    if (clock.now() - seenAt <= blindAfter) return;
    halt({
      how: 'blind',
      why: `the switch in the cluster was out of sight for ${((clock.now() - seenAt) / 1000).toFixed(1)} s`,
    });
  }, 100);
  try {
    while (!signal.aborted) {
      const asked = clock.now();
      try {
        halt(told(await client.get<Switch>(`${path}/${switchName}`)));
      } catch (error) {
        if (error instanceof ClusterError && error.code === 404) seenAt = asked;
      }
      await sleep(Math.min(5_000, blindAfter / 4), undefined, { signal }).catch(() => signal.aborted);
    }
  } finally {
    clearInterval(late);
  }
}

function told({ metadata, data }: Switch): Stopped {
  const word = (value: unknown) =>
    typeof value === 'string' && value.trim() !== '' ? value.replaceAll(/\s+/g, ' ').slice(0, longest) : undefined;
  const by = word(data?.['by']) ?? word(metadata.managedFields?.[0]?.manager);
  const set = word(data?.['set']) ?? word(metadata.creationTimestamp);
  const who = `set by ${by ?? 'somebody'}${set === undefined ? '' : ` at ${set}`}`;
  const why = `the switch in the cluster (ConfigMap ${switchName} in the namespace ${namespace}), ${who}`;
  return { how: 'cluster', why, ...(by !== undefined && { by }), ...(set !== undefined && { set }) };
}

/** Sets the switch, and makes its namespace where there is none. One that is set already keeps who set it, and when. */
export async function setSwitch(ask: Ask, by: string): Promise<void> {
  await makeNamespace(ask);
  await create(ask, path, { metadata: { name: switchName }, data: { by, set: new Date().toISOString() } });
}

/** Whether it was set. The namespace goes too where ordeal made it and nothing else is in it. */
export async function liftSwitch(ask: Ask): Promise<boolean> {
  const set = (await ask('DELETE', `${path}/${switchName}`)) !== undefined;
  if (set) await removeEmptyBooks(ask);
  return set;
}

/** Who set it, and when; undefined where it is not set, or may not be looked at. */
export async function seeSwitch(ask: Ask): Promise<Stopped | undefined> {
  const found = await ask('GET', `${path}/${switchName}`).catch((error: unknown) => {
    if (!(error instanceof ClusterError) || error.code !== 403) throw error;
  });
  return found === undefined ? undefined : told(found as unknown as Switch);
}
