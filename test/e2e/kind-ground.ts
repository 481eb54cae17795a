import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { type KindOptions, kind } from '../../harness/cluster/kind.ts';
import { dockerUnavailable } from '../../harness/docker.ts';
import {
  type ClusterProvider,
  type ClusterSpec,
  type JournalEvent,
  type KindSpec,
  RefusedError,
  type Run,
} from '../../harness/model.ts';
import { startClock } from '../../harness/run/clock.ts';
import { makeRunFolder } from '../../harness/run/folder.ts';
import { type OpenJournal, openJournal } from '../../harness/run/journal.ts';
import { type OpenLedger, openLedger } from '../../harness/run/ledger.ts';
import { nodeImage, nodeImageWhere } from '../../harness/tools/node-image.ts';
import { provide } from '../../harness/tools/tools.ts';
import { workloadImages } from '../../harness/tools/workload-images.ts';
import { skip } from '../skip.ts';

export type KindClusterSpec = ClusterSpec & { readonly kind: KindSpec };

/** One worker, as kind makes it, unless said otherwise. */
export function kindSpec(spec: Partial<ClusterSpec> = {}, asked: Partial<KindSpec> = {}): KindClusterSpec {
  return {
    nodes: 0,
    components: {},
    leaderElection: true,
    identities: [],
    ...spec,
    kind: { shape: 'one-worker', kubelet: {}, images: [], ...asked },
  };
}

/** What kind specs stand on: the CLI, the node image, and the provider made of them. */
export interface KindGround {
  /** Path of the kind CLI. */
  readonly program: string;
  readonly image: { readonly reference: string };
  provider(existing?: string): ClusterProvider;
}

/** Tools as the specs of kind take them: those of the user's cache, or of a folder that is named. */
export function ownTools() {
  const folder = process.env['ORDEAL_TOOLS'];
  return {
    ...(folder && { folder }),
    cache: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ordeal'),
    path: process.env['PATH'] ?? '',
    env: process.env,
    signal: new AbortController().signal,
    progress: (text: string) => console.log(text),
  };
}

/** Skips where such a cluster cannot be made here. Builds the small programs that are missing, but no node image: that takes 20 minutes. */
export async function requireKind(context: Context, spec: KindClusterSpec = kindSpec()): Promise<KindGround> {
  context.timeout(1_800_000);
  const unavailable = await dockerUnavailable();
  if (unavailable !== undefined) skip(context, unavailable);
  const options = ownTools();
  const named = process.env['ORDEAL_KIND_IMAGE'];
  const { would, why } = named ? { would: 'there', why: '' } : await nodeImageWhere(options);
  if (would !== 'there' && would !== 'load') {
    skip(context, `there is no node image; npx ordeal tools kind-node-image makes it (${why})`);
  }
  const image = named ? { reference: named } : await nodeImage(options);
  const archives = await workloadImages(spec.kind.images, options).catch((error: unknown) => {
    if (error instanceof RefusedError) return skip(context, error.message);
    throw error;
  });
  const program = (await provide([{ name: 'kind' }], options)).get('kind')?.path ?? '';
  const ours: KindOptions = { kind: program, image, archives, env: process.env };
  const provider = (existing?: string) => kind({ ...ours, ...(existing && { existing }) });
  const reason = await provider().unavailable(spec);
  if (reason !== undefined) skip(context, reason);
  return { program, image, provider };
}

export type TestRun = Run & {
  readonly journal: OpenJournal;
  readonly ledger: OpenLedger;
  readonly events: JournalEvent[];
};

/** A run of its own below `root`, with everything that it appends to its journal. */
export function newRun(root: string, name: string, signal = new AbortController().signal): TestRun {
  const { id, folder, mark } = makeRunFolder({ runs: join(root, 'runs'), state: join(root, 'state') }, name);
  const events: JournalEvent[] = [];
  const clock = startClock();
  const failed = (error: Error) => {
    throw error;
  };
  const journal = openJournal(folder, clock, (event) => events.push(event), failed);
  return { id, folder, mark, clock, journal, ledger: openLedger(folder), signal, events };
}
