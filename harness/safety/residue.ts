import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '../kube/client.ts';
import {
  type Cluster,
  type Difference,
  InterruptedError,
  type Millis,
  type Node,
  RefusedError,
  type Run,
} from '../model.ts';
import { adminOf } from './admin.ts';
import { seeApi } from './api-sight.ts';
import { differences } from './diff.ts';
import { seeNode } from './node-sight.ts';
import type { Digest } from './object-facts.ts';
import { extentOf, type Snapshot, unreadOf, withoutMarked } from './snapshot.ts';

/** How long what was put back may take to be as it was: a namespace ends, a node gets Ready. The rest is looked at twice. */
const patience: Millis = 60_000;
/** Who interrupts wants it back soon. */
const hurried: Millis = 20_000;
const again: Millis = 3_000;
const firstLookWithin: Millis = 120_000;
/** Differences that the journal holds; those of the run come first. */
const most = 200;

/** Lets a cluster be looked at more than once, with an access that outlives the run's accounts. */
export interface Looker extends AsyncDisposable {
  look(): Promise<Snapshot>;
}

/** Throws `RefusedError` for a kubeconfig that names more than the one cluster. */
export async function lookerAt(cluster: Cluster, signal: AbortSignal): Promise<Looker> {
  const client = new KubeClient(await adminOf(cluster), { signal, userAgent: 'ordeal (residue)', timeout: 15_000 });
  const key = randomBytes(32);
  const digest: Digest = (value) =>
    createHmac('sha256', key)
      .update(JSON.stringify(value) ?? '')
      .digest('hex')
      .slice(0, 16);
  return {
    async look() {
      const nodes = (cluster.nodes ?? []).map(async (node) => [node.name, await seeNode(node)] as const);
      const [api, ...sights] = await Promise.all([seeApi(client, digest), ...nodes]);
      return { api, nodes: Object.fromEntries(sights) };
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** Looks at a cluster before anything is done in it, and again when all was put back. */
export class Watch {
  readonly #patience: Millis;
  #looker: Looker | undefined;
  #before: Snapshot | undefined;
  #nodes: readonly Node[] = [];
  readonly #ending = new AbortController();

  constructor(within: Millis = patience) {
    this.#patience = within;
  }

  /** Throws `RefusedError` when it cannot be looked at: then nothing may be done there. */
  async before(cluster: Cluster, run: Run): Promise<void> {
    const signal = AbortSignal.any([run.signal, AbortSignal.timeout(firstLookWithin)]);
    const abort = () => this.#ending.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      this.#looker = await lookerAt(cluster, this.#ending.signal);
      this.#before = withoutMarked(await this.#looker.look(), run.mark);
    } catch (error) {
      run.signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      throw new RefusedError(
        `${cluster.name} cannot be looked at, so nobody would know whether it was left as it was: ${why}`,
      );
    } finally {
      signal.removeEventListener('abort', abort);
    }
    this.#nodes = cluster.nodes ?? [];
    run.journal.append({ kind: 'snapshot', ...extentOf(this.#before), unread: unreadOf(this.#before) });
  }

  /** Says in the journal how the cluster differs, or that nobody knows. `touched`: names, and ids of containers. Never rejects. */
  async after(run: Run, touched: () => ReadonlySet<string>): Promise<void> {
    const [looker, before] = [this.#looker, this.#before];
    try {
      if (looker === undefined || before === undefined) return;
      run.journal.append({ kind: 'progress', text: 'comparing the cluster with what it was before' });
      const ids = touched();
      const within = run.signal.reason instanceof InterruptedError ? Math.min(hurried, this.#patience) : this.#patience;
      const names = this.#nodes.flatMap(({ name, ref }) =>
        ids.has(ref.via === 'docker' ? ref.container : ref.uid) ? [name] : [],
      );
      const whose = { mark: run.mark, touched: new Set([...ids, ...names]) };
      const { found, now } = await settled(looker, before, whose, within);
      const sorted = [...found.filter(({ ours }) => ours), ...found.filter(({ ours }) => !ours)];
      run.journal.append({
        kind: 'residue',
        ...extentOf(now),
        unread: unreadOf(now),
        differences: sorted.slice(0, most).map(short),
        more: Math.max(0, sorted.length - most),
      });
    } catch (error) {
      const failed = error instanceof Error ? error.message : String(error);
      run.journal.append({ kind: 'residue', failed: failed.slice(0, 500) });
    } finally {
      await looker?.[Symbol.asyncDispose]();
    }
  }
}

/** Looks until nothing of ours is left, with patience; what others changed is looked at twice, since a moment may show anything. */
export async function settled(
  looker: Looker,
  before: Snapshot,
  whose: Parameters<typeof differences>[2],
  within: Millis = patience,
): Promise<{ readonly found: readonly Difference[]; readonly now: Snapshot }> {
  const until = performance.now() + within;
  for (let times = 1; ; times++) {
    const late = performance.now() > until;
    const now = await looker.look().catch((error: unknown) => {
      if (late) throw error;
      return undefined;
    });
    if (now !== undefined) {
      const found = differences(before, now, whose);
      const waiting = found.some(({ ours, what, is }) => ours || what === 'deletion' || is === 'being deleted');
      if (found.length === 0 || (!waiting && times > 1) || late) return { found, now };
    }
    await sleep(again);
  }
}

const longest = 160;

/** Text of a cluster may be as long as it likes. */
function short({ name, was, is, ...rest }: Difference): Difference {
  const cut = (text: string) => (text.length > longest ? `${text.slice(0, longest)}…` : text);
  return { ...rest, name: cut(name), was: cut(was), is: cut(is) };
}
