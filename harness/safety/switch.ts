import { setTimeout as sleep } from 'node:timers/promises';
import { type Switch, switches, switchName, switchPath, told } from '../access/switch.ts';
import { KubeClient, type KubeObject } from '../kube/client.ts';
import { watch } from '../kube/watch.ts';
import { type Cluster, ClusterError, type Millis, type Run, type Stopped } from '../model.ts';

const firstSightWithin: Millis = 30_000;

/** In clusters that are not the run's own: so long it may be out of sight. */
export const blindAtMost: Millis = 30_000;

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
    for await (const event of watch<KubeObject & Switch>(client, switches, options, run.signal)) {
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
    throw new Error(`the switch in the cluster (${switchPath}) cannot be seen`);
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
        halt(told(await client.get<Switch>(switchPath)));
      } catch (error) {
        if (error instanceof ClusterError && error.code === 404) seenAt = asked;
      }
      await sleep(Math.min(5_000, blindAfter / 4), undefined, { signal }).catch(() => signal.aborted);
    }
  } finally {
    clearInterval(late);
  }
}
