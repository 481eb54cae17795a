import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient, KubeObject } from '../../kube/client.ts';
import { ClusterError, type Millis } from '../../model.ts';

const EVERY: Millis = 250;

export interface KindNode extends KubeObject {
  readonly status: {
    readonly capacity: { readonly memory: string };
    readonly conditions?: readonly Condition[];
    readonly nodeInfo: { readonly kubeletVersion: string; readonly containerRuntimeVersion: string };
  };
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

interface Pod extends KubeObject {
  readonly status: { readonly phase: string; readonly conditions?: readonly Condition[] };
}

/**
 * Resolves with the nodes, by name, when all of these are Ready and so is every pod of kube-system. Rejects with `late`'s
 * answer to what is still missing after `patience`, or with the signal's reason.
 */
export async function kindReady(
  admin: KubeClient,
  names: readonly string[],
  options: { readonly signal: AbortSignal; readonly patience: Millis; late(missing: string): Error },
): Promise<ReadonlyMap<string, KindNode>> {
  const until = performance.now() + options.patience;
  for (;;) {
    let missing: readonly string[];
    try {
      const [nodes, pods] = await Promise.all([
        admin.list<KindNode>('/api/v1/nodes'),
        admin.list<Pod>('/api/v1/namespaces/kube-system/pods'),
      ]);
      const known = new Map(nodes.items.map((node) => [node.metadata.name, node]));
      missing = [
        ...names.filter((name) => !isReady(known.get(name)?.status.conditions)).map((name) => `node ${name}`),
        ...pods.items.filter(unready).map(({ metadata: { name } }) => `pod ${name}`),
        // The daemon set and the deployment come to them a moment after the static pods.
        ...(pods.items.some(({ metadata: { name } }) => name.startsWith('coredns-')) ? [] : ['the pods of coredns']),
      ];
      if (missing.length === 0) return known;
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof ClusterError)) throw error;
      missing = [error.message];
    }
    if (performance.now() > until) throw options.late(missing.join(', '));
    await sleep(EVERY, undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
  }
}

export const isReady = (conditions: readonly Condition[] = []) =>
  conditions.some(({ type, status }) => type === 'Ready' && status === 'True');

const unready = ({ status }: Pod) => status.phase !== 'Succeeded' && !isReady(status.conditions);
