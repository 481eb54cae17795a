import { setTimeout as sleep } from 'node:timers/promises';
import { askOf } from '../access/ask.ts';
import { readBooks, removeEmptyBooks, type TheirBook } from '../access/books.ts';
import { readAccess } from '../access/kubeconfig.ts';
import { uidOf } from '../access/theirs.ts';
import type { Millis, TheirCluster } from '../model.ts';
import { debtFrom } from '../run/their-books.ts';
import { undo } from '../run/undo.ts';
import { type Ambient, plain } from './ambient.ts';

/** A harness that lives changes its page every five seconds; one question may take ten and fail. */
const silence: Millis = 35_000;

export interface Cleaned {
  readonly paid: number;
  readonly owing: number;
}

/**
 * Pays what runs of any machine owe in a cluster, by the cluster's own books. A run whose harness lives is left alone. Throws
 * `RefusedError`, `ClusterError` where the cluster cannot be asked.
 */
export async function cleanCluster(
  where: { readonly kubeconfig: string; readonly context: string },
  ambient: Ambient,
): Promise<Cleaned> {
  const ask = askOf(await readAccess(where.kubeconfig, where.context));
  const cluster: TheirCluster = { ...where, uid: await uidOf(ask) };
  const before = await readBooks(ask);
  if (before.length === 0) {
    // Of a run that died between the two.
    await removeEmptyBooks(ask);
    return { paid: 0, owing: 0 };
  }
  await sleep(silence, undefined, { signal: ambient.signal });
  const versions = new Map((await readBooks(ask)).map(({ mark, version }) => [mark, version]));
  let paid = 0;
  let owing = 0;
  for (const book of before) {
    const now = versions.get(book.mark);
    // Somebody else has paid.
    if (now === undefined) continue;
    const complaints =
      now === book.version ? await pay(book, cluster) : ['its harness lives: it writes into the books'];
    if (complaints.length === 0) {
      paid += book.debts.length;
      ambient.out.write(
        plain(`${book.run}: put back ${book.debts.length} of ${book.debts.length} in ${where.context}`),
      );
    }
    owing += complaints.length;
    for (const complaint of complaints) ambient.err.write(plain(`${book.run}: still owed: ${complaint}`));
  }
  return { paid, owing };
}

/** Last in, first out; goes on after a failure. Then the run's page goes. */
async function pay({ mark, debts }: TheirBook, cluster: TheirCluster): Promise<string[]> {
  const complaints: string[] = [];
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      complaints.push(error instanceof Error ? error.message : String(error));
    }
  };
  for (const text of debts.toReversed()) await attempt(() => undo(debtFrom(text, mark, cluster)));
  if (complaints.length === 0) await attempt(() => undo({ undo: 'close-books', cluster, mark }));
  return complaints;
}
