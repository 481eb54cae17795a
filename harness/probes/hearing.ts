import type { KubeClient, KubeObject } from '../kube/client.ts';
import type { Lookout } from '../kube/watch.ts';
import type { Clock, Millis } from '../model.ts';

export interface HearingOptions {
  readonly clock: Clock;
  readonly path: string;
  /** A watch that has been silent for this long may be dead: the server is asked for the same by another way. */
  readonly silence: Millis;
  /** How often a silent watch is compared with what there is; `silence` at least. */
  readonly compareEvery: Millis;
  /** Asks little of the server, with the rights that the watch needs. */
  ask?(client: KubeClient, lookout: Lookout): Promise<unknown>;
  /** Asks for what there is; gives whether the watch (as it stands when this is called) has not told it all. */
  compare(client: KubeClient): Promise<(lookout: Lookout) => string | undefined>;
}

/** News may be under way, on a busy server for seconds: what a silent watch has not told after this time it does not hear. */
const grace: Millis = 5_000;

/** Knows a watch that has nothing to say from one that is deaf. Checks throw what the server answers, when it is an error. */
export class Hearing {
  readonly lookout: Lookout;
  readonly #client: KubeClient;
  readonly #options: HearingOptions;
  #asked: Millis = Number.NEGATIVE_INFINITY;
  #compared: Millis = Number.NEGATIVE_INFINITY;
  #doubt: { readonly at: Millis; readonly differs: (lookout: Lookout) => string | undefined } | undefined;

  constructor(client: KubeClient, lookout: Lookout, options: HearingOptions) {
    this.#client = client;
    this.lookout = lookout;
    this.#options = options;
  }

  /** Until when it is certain that the watch was not dead. */
  get certain(): Millis {
    return Math.max(this.lookout.heard, this.#asked);
  }

  async check(): Promise<void> {
    const { clock, silence, compareEvery, ask } = this.#options;
    const at = clock.now();
    if (!this.lookout.sees) return;
    this.#decide(at);
    if (at - this.certain < silence) return;
    if (!ask || at - Math.max(this.lookout.heard, this.#compared) >= compareEvery) {
      const differs = await this.#options.compare(this.#client);
      if (differs(this.lookout) === undefined) this.#compared = at;
      else if (this.lookout.heard <= at) this.#doubt ??= { at: clock.now(), differs };
    } else await ask(this.#client, this.lookout);
    this.#asked = at;
  }

  #decide(at: Millis): void {
    const { lookout } = this;
    const doubt = this.#doubt;
    const heard = doubt && lookout.heard > doubt.at;
    if (!doubt || (!heard && at - doubt.at < grace)) return;
    this.#doubt = undefined;
    const what = heard ? undefined : doubt.differs(lookout);
    if (what !== undefined) lookout.drop(Math.max(lookout.heard, this.#compared), `it brings no news: ${what}`);
  }
}

/** Compares each object's version with that in a list from the server's cache, which costs etcd nothing. */
export async function compareVersions(client: KubeClient, path: string): ReturnType<HearingOptions['compare']> {
  const { items, resourceVersion } = await client.list(path, { resourceVersion: 0 });
  const there = new Map(items.map(({ metadata }) => [`${metadata.namespace ?? ''}/${metadata.name}`, metadata]));
  return ({ known }) => {
    for (const [id, metadata] of there) {
      const version = known.get(id)?.resourceVersion;
      if (version === undefined || newer(metadata.resourceVersion, version)) return `${id} changed`;
    }
    for (const [id, metadata] of known)
      if (!there.has(id) && newer(resourceVersion, metadata.resourceVersion)) return `${id} is gone`;
    return undefined;
  };
}

/** Compares how many objects there are, for kinds of which there may be very many. */
export async function compareCount(client: KubeClient, path: string): ReturnType<HearingOptions['compare']> {
  interface Page {
    readonly items?: readonly KubeObject[];
    readonly metadata: { readonly remainingItemCount?: number; readonly continue?: string };
  }
  const { items = [], metadata } = await client.get<Page>(path, { limit: 1 });
  const untold = metadata.continue && metadata.remainingItemCount === undefined;
  const count = items.length + (metadata.remainingItemCount ?? 0);
  return ({ known }) => (untold || known.size === count ? undefined : `there are ${count}, it told of ${known.size}`);
}

/** Versions of one server grow; one that is no number (before Kubernetes 1.35 it need not be) is compared for being other. */
function newer(one: string | undefined, than: string | undefined): boolean {
  if (one === undefined || than === undefined) return false;
  if (!/^\d+$/.test(one) || !/^\d+$/.test(than)) return one !== than;
  return BigInt(one) > BigInt(than);
}
