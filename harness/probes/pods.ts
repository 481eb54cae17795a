import { KubeClient } from '../kube/client.ts';
import { Lookout, watch } from '../kube/watch.ts';
import type { Millis, Probe, Run } from '../model.ts';
import { together, untilAborted } from './every.ts';
import { compareVersions, Hearing } from './hearing.ts';
import { metricsOf } from './metrics.ts';
import type { Pod } from './pod-status.ts';
import { PodView } from './pod-view.ts';
import { poll } from './poll.ts';
import { Obituaries, Sight } from './sight.ts';

const each: Millis = 1_000;
const path = '/api/v1/pods';
/** Pods may have nothing to say for hours: a silence is looked into with one pod, and now and then with all. */
const silence: Millis = 2_900;
const compareEvery: Millis = 20_000;

/** What is known of the pods that a probe watches. */
interface View {
  /** False while it is told what was there before. */
  synced: boolean;
  see(pod: Pod): void;
  gone(metadata: Pod['metadata']): void;
  /** Journals where they stand. */
  write(): void;
  end(): void;
}

/** Watches all pods: where they stand each second, and what befell them as it is seen. */
export const pods = (): Probe => podProbe('pods', (run) => new PodView(run));

/** A probe that watches all pods and writes what its view makes of them each second. */
export function podProbe(name: string, viewOf: (run: Run) => View): Probe {
  const metrics = metricsOf(name);
  const promises = () => [{ metrics, every: each }];
  return {
    name,
    metrics,
    unavailable: () => undefined,
    async observe(cluster, run) {
      const client = new KubeClient(cluster.connect(`ordeal:${name}`), { signal: run.signal, timeout: 5_000 });
      const sight = new Sight(run, name, new Obituaries(cluster, ['kube-apiserver', 'etcd']));
      const lookout = new Lookout();
      const compare = () => compareVersions(client, path);
      const hearing = new Hearing(client, lookout, { clock: run.clock, path, silence, compareEvery, ask, compare });
      const view = viewOf(run);
      const synced = Promise.withResolvers<void>();
      const first = Promise.withResolvers<void>();
      const follow = async (signal: AbortSignal) => {
        const options = { clock: run.clock, lookout, onGap: sight.gap.bind(sight) };
        for await (const event of watch<Pod>(client, path, options, signal)) {
          if (event.type === 'SYNCED') {
            view.synced = true;
            synced.resolve();
          } else if (event.type === 'DELETED') view.gone(event.object.metadata);
          else view.see(event.object);
        }
      };
      const look = async () => {
        await hearing.check();
        return lookout.sees ? () => view.write() : undefined;
      };
      const certain = () => hearing.certain;
      const count = async (signal: AbortSignal) => {
        await untilAborted(synced.promise, signal);
        if (signal.aborted) return;
        const polling = await poll(run, signal, { source: name, every: each, promises, sight, certain, look });
        first.resolve();
        await polling.ended;
      };
      const ended = together(run.signal, follow, count).finally(async () => {
        view.end();
        await client[Symbol.asyncDispose]();
      });
      await Promise.race([first.promise, ended]);
      return { ended };
    },
  };
}

function ask(client: KubeClient, { known }: Lookout): Promise<unknown> {
  const { namespace = 'default', name: pod = 'none' } = known.values().next().value ?? {};
  return client.get(`/api/v1/namespaces/${namespace}/pods`, {
    fieldSelector: `metadata.name=${pod}`,
    resourceVersion: 0,
  });
}
