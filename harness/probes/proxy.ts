import { join } from 'node:path';
import { z } from 'zod';
import { KubeClient } from '../kube/client.ts';
import { type Cluster, ClusterError, type Component, type Run } from '../model.ts';
import { alive } from '../process.ts';
import { PodLog } from './pod-log.ts';
import type { LogPoll } from './poll-log.ts';
import { type Lines, Tail } from './tail.ts';

/** The server beside the cluster, and on clusters with kubelets the label `app` of the pod in the namespace `default`. */
export const server = 'proxy';

export const proxyBeside = (cluster: Cluster): Component | undefined =>
  cluster.components?.find(({ name, folder }) => name === server && folder !== undefined);

export const unavailableProxy = (cluster: Cluster): string | undefined =>
  proxyBeside(cluster) || cluster.nodes ? undefined : `there is no server ${server} beside this cluster, and no pods`;

const worker = z.object({
  pid: z.int(),
  /** It was told to end, and has not yet. */
  ending: z.boolean(),
  connections: z.int().nonnegative(),
});
export type ProxyWorker = z.output<typeof worker>;

/** What `workload ingress` says between nginx's own lines. */
const remark = z.discriminatedUnion('ordeal', [
  /** `at` in seconds since 1970; how many pods the list has that nginx was told to read. */
  z.object({ ordeal: z.literal('workers'), at: z.number(), pods: z.int(), workers: z.array(worker).max(1_000) }),
  z.object({ ordeal: z.literal('reload'), pods: z.int(), number: z.int() }),
  /** What nginx wrote to its error log. */
  z.object({ ordeal: z.literal('nginx'), text: z.string() }),
]);
export type Remark = z.output<typeof remark>;
const beginning = '{"ordeal":';

/** The lines of the proxy's pod that are the controller's. Throws on one that only begins so. */
export function remarksOf(lines: readonly string[]): readonly Remark[] {
  return lines
    .filter((line) => line.startsWith(beginning))
    .map((line) => {
      const { data } = remark.safeParse(parsed(line));
      if (data) return data;
      throw new Error(`the proxy's log has a line that is none of ours: ${JSON.stringify(line.slice(0, 200))}`);
    });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The log of the proxy's pod. */
export function podOfProxy(cluster: Cluster, run: Run, probe: string): Lines {
  const client = new KubeClient(cluster.connect(`ordeal:${probe}`), { signal: run.signal, timeout: 5_000 });
  const log = new PodLog(client, run.clock, '/api/v1/namespaces/default/pods', `app=${server}`);
  const close = () => log.close().finally(() => client[Symbol.asyncDispose]());
  return { lines: () => log.lines(), heard: () => log.heard(), close };
}

/** Its own lines alone; `before` throws where it does not live. */
export function accessLog(cluster: Cluster, run: Run, probe: string): Pick<LogPoll, 'log' | 'before'> {
  const beside = proxyBeside(cluster);
  if (!beside) {
    const pod = podOfProxy(cluster, run, probe);
    const lines = async () => (await pod.lines()).filter((line) => !line.startsWith(beginning));
    return { log: { ...pod, lines } };
  }
  const { folder = '', pid = 0, start = '' } = beside;
  return {
    log: new Tail(`${server}'s log`, join(folder, 'access.log')),
    // What does not grow because nobody writes it is no answer.
    before() {
      const lives = alive({ pid, start });
      return () => {
        if (!lives) throw new ClusterError(server, 'ESRCH', `process ${pid} is gone`);
      };
    },
  };
}
