import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../../kube/client.ts';
import { type Clock, ClusterError, type LoadSpec, type Millis } from '../../model.ts';
import type { PodEnd } from './complaints.ts';
import { follow } from './follow.ts';
import { logOf } from './job.ts';
import type { Merge } from './merge.ts';
import { endOf, hopeless, type PodState, podsOf } from './state.ts';

const lookEvery: Millis = 300;
/** The kubelet tells how a container ended within this time. */
const endKnownWithin: Millis = 10_000;

export interface GatheringOptions {
  readonly spec: LoadSpec;
  readonly merge: Merge;
  readonly client: KubeClient;
  readonly namespace: string;
  /** When all must wait for their moment, in milliseconds since 1970. */
  readonly by: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Nobody is listened to for longer. */
  readonly over: AbortSignal;
}

/** The pods of one load, from the first that is seen to the end of the last; each is listened to as soon as it runs. */
export class Gathering implements AsyncDisposable {
  readonly #options: GatheringOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #pods = new Map<number, PodState>();
  readonly #followed = new Map<number, Promise<void>>();
  /** Why the API could not be asked, when it was asked last. */
  #trouble: string | undefined;

  constructor(options: GatheringOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, options.over, this.#stop.signal]);
  }

  get merge(): Merge {
    return this.#options.merge;
  }

  /** Resolves with their nodes when all wait for their moment. Rejects with `ClusterError` when one cannot, or does not in time. */
  async wait(): Promise<readonly string[]> {
    const { by, merge, signal } = this.#options;
    while (Date.now() < by) {
      await this.#look();
      if (merge.voices.every(({ ready }) => ready)) return [...this.#pods.values()].map(({ node }) => node ?? '?');
      await sleep(lookEvery, undefined, { signal });
    }
    const pod = merge.voices.findIndex(({ ready }) => !ready);
    const { waits } = this.#pods.get(pod) ?? {};
    const why =
      waits?.message ?? this.#trouble ?? (this.#pods.has(pod) ? 'k6 did not say that it waits' : 'there is none');
    throw this.#failure(pod, 'is not ready in time', waits?.reason ?? 'late', why);
  }

  /** Resolves when nothing more is to be heard of any, with how their containers ended. */
  async ended(): Promise<ReadonlyMap<number, PodEnd>> {
    await Promise.all(this.#followed.values());
    const known = AbortSignal.any([this.#options.signal, AbortSignal.timeout(endKnownWithin)]);
    const ends = [...this.#pods].map(async ([index, pod]) => [index, await this.#endOf(pod, known)] as const);
    return new Map(await Promise.all(ends));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new ClusterError('pods', 'closed', 'nobody listens any more'));
    await Promise.all(this.#followed.values());
    await this.#options.client[Symbol.asyncDispose]();
  }

  async #look(): Promise<void> {
    const { client, namespace, signal } = this.#options;
    let pods: readonly PodState[];
    try {
      pods = await podsOf(client, namespace);
      this.#trouble = undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ClusterError)) throw error;
      this.#trouble = error.message;
      return;
    }
    for (const pod of pods) await this.#regard(pod);
  }

  async #regard(pod: PodState): Promise<void> {
    const { index, waits, end } = pod;
    const voice = this.merge.voices[index];
    const former = this.#pods.get(index);
    if (!voice || (former && former.uid !== pod.uid)) throw this.#failure(index, 'is there twice', 'doubled', pod.name);
    this.#pods.set(index, pod);
    if (waits && hopeless.has(waits.reason)) throw this.#failure(index, 'cannot start', waits.reason, waits.message);
    if (pod.started && !this.#followed.has(index)) this.#followed.set(index, this.#follow(pod));
    if (voice.hello && voice.hello.pod !== pod.uid) throw this.#failure(index, 'is another', 'unknown', pod.name);
    if (!end) return;
    // What it said last tells why.
    await Promise.race([this.#followed.get(index), sleep(endKnownWithin, undefined, { ref: false })]);
    const said = voice.log.lines.join(' | ');
    const reason = end.exitCode === undefined ? end.reason : `exit code ${end.exitCode}`;
    throw this.#failure(index, 'ended before the load began', reason, said || end.reason);
  }

  async #follow(pod: PodState): Promise<void> {
    const { client, namespace, merge, clock } = this.#options;
    const voice = merge.voices[pod.index];
    if (!voice) return;
    const over = async () => (await endOf(client, namespace, pod)) !== undefined;
    try {
      await follow(client, { path: logOf(namespace, pod.name), voice, over }, clock, this.#signal);
    } catch (error) {
      voice.broken ??= error instanceof Error ? error.message : String(error);
    }
  }

  async #endOf(pod: PodState, signal: AbortSignal): Promise<PodEnd> {
    const { client, namespace } = this.#options;
    let reason = 'it did not end';
    while (!signal.aborted) {
      try {
        const end = await endOf(client, namespace, pod);
        if (end) return end;
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        reason = error.message;
      }
      await sleep(lookEvery, undefined, { signal }).catch(() => signal.aborted);
    }
    return { reason };
  }

  #failure(pod: number, what: string, code: string, reason: string): ClusterError {
    return new ClusterError(`load ${this.#options.spec.name}: pod ${pod} ${what}`, code, reason);
  }
}
