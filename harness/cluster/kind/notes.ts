import type { ClusterSpec, Node } from '../../model.ts';
import type { Process } from './processes.ts';

const FILES = ['/sys/fs/cgroup/cgroup.controllers', '/proc/pressure/memory'];

/** What a threshold's `when` may ask for: `kubelet`, `psi`, `cgroup-v2`, `oom-score-adj`. Read from a node. */
export async function capabilitiesOf(node: Node, processes: readonly Process[]): Promise<ReadonlySet<string>> {
  const files = await node.read(FILES);
  const lowered = processes.some(({ program, oomScoreAdj }) => program === 'kubelet' && oomScoreAdj === -999);
  return new Set([
    'kubelet',
    ...(files.has('/proc/pressure/memory') ? ['psi'] : []),
    ...(files.has('/sys/fs/cgroup/cgroup.controllers') ? ['cgroup-v2'] : []),
    ...(lowered ? ['oom-score-adj'] : []),
  ]);
}

/** What a reader of the report should know of the cluster. */
export function notesOn(
  { kubernetes, leaderElection, kind }: ClusterSpec,
  capabilities: ReadonlySet<string>,
  { existing, runs }: { readonly existing: boolean; readonly runs: string | undefined },
): string[] {
  const asked = kubernetes?.replace(/^v/, '');
  return [
    'all nodes share the kernel of this host',
    `cgroup ${capabilities.has('cgroup-v2') ? 'v2' : 'v1'}`,
    ...(capabilities.has('oom-score-adj')
      ? []
      : [
          "a capability is missing here: oom_score_adj cannot be lowered, so kubelet and containerd have 0 and the kernel's OOM killer may choose them",
        ]),
    ...(leaderElection ? [] : ['leader election is on although the scenario turns it off']),
    ...(kind?.workerMemoryBytes === undefined || existing
      ? []
      : [
          `each worker is limited to ${Math.round(kind.workerMemoryBytes / 1024 ** 2)} MiB, and its /proc/meminfo says so but does not move`,
        ]),
    ...(existing ? ["the cluster is the user's: it stays, and so do the images that were loaded"] : []),
    ...(asked === undefined || asked === runs ? [] : [`Kubernetes ${kubernetes} was asked for, ${runs} runs`]),
  ];
}
