import {
  type Cluster,
  type Fault,
  type FaultSpec,
  type Injected,
  type Node,
  RefusedError,
  type Run,
} from '../model.ts';

export interface Evidence {
  readonly real: boolean;
  readonly detail: string;
}

/** What a fault did to one node. */
export interface Broken {
  /** Read while the fault is in force; may throw: then there is no evidence. */
  evidence(): Promise<Evidence>;
  /** Puts the node back. Called once when it succeeds, again when it failed. */
  end(): Promise<void>;
}

export interface NodeFault {
  /** Something outside the node must revive it. */
  readonly outside?: boolean;
  /** Looks at everything before anything is done to any node; throws `RefusedError`. */
  refuse?(nodes: readonly Node[], cluster: Cluster, run: Run): Promise<void>;
  /** Owes the undo, arms the revert, does the deed. */
  break(node: Node, cluster: Cluster, run: Run): Promise<Broken>;
}

/** A fault whose targets are the first workers by name. */
export function nodeFault(spec: FaultSpec, fault: NodeFault): Fault {
  return {
    name: spec.name,
    async unavailable(cluster) {
      const nodes = targetsOf(cluster, spec);
      return typeof nodes === 'string' ? nodes : unfit(nodes, fault);
    },
    async inject(cluster, run) {
      const nodes = targetsOf(cluster, spec);
      if (typeof nodes === 'string') throw new RefusedError(`fault ${spec.name}: ${nodes}`);
      const reason = unfit(nodes, fault);
      if (reason !== undefined) throw new RefusedError(`fault ${spec.name}: ${reason}`);
      await fault.refuse?.(nodes, cluster, run);
      run.signal.throwIfAborted();
      const attempts = await Promise.allSettled(
        nodes.map(async (node) => ({ node, broken: await fault.break(node, cluster, run) })),
      );
      const done = attempts.map((attempt) => {
        // What is owed for the other nodes is on the books.
        if (attempt.status === 'rejected') throw attempt.reason;
        return attempt.value;
      });
      return injectedInto(done);
    },
  };
}

/** The nodes, or the reason why there are none. */
function targetsOf(cluster: Cluster, spec: FaultSpec): readonly Node[] | string {
  if (cluster.nodes === undefined) return 'the nodes of this cluster cannot be reached';
  const workers = cluster.nodes
    .filter(({ role }) => role === 'worker')
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  if (spec.workers < 1) return 'it names no workers; expected workers: 1 or more';
  if (spec.workers > workers.length)
    return `it is for ${spec.workers} workers, and the cluster has ${workers.length} that can be reached`;
  return workers.slice(0, spec.workers);
}

function unfit(nodes: readonly Node[], { outside = false }: NodeFault): string | undefined {
  const inside = nodes.find((node) => outside && !(node.outside && node.ref.via === 'docker'));
  return inside && `nothing outside node ${inside.name} could revive it`;
}

function injectedInto(done: readonly { readonly node: Node; readonly broken: Broken }[]): Injected {
  const open = new Set(done);
  return {
    targets: done.map(({ node }) => node.name),
    async evidence() {
      const found = await Promise.all(
        done.map(async ({ node, broken }) => {
          const { real, detail } = await broken.evidence().catch(unread);
          return { real, detail: `${node.name}: ${detail}` };
        }),
      );
      return { real: found.every(({ real }) => real), detail: found.map(({ detail }) => detail).join('; ') };
    },
    async end() {
      const ended = await Promise.allSettled(
        [...open].reverse().map(async (one) => {
          await one.broken.end();
          open.delete(one);
        }),
      );
      for (const result of ended) if (result.status === 'rejected') throw result.reason;
    },
  };
}

export const unread = (error: unknown): Evidence => ({
  real: false,
  detail: `the evidence cannot be read: ${error instanceof Error ? error.message : error}`,
});

/** What was done to a node, as the first sign of its failure. */
export function sign(run: Run, spec: FaultSpec, node: Pick<Node, 'name'>, what: string): void {
  run.journal.append({
    kind: 'seen',
    what: 'node',
    subject: node.name,
    detail: `fault ${spec.name}: ${what}`,
    labels: { node: node.name, fault: spec.fault, sign: 'injected' },
  });
}
