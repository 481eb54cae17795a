import { KubeClient, type KubeObject } from '../kube/client.ts';
import { Lookout, watch } from '../kube/watch.ts';
import type { Millis, Probe, Run } from '../model.ts';
import { together, untilAborted } from './every.ts';
import { compareCount, Hearing } from './hearing.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import { Obituaries, Sight } from './sight.ts';
import { Sums } from './sums.ts';

const name = 'events';
const metrics = metricsOf(name);
const each: Millis = 1_000;
const path = '/api/v1/events';
/** A silence of this length is looked into. */
const silence: Millis = 2_900;
const promises = () => [{ metrics, every: each }];
/** So many are told one by one; all are counted. */
const told = 500;

type Recorded = KubeObject & {
  readonly involvedObject?: { readonly kind?: string; readonly namespace?: string; readonly name?: string };
  readonly reason?: string;
  readonly message?: string;
  readonly type?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
};

/** The events that the cluster itself records, from the moment of looking on. */
export function events(): Probe {
  return {
    name,
    metrics,
    unavailable: () => undefined,
    async observe(cluster, run) {
      const client = new KubeClient(cluster.connect(`ordeal:${name}`), { signal: run.signal, timeout: 5_000 });
      const sight = new Sight(run, name, new Obituaries(cluster, ['kube-apiserver', 'etcd']));
      const lookout = new Lookout();
      const compare = () => compareCount(client, path);
      const hearing = new Hearing(client, lookout, { clock: run.clock, path, silence, compareEvery: silence, compare });
      const synced = Promise.withResolvers<void>();
      const first = Promise.withResolvers<void>();
      const tally = new EventTally(run);
      const follow = async (signal: AbortSignal) => {
        const options = { clock: run.clock, lookout, onGap: sight.gap.bind(sight) };
        for await (const event of watch<Recorded>(client, path, options, signal)) {
          if (event.type === 'SYNCED') {
            tally.seeing = true;
            synced.resolve();
          } else if (tally.seeing && event.type !== 'DELETED') tally.add(event.object);
        }
      };
      const look = async () => {
        await hearing.check();
        return lookout.sees ? () => tally.flush(true) : undefined;
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
        tally.flush(false);
        await client[Symbol.asyncDispose]();
      });
      await Promise.race([first.promise, ended]);
      return { ended };
    },
  };
}

class EventTally {
  readonly #run: Run;
  readonly #sums: Sums;
  #told = 0;
  /** What came before is history. */
  seeing = false;

  constructor(run: Run) {
    this.#run = run;
    this.#sums = new Sums(run, ['events']);
  }

  add({ involvedObject: object, reason = '', message = '', type = '', lastTimestamp, eventTime }: Recorded): void {
    this.#sums.add('events', { reason, type }, this.#run.clock.now(), 1);
    this.#told += 1;
    if (this.#told > told) return;
    const place = [object?.namespace, object?.name].filter(Boolean).join('/');
    const wall = lastTimestamp ?? eventTime;
    this.#run.journal.append({
      kind: 'seen',
      what: 'event',
      subject: `${object?.kind ?? 'object'} ${place}`,
      detail: `${reason}: ${message.slice(0, 300)}`,
      labels: { reason, type },
      ...(wall && { wall }),
    });
    if (this.#told === told)
      this.#run.journal.append({ kind: 'progress', text: `${told} events told; further ones are only counted` });
  }

  flush(zeros: boolean): void {
    this.#sums.flush(zeros);
  }
}
