import { addToHistogram, newTally, toHistogram } from '../histogram.ts';
import type { KubeObject } from '../kube/client.ts';
import type { Labels, Millis, Run } from '../model.ts';
import { appOf } from './app.ts';
import { PodCounts } from './pod-counts.ts';
import { conditionOf, endingsOf, evictionOf, isReady, type Pod, restartsOf, troublesOf } from './pod-status.ts';
import { Sums } from './sums.ts';

/** So many are told one by one, and so many of those that a verdict reads; all are counted. */
const told = 500;
const toldOfDeaths = 10_000;
const deaths: ReadonlySet<string> = new Set(['Evicted', 'OOMKilled']);
const increments = ['pod.restarts', 'pod.oom-kills', 'pod.evictions', 'pod.deletion-marks', 'pod.start-errors'];

/** One pod: another with its name has another uid. */
interface Known {
  readonly uid: string | undefined;
  /** When it was first seen; undefined when it was there before us. */
  readonly since: Millis | undefined;
  readonly endings: Set<string>;
  readonly troubles: Set<string>;
  restarts: number;
  wasReady: boolean;
  marked: boolean;
  evicted: boolean;
  phase: string;
  pod: Pod;
}

/** What is known of the pods. What came before `synced` is history: it is counted where pods stand, but is no news. */
export class PodView {
  readonly #run: Run;
  readonly #sums: Sums;
  readonly #counts: PodCounts;
  readonly #known = new Map<string, Known>();
  #told = 0;
  #toldOfDeaths = 0;
  synced = false;

  constructor(run: Run) {
    this.#run = run;
    this.#sums = new Sums(run, increments);
    this.#counts = new PodCounts(run);
  }

  see(pod: Pod): void {
    const key = keyOf(pod);
    const before = this.#known.get(key);
    if (before && before.uid === pod.metadata.uid) {
      before.pod = pod;
      this.#compare(before, true);
      return;
    }
    const fresh: Known = {
      uid: pod.metadata.uid,
      since: this.synced ? this.#run.clock.now() : undefined,
      endings: new Set(),
      troubles: new Set(),
      restarts: 0,
      wasReady: false,
      marked: false,
      evicted: false,
      phase: '',
      pod,
    };
    this.#known.set(key, fresh);
    this.#compare(fresh, this.synced);
  }

  gone({ namespace, name, uid }: KubeObject['metadata']): void {
    const key = `${namespace}/${name}`;
    const known = this.#known.get(key);
    if (known && (uid === undefined || known.uid === uid)) this.#known.delete(key);
  }

  write(): void {
    this.#counts.write([...this.#known.values()]);
    this.#sums.flush(true);
  }

  end(): void {
    this.#sums.flush(false);
  }

  #compare(known: Known, news: boolean): void {
    const { pod } = known;
    const { status = {}, metadata } = pod;
    const node = pod.spec?.nodeName ?? '';
    const of = { namespace: metadata.namespace ?? '', app: appOf(pod) };
    const tell = (metric: string, by: number, labels: Labels, reason: string, detail: string, wall?: string) => {
      if (!news || by <= 0) return;
      this.#sums.add(metric, { ...of, ...labels }, this.#run.clock.now(), by);
      this.#seen(pod, detail, reason, wall);
    };

    for (const { id, container, reason = 'ended', exitCode, finishedAt } of endingsOf(pod)) {
      if (known.endings.has(id)) continue;
      known.endings.add(id);
      if (reason === 'OOMKilled')
        tell('pod.oom-kills', 1, {}, reason, `${container}: OOMKilled, exit ${exitCode}`, finishedAt);
      else if (news && exitCode) this.#seen(pod, `${container}: ${reason}, exit ${exitCode}`, reason, finishedAt);
    }
    const restarts = restartsOf(pod);
    const eviction = evictionOf(pod);
    // An evicted pod's containers are counted as restarted, though nothing starts any more.
    const more = status.phase === 'Failed' || eviction !== undefined ? 0 : restarts - known.restarts;
    tell('pod.restarts', more, {}, 'Restarted', `${more} restart${more === 1 ? '' : 's'} (${restarts} in all)`);
    known.restarts = restarts;
    for (const { container, reason, message } of troublesOf(pod)) {
      if (known.troubles.has(`${container} ${reason}`)) continue;
      known.troubles.add(`${container} ${reason}`);
      tell('pod.start-errors', 1, { reason }, reason, `${container}: ${reason}: ${message}`);
    }
    if (eviction !== undefined && !known.evicted) {
      known.evicted = true;
      tell('pod.evictions', 1, { node }, 'Evicted', `Evicted: ${eviction}`);
    }
    const { phase = '' } = status;
    if (news && phase === 'Failed' && known.phase !== 'Failed' && eviction === undefined) {
      const reason = status.reason ?? 'Failed';
      this.#seen(pod, `${reason}: ${status.message ?? 'no message'}`, reason);
    }
    known.phase = phase;
    const { deletionTimestamp } = metadata;
    if (deletionTimestamp && !known.marked) {
      known.marked = true;
      const target = conditionOf(pod, 'DisruptionTarget');
      const reason = (target?.status === 'True' && target.reason) || 'Deleted';
      const detail = `marked for deletion: ${reason}${target?.message ? `: ${target.message}` : ''}`;
      tell('pod.deletion-marks', 1, { node, reason }, reason, detail);
    }
    if (isReady(pod) && !known.wasReady) {
      known.wasReady = true;
      if (known.since !== undefined) this.#readyAfter(pod, of, known.since);
    }
  }

  #readyAfter(pod: Pod, labels: Labels, since: Millis): void {
    const seconds = (this.#run.clock.now() - since) / 1000;
    const tally = newTally();
    addToHistogram(tally, seconds);
    this.#run.journal.append({ kind: 'histogram', metric: 'pod.ready-after', labels, histogram: toHistogram(tally) });
    this.#seen(pod, `Ready after ${seconds.toFixed(1)} s`, 'Ready', conditionOf(pod, 'Ready')?.lastTransitionTime);
  }

  #seen(pod: Pod, text: string, reason: string, wall?: string): void {
    const death = deaths.has(reason);
    const count = death ? ++this.#toldOfDeaths : ++this.#told;
    if (count > (death ? toldOfDeaths : told)) return;
    const { namespace = '', name } = pod.metadata;
    const labels = { namespace, pod: name, node: pod.spec?.nodeName ?? '', reason };
    const detail = text.replaceAll(/\s+/g, ' ').slice(0, 300);
    const { journal } = this.#run;
    journal.append({ kind: 'seen', what: 'pod', subject: keyOf(pod), detail, labels, ...(wall && { wall }) });
    if (!death && count === told)
      journal.append({ kind: 'progress', text: `${told} events of pods told; further ones are only counted` });
  }
}

const keyOf = ({ metadata }: Pod) => `${metadata.namespace}/${metadata.name}`;
