import { pause } from '../kube/abortable.ts';
import type { KubeClient, KubeObject } from '../kube/client.ts';
import { ClusterError, type Millis, type Run } from '../model.ts';
import type { Evidence } from './targets.ts';

type Lease = KubeObject & {
  readonly spec?: { readonly renewTime?: string; readonly leaseDurationSeconds?: number };
};

interface Seen {
  readonly wall: string | undefined;
  /** When it was first seen so, by our clock. */
  readonly at: Millis;
  /** How often it was renewed since we look. */
  readonly renewals: number;
  readonly lasts: Millis;
}

const each: Millis = 1_000;
const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

/** Follows the leases of all nodes: those that are to stand still, and the others, which show that they would not by themselves. */
export class Leases {
  readonly #client: KubeClient;
  readonly #run: Pick<Run, 'clock'>;
  readonly #seen = new Map<string, Seen>();
  #looked: Millis = Number.NEGATIVE_INFINITY;

  constructor(client: KubeClient, run: Pick<Run, 'clock'>) {
    this.#client = client;
    this.#run = run;
  }

  /** Until the signal aborts. A look that fails is left out: what was not seen is no evidence. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => {
        if (!signal.aborted && !(error instanceof ClusterError)) throw error;
      });
      await pause(each, signal);
    }
  }

  async look(): Promise<void> {
    const { items } = await this.#client.list<Lease>(path);
    const at = this.#run.clock.now();
    this.#looked = at;
    for (const { metadata, spec } of items) {
      const before = this.#seen.get(metadata.name);
      if (before && before.wall === spec?.renewTime) continue;
      this.#seen.set(metadata.name, {
        wall: spec?.renewTime,
        at,
        renewals: before ? before.renewals + 1 : 0,
        lasts: (spec?.leaseDurationSeconds ?? 40) * 1000,
      });
    }
  }

  /** A silent node's lease was not renewed for longer than it is held; the leases of others were, twice at least. */
  evidence(silent: readonly string[]): Evidence {
    const others = [...this.#seen].filter(([node]) => !silent.includes(node));
    const stood = silent.map((node) => {
      const { at = this.#looked, lasts = 0 } = this.#seen.get(node) ?? {};
      return { node, still: this.#looked - at, lasts };
    });
    // Where nobody else speaks, it may be that the agent is dead.
    const renewed = others.length > 0 && others.every(([, { renewals }]) => renewals >= 2);
    return {
      real: renewed && stood.every(({ still, lasts }) => lasts > 0 && still > lasts),
      detail: [
        ...stood.map(
          ({ node, still, lasts }) =>
            `${node}: lease not renewed for ${inSeconds(still)}, held for ${inSeconds(lasts)}`,
        ),
        ...others.map(([node, { renewals }]) => `${node}: renewed ${renewals} times`),
      ].join('; '),
    };
  }
}

const inSeconds = (time: Millis) => `${Math.round(time / 1000)} s`;
