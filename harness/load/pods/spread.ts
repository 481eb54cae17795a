import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createMany } from '../../kube/apply.ts';
import { KubeClient } from '../../kube/client.ts';
import { type Cluster, type LoadSpec, type Millis, RefusedError, type Run } from '../../model.ts';
import { podComplaints } from './complaints.ts';
import { Gathering } from './gathering.ts';
import { jobObjects, namespaceOf } from './job.ts';
import { Merge } from './merge.ts';

/** Until all pods must be waiting for their moment: they are scheduled, started, and compile the script. */
const gatherWithin = (pods: number): Millis => 20_000 + 250 * pods;
/** After its time a script may wait for the answers to its last requests (gracefulStop), and the last lines are on their way. */
const drainWithin: Millis = 40_000;
const flushEvery: Millis = 1_000;
/** Beyond this a pod's times are not looked at: its clock voids the run in any case. */
const clocksDiffer: Millis = 60_000;

/** In milliseconds since 1970: `by` when a load must wait for the moment `begin`, at which it begins by itself. */
interface Moments {
  readonly by: number;
  readonly begin: number;
}

/**
 * Offers a load by k6 in so many pods, each with its execution segment: `spec.script` is an absolute path of one file, `image` is on the
 * nodes already. All pods run setup() and teardown() if the script has them.
 *
 * `ready` makes the pods, tells them the moment at which they begin, and resolves when all of them wait for it; it rejects with
 * `ClusterError` when one cannot start or is not ready in time. `offer` follows them to their end and never rejects: what goes wrong voids
 * the run, and what was measured until then stays. The removal of their namespace is owed to the ledger.
 */
export function spreadLoad(spec: LoadSpec, { pods, image }: { readonly pods: number; readonly image: string }) {
  let gathering: Gathering | undefined;
  let begin = 0;
  return {
    readyWithin: gatherWithin(pods),

    async ready(cluster: Cluster, run: Run, duration: Millis, moments: Moments): Promise<void> {
      const lasts = moments.begin - Date.now() + duration + drainWithin;
      begin = moments.begin;
      const key = randomBytes(16).toString('hex');
      const { token, caFile } = cluster.connect(spec.as);
      const namespace = namespaceOf(spec.name, run.mark);
      const objects = jobObjects(spec, {
        ...{ namespace, mark: run.mark, pods, image, token, key, begin, duration },
        script: await readFile(spec.script, 'utf8'),
        ca: await readFile(caFile, 'utf8'),
        deadline: lasts,
      });
      await owe(namespace, cluster, run);
      const client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
      const within = { from: Date.now() - clocksDiffer, to: Date.now() + lasts + clocksDiffer };
      const merge = new Merge(spec, run, { pods, key, secrets: [token], within });
      const over = AbortSignal.timeout(lasts);
      const { clock, signal } = run;
      gathering = new Gathering({ spec, merge, client, namespace, by: moments.by, clock, signal, over });
      try {
        await createMany(client, objects, { concurrency: 1, signal: run.signal });
        const nodes = await gathering.wait();
        const on = [...new Set(nodes)].join(', ');
        run.journal.append({ kind: 'progress', text: `load ${spec.name}: ${pods} pods of k6 wait on ${on}` });
      } catch (error) {
        await gathering[Symbol.asyncDispose]();
        run.signal.throwIfAborted();
        throw error;
      }
    },

    async offer(_: Cluster, run: Run, duration: Millis): Promise<void> {
      if (!gathering) throw new RefusedError(`load ${spec.name}: it is offered before its pods are ready`);
      await using gathered = gathering;
      const { merge } = gathered;
      merge.begin();
      const timer = setInterval(() => merge.flush(), flushEvery);
      try {
        const ends = await gathered.ended();
        if (run.signal.aborted) return;
        merge.end();
        for (const reason of podComplaints(merge, { spec, begin, duration, ends }))
          run.journal.append({ kind: 'voided', reason });
        const unlogged = merge.voices.reduce((sum, voice) => sum + voice.unlogged, 0);
        const text = `load ${spec.name}: ${unlogged} lines of k6's own log were too many and are left out`;
        if (unlogged > 0) run.journal.append({ kind: 'progress', text });
      } catch (error) {
        if (run.signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        run.journal.append({ kind: 'voided', reason: `load ${spec.name}: ${reason}` });
      } finally {
        clearInterval(timer);
      }
    },
  };
}

async function owe(namespace: string, cluster: Cluster, run: Run): Promise<void> {
  const [control] = cluster.nodes ?? [];
  if (!control) throw new RefusedError('a load is spread over pods only on a cluster whose nodes can be reached');
  const { ref: node } = control;
  const owed = await run.ledger.owe({
    undo: 'delete-object',
    node,
    resource: 'namespace',
    name: namespace,
    mark: run.mark,
  });
  owed.done();
}
