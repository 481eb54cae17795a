import type { KubeObject } from '../kube/client.ts';
import type { Run } from '../model.ts';
import { standings } from './metrics-karpenter.ts';

export type NodeClaim = KubeObject & {
  readonly metadata: KubeObject['metadata'] & { readonly deletionTimestamp?: string };
  readonly status?: {
    readonly nodeName?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
  };
};

type Standing = (typeof standings)[number] | 'gone';

/** As Karpenter itself counts for its budgets: what is chosen goes until its machine is told to end. */
export function standingOf({ metadata, status }: NodeClaim): Standing {
  const is = (type: string) => status?.conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
  if (is('InstanceTerminating')) return 'gone';
  if (metadata.deletionTimestamp !== undefined || is('DisruptionReason')) return 'going';
  if (!is('Initialized')) return 'launching';
  return is('Consolidatable') ? 'consolidatable' : 'kept';
}

/** How the node claims stand, and the most that went at any moment: that may be between two samples. */
export class ClaimView {
  readonly #run: Pick<Run, 'journal'>;
  readonly #known = new Map<string, Standing>();
  #most = 0;
  /** From now on what changes is news. */
  synced = false;

  constructor(run: Pick<Run, 'journal'>) {
    this.#run = run;
  }

  see(claim: NodeClaim): void {
    const { name } = claim.metadata;
    const before = this.#known.get(name);
    const now = standingOf(claim);
    if (now === before) return;
    this.#known.set(name, now);
    if (now === 'going') this.#tell(claim, chosenFor(claim));
    this.#most = Math.max(this.#most, this.#count('going'));
  }

  delete({ name }: KubeObject['metadata']): void {
    this.#known.delete(name);
  }

  write(): void {
    for (const standing of standings) this.#sample('karpenter.nodes', this.#count(standing), { standing });
    this.#sample('karpenter.going', this.#most);
    this.#most = this.#count('going');
  }

  #count(standing: Standing): number {
    return [...this.#known.values()].filter((one) => one === standing).length;
  }

  #tell({ metadata, status }: NodeClaim, detail: string): void {
    if (!this.synced) return;
    const node = status?.nodeName ?? '';
    const labels = { claim: metadata.name, node };
    this.#run.journal.append({ kind: 'seen', what: 'other', subject: node || metadata.name, detail, labels });
  }

  #sample(metric: string, value: number, labels?: { readonly standing: string }): void {
    this.#run.journal.append({ kind: 'sample', metric, value, ...(labels && { labels }) });
  }
}

function chosenFor({ status }: NodeClaim): string {
  const reason = status?.conditions?.find(({ type }) => type === 'DisruptionReason')?.reason;
  return `Karpenter chose the node to go${reason === undefined ? '' : `: ${reason}`}`;
}
