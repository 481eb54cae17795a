import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { abortable, destroy } from '../kube/abortable.ts';
import { createMany } from '../kube/apply.ts';
import type { KubeClient, KubeObject } from '../kube/client.ts';
import { watch } from '../kube/watch.ts';
import { type Clock, ClusterError, type ClusterSpec, type ComponentName, type Millis } from '../model.ts';
import type { Ports } from './kwokctl.ts';
import { PATIENCE as PATIENCE_A_SERVER } from './servers.ts';

const EVERY: Millis = 50;

/** A cold start on two busy cores takes 10 s; nodes and servers come on top. */
export const PATIENCE: Millis = 60_000;
/** A thousand are Ready in 30 s; beside other work on two cores in more than 80. */
const PATIENCE_A_NODE = 60;
/** Nodes that can be created while the API server still sets itself up. */
const FEW = 100;
export const patienceFor = ({ nodes, servers }: ClusterSpec): Millis =>
  PATIENCE + PATIENCE_A_NODE * nodes + PATIENCE_A_SERVER * (servers?.length ?? 0);

/** Resolves when every component that can be asked says that it is ready. Rejects only when the signal aborts. */
export async function componentsReady(
  admin: KubeClient,
  names: readonly ComponentName[],
  ports: Ports,
  signal: AbortSignal,
): Promise<void> {
  const asked = (['kube-controller-manager', 'kube-scheduler'] as const).filter((name) => names.includes(name));
  await Promise.all([apiServerReady(admin, signal), ...asked.map((name) => healthy(ports[name], signal))]);
}

/** Resolves when the API server says that it is ready. Rejects only when the signal aborts. */
async function apiServerReady(admin: KubeClient, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await admin.text('/readyz');
      return;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
    }
    await sleep(EVERY, undefined, { signal });
  }
}

/** Resolves when a controller or scheduler on this port of loopback says that it is healthy. Rejects only when the signal aborts. */
async function healthy(port: number, signal: AbortSignal): Promise<void> {
  // Its certificate is made by itself at each start; the connection stays on loopback and carries no secret.
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  const url = `https://127.0.0.1:${port}/healthz`;
  try {
    for (;;) {
      const ok = await abortable(request(url, { dispatcher: agent, signal, headersTimeout: 5_000 }), signal)
        .then(async ({ statusCode, body }) => (await body.text()) === 'ok' && statusCode === 200)
        .catch(() => signal.throwIfAborted());
      if (ok) return;
      await sleep(EVERY, undefined, { signal });
    }
  } finally {
    await destroy(agent);
  }
}

interface Node extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Creates the nodes that kwok plays, and resolves when every one is Ready. */
export async function nodesReady(admin: KubeClient, count: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (count === 0) return;
  // So many at once would hold up the API server's own setting up, and controllers give up when that takes 10 s.
  if (count > FEW) await apiServerReady(admin, signal);
  await createMany(
    admin,
    Array.from({ length: count }, (_, index) => node(`node-${index}`)),
    { signal },
  );
  const ready = new Set<string>();
  for await (const event of watch<Node>(admin, '/api/v1/nodes', { clock, onGap: () => undefined }, signal)) {
    if (event.type === 'SYNCED') continue;
    const { name } = event.object.metadata;
    const conditions = event.object.status?.conditions ?? [];
    if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) ready.add(name);
    else ready.delete(name);
    if (ready.size >= count) return;
  }
  signal.throwIfAborted();
}

function node(name: string): KubeObject {
  const resources = { cpu: '32', memory: '256Gi', pods: '1000' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
      labels: {
        type: 'kwok',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/role': 'agent',
      },
    },
    status: { allocatable: resources, capacity: resources },
  };
}
