import type { KubeClient, KubeObject } from '../kube/client.ts';
import { isRefusal } from '../kube/watch.ts';
import { ClusterError, type EventBody, type Millis, type Node, type Run, type ToolError } from '../model.ts';
import { appOf, appOfName } from './app.ts';
import { Containers } from './containers.ts';
import { whyNot } from './node-state.ts';
import type { Look } from './poll-nodes.ts';
import { series } from './prometheus.ts';
import { Scrapes, type Source } from './scrape.ts';

const perOperation = ['operation_type'];

/** Names as kubelet 1.36 has them. Errors are there from the first one on. */
const sources: readonly Source[] = [
  { metric: 'kubelet.pleg.duration', from: 'kubelet_pleg_relist_duration_seconds', kind: 'buckets' },
  {
    metric: 'kubelet.runtime.operations',
    from: 'kubelet_runtime_operations_total',
    kind: 'counter',
    labels: perOperation,
  },
  {
    metric: 'kubelet.runtime.errors',
    from: 'kubelet_runtime_operations_errors_total',
    kind: 'counter',
    labels: perOperation,
  },
  {
    metric: 'kubelet.runtime.duration',
    from: 'kubelet_runtime_operations_duration_seconds',
    kind: 'buckets',
    labels: perOperation,
  },
  { metric: 'kubelet.start-errors', from: 'kubelet_started_containers_errors_total', kind: 'counter' },
  { metric: 'kubelet.sandbox-errors', from: 'kubelet_run_podsandbox_errors_total', kind: 'counter' },
  { metric: 'kubelet.evictions', from: 'kubelet_evictions', kind: 'counter', labels: ['eviction_signal'] },
  { metric: 'kubelet.memory', from: 'process_resident_memory_bytes', kind: 'gauge' },
  { metric: 'kubelet.pods', from: 'kubelet_running_pods', kind: 'gauge' },
];
const renamed: Readonly<Record<string, string>> = { operation_type: 'operation', eviction_signal: 'signal' };

/** The metrics of one kubelet and of the cAdvisor in it: about 300 kB on an idle node (measured, 1.36). */
export class KubeletScrape {
  readonly #client: KubeClient;
  readonly #node: string;
  readonly #run: Run;
  readonly #scrapes: Scrapes;
  readonly #containers: Containers;

  constructor(client: KubeClient, node: string, run: Run) {
    this.#client = client;
    this.#node = node;
    this.#run = run;
    const append = (body: EventBody, at?: Millis) => run.journal.append(ofNode(body, node), at);
    this.#scrapes = new Scrapes({ clock: run.clock, journal: { append } }, sources);
    this.#containers = new Containers(run, node);
  }

  async look(): Promise<Look> {
    const root = `/api/v1/nodes/${this.#node}/proxy/metrics`;
    const [text, cadvisor, apps] = await Promise.all([
      this.#client.text(root),
      this.#client.text(`${root}/cadvisor`),
      this.#apps(),
    ]);
    const wall = Date.now() / 1000;
    return {
      write: () => {
        this.#scrapes.write(text);
        for (const { metric, from, kind } of sources)
          if (kind === 'counter' && !text.includes(`# TYPE ${from} `)) this.#sample(metric, 0);
        const [seen] = series(text, 'kubelet_pleg_last_seen_seconds', []);
        if (seen && seen.value > 0) this.#sample('kubelet.pleg.age', Math.max(0, wall - seen.value));
        this.#containers.write(cadvisor, (namespace, pod) => apps.get(`${namespace}/${pod}`) ?? appOfName(pod));
      },
    };
  }

  /** The API server says that the kubelet refused, or its node is paused or off. */
  async explain(node: Node, error: ClusterError | ToolError): Promise<string | undefined> {
    if (!(error instanceof ClusterError)) return whyNot(node, error);
    if (isRefusal(error)) return `the API server: ${error.reason}`;
    if (typeof error.code === 'number' && error.code >= 500 && /connection refused/.test(error.reason))
      return `nothing listens there any more, says the API server (${error.reason})`;
    return whyNot(node);
  }

  async #apps(): Promise<ReadonlyMap<string, string>> {
    const fieldSelector = `spec.nodeName=${this.#node}`;
    const { items } = await this.#client.list<KubeObject>('/api/v1/pods', { fieldSelector, resourceVersion: 0 });
    return new Map(items.map((pod) => [`${pod.metadata.namespace}/${pod.metadata.name}`, appOf(pod)]));
  }

  #sample(metric: string, value: number): void {
    this.#run.journal.append({ kind: 'sample', metric, labels: { node: this.#node }, value });
  }
}

/** With the node, and labels named as ours are. */
function ofNode(body: EventBody, node: string): EventBody {
  if (body.kind !== 'sample' && body.kind !== 'buckets') return body;
  const labels = Object.entries(body.labels ?? {}).map(([label, value]) => [renamed[label] ?? label, value]);
  return { ...body, labels: { node, ...Object.fromEntries(labels) } };
}
