import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ask, askOf } from '../../access/ask.ts';
import { beat, openBooks, readBooks } from '../../access/books.ts';
import { type Access, readAccess } from '../../access/kubeconfig.ts';
import { requireNoSwitch } from '../../access/switch.ts';
import { uidOf } from '../../access/theirs.ts';
import {
  type Cluster,
  ClusterError,
  type ClusterSpec,
  type Debt,
  type LabelledResource,
  type Owed,
  RefusedError,
  type Run,
  type TheirCluster,
} from '../../model.ts';
import { settleAll } from '../debts.ts';
import { type Accounts, accountsOf } from '../kind/accounts.ts';
import type { TheirOptions } from '../kubeconfig.ts';
import { createLabelled, tokensFor } from './accounts.ts';
import { refuseOpenDebts } from './open-debts.ts';
import { THEIR_RIGHTS } from './rights.ts';
import { requireWorkers } from './workers.ts';

const RESOURCES: readonly LabelledResource[] = ['clusterrole', 'clusterrolebinding', 'namespace', 'priorityclass'];
const BEAT_EVERY = 5_000;

/** One try to move into a cluster that somebody has. What it changes is owed first, here and there; `undo` pays it. */
export class Entering {
  readonly #spec: ClusterSpec;
  readonly #run: Run;
  readonly #where: TheirOptions & { readonly folder: string };
  readonly #accounts: Accounts;
  readonly #debts: Owed[] = [];
  readonly #leaving = new AbortController();
  #living: Promise<void> = Promise.resolve();

  /** Throws a `RefusedError` for identities that must not be. */
  constructor(spec: ClusterSpec, run: Run, where: TheirOptions & { readonly folder: string }) {
    this.#spec = spec;
    this.#run = run;
    this.#where = where;
    this.#accounts = accountsOf(spec.identities, run.mark, { admin: false, creating: THEIR_RIGHTS });
  }

  /** Throws `RefusedError` before anything is changed, `ClusterError` when the cluster does not do what it is asked. */
  async enter(): Promise<Cluster> {
    const { clock, journal, mark } = this.#run;
    const began = clock.now();
    const { kubeconfig, context, folder } = this.#where;
    const access = await readAccess(kubeconfig, context);
    const ask = askOf(access);
    const uid = await uidOf(ask);
    await requireWorkers(ask, this.#spec.nodes);
    refuseOpenDebts(await readBooks(ask), context);
    await this.#where.refuse?.(ask, uid);
    const theirs: TheirCluster = { kubeconfig, context, uid };
    await this.#makeFolder(folder, access);
    await this.#openBooks(ask, theirs);
    for (const resource of RESOURCES) await this.#owe({ undo: 'delete-labelled', cluster: theirs, resource, mark });
    await createLabelled(ask, this.#accounts.objects, mark);
    for (const owed of this.#debts) owed.done();
    const tokens = await tokensFor(ask, this.#accounts);
    const version = (await ask('GET', '/version')) as { gitVersion?: string } | undefined;
    const notes = [
      'the cluster is somebody’s: its components are not watched, and it is left as it was',
      `Kubernetes ${version?.gitVersion ?? 'of an unknown version'}`,
    ];
    journal.append({ kind: 'cluster', provider: 'kubeconfig', name: context, components: [], notes });
    journal.append({ kind: 'progress', text: `cluster entered in ${((clock.now() - began) / 1_000).toFixed(1)} s` });
    return this.#cluster(access.server, theirs, tokens);
  }

  /** Pays every debt, last in, first out. Throws the first failure when all was tried. */
  async undo(): Promise<void> {
    this.#leaving.abort();
    await this.#living;
    await settleAll(this.#debts);
  }

  async #makeFolder(folder: string, { ca }: Access): Promise<void> {
    const { mark } = this.#run;
    await this.#owe({ undo: 'remove-folder', path: folder, mark });
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(folder, '.ordeal'), mark);
    await writeFile(join(folder, 'ca.crt'), ca);
    await this.#owe({ undo: 'end-processes', mark });
  }

  async #openBooks(ask: Ask, cluster: TheirCluster): Promise<void> {
    const { mark, id } = this.#run;
    await this.#owe({ undo: 'close-books', cluster, mark });
    await openBooks(ask, { mark, id });
    this.#living = this.#live(ask);
    // Two that looked at the same time have both seen nobody.
    const others = (await readBooks(ask)).filter((book) => book.mark !== mark);
    refuseOpenDebts(others, this.#where.context);
    // Who set it a moment ago saw no run.
    await requireNoSwitch(ask, this.#where.context);
  }

  async #owe(debt: Debt): Promise<void> {
    this.#run.signal.throwIfAborted();
    this.#debts.push(await this.#run.ledger.owe(debt));
  }

  /** Says in the books that the harness lives, until it leaves. Who does not hear it takes a look of his own. */
  async #live(ask: Ask): Promise<void> {
    // Until it leaves, also while it puts back what was stopped.
    const { signal } = this.#leaving;
    for (let count = 1; !signal.aborted; count++) {
      await beat(ask, this.#run.mark, count).catch((error: unknown) => {
        if (!(error instanceof ClusterError)) this.#gone(error);
      });
      await sleep(BEAT_EVERY, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Nobody else could pay for it any more, and no other run is refused. */
  #gone(error: unknown): void {
    if (!this.#leaving.signal.aborted)
      this.#run.journal.append({ kind: 'voided', reason: error instanceof Error ? error.message : String(error) });
    this.#leaving.abort();
  }

  #cluster(server: string, theirs: TheirCluster, tokens: ReadonlyMap<string, string>): Cluster {
    const caFile = join(this.#where.folder, 'ca.crt');
    const { requests } = this.#run;
    return {
      provider: 'kubeconfig',
      name: theirs.context,
      kubeconfig: theirs.kubeconfig,
      theirs,
      connect: (user) => {
        const token = tokens.get(user);
        if (token !== undefined) return { server, caFile, user, token, ...(requests && { requests }) };
        throw new RefusedError(`no identity "${user}"; there are: ${[...tokens.keys()].join(', ')}`);
      },
      capabilities: new Set(),
      endpoints: { apiserver: server },
      collectLogs: async () => undefined,
      [Symbol.asyncDispose]: () => this.undo(),
    };
  }
}
