import { pause } from '../kube/abortable.ts';
import { type ClusterError, type MetricSpec, type Millis, type Node, type Run, ToolError } from '../model.ts';
import { every, together } from './every.ts';
import { NodeSight } from './node-sight.ts';
import { whyNot } from './node-state.ts';
import { isOfCluster } from './sight.ts';

export interface Look {
  /** Writes the samples. */
  write(): void;
  /** Until when what it says is certain; now when absent. */
  readonly certain?: Millis;
}

export interface NodePoll {
  readonly source: string;
  readonly every: Millis;
  readonly nodes: readonly Node[];
  /** What is promised, asked after the first look at every node. */
  metrics(): readonly MetricSpec[];
  /** A `ToolError` or a `ClusterError` means that nothing could be seen of this node. */
  look(node: Node): Promise<Look>;
  /** Why, by something other than the probe; the state of the node when absent. */
  explain?(node: Node, error: ClusterError | ToolError): Promise<string | undefined>;
}

/**
 * Looks at each node again and again, none waiting for another. Resolves when all were looked at and one at least was seen;
 * from then on each gives a sample or a `blind` each time.
 */
export async function pollNodes(
  run: Run,
  signal: AbortSignal,
  options: NodePoll,
): Promise<{ readonly ended: Promise<void> }> {
  const { source, nodes } = options;
  const sight = new NodeSight(run, source);
  const explain = options.explain ?? whyNot;

  const attempt = async (node: Node, until: AbortSignal): Promise<Attempt> => {
    try {
      const { write, certain } = await options.look(node);
      const tell = () => {
        sight.good(node.name, certain);
        write();
      };
      return { seen: true, tell };
    } catch (error) {
      if (until.aborted || !isUnseen(error)) throw error;
      const why = await explain(node, error);
      return { seen: false, tell: () => sight.lost(node.name, reasonOf(error), why) };
    }
  };

  const announced = Promise.withResolvers<void>();
  const begin = async (): Promise<void> => {
    const starting = new AbortController();
    let complained = false;
    await every(options.every, AbortSignal.any([signal, starting.signal]), async () => {
      const attempts = await Promise.all(nodes.map((node) => attempt(node, signal)));
      if (attempts.some(({ seen }) => seen)) {
        run.journal.append({ kind: 'observing', source, metrics: options.metrics(), every: options.every });
        for (const { tell } of attempts) tell();
        starting.abort();
      } else if (!complained) {
        complained = true;
        run.journal.append({ kind: 'progress', text: `probe ${source} does not see any node yet` });
      }
    });
    announced.resolve();
  };
  const goOn = (node: Node) => async (until: AbortSignal) => {
    await pause(options.every, until);
    await every(options.every, until, async () => (await attempt(node, until)).tell());
  };
  const ended = begin().then(() => together(signal, ...nodes.map(goOn)));
  await Promise.race([announced.promise, ended]);
  return { ended };
}

interface Attempt {
  readonly seen: boolean;
  tell(): void;
}

/** In one line: what failed, and the last that was said of it. */
function reasonOf(error: ClusterError | ToolError): string {
  const said = error instanceof ToolError ? error.lastLines.at(-1) : undefined;
  return [error.message.split('\n')[0], said].filter(Boolean).join(': ');
}

function isUnseen(error: unknown): error is ClusterError | ToolError {
  return error instanceof ToolError || isOfCluster(error);
}

/** What is kept of a node. */
export function taken<T>(all: ReadonlyMap<Node, T>, node: Node): T {
  const found = all.get(node);
  if (!found) throw new Error(`no node ${node.name}`);
  return found;
}
