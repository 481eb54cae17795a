import { addToHistogram, newTally, toHistogram } from '../histogram.ts';
import type { KubeClient } from '../kube/client.ts';
import { isRefusal } from '../kube/watch.ts';
import { ClusterError, type Millis, type Run, type ToolError } from '../model.ts';
import type { Look } from './poll-nodes.ts';
import { isOfCluster } from './sight.ts';

/** Seconds that a request which hung counts for, at least. */
const hung = 2;

/**
 * One kubelet's /healthz, through the API server. That it does not answer is a sample, not a gap, as long as the API server
 * itself reads that node for us: by then it is the kubelet, or the way to it.
 */
export class KubeletHealth {
  readonly #client: KubeClient;
  readonly #node: string;
  readonly #run: Run;

  constructor(client: KubeClient, node: string, run: Run) {
    this.#client = client;
    this.#node = node;
    this.#run = run;
  }

  async look(): Promise<Look> {
    const at = this.#run.clock.now();
    const started = performance.now();
    const took = () => (performance.now() - started) / 1000;
    try {
      const said = await this.#client.text(`/api/v1/nodes/${this.#node}/proxy/healthz`);
      const seconds = took();
      return { write: () => this.#write(at, seconds, said.trim() === 'ok' ? undefined : 'not-ok') };
    } catch (error) {
      if (!isOfCluster(error)) throw error;
      const seconds = error.code === 'ETIMEDOUT' ? Math.max(hung, took()) : took();
      const cause = causeOf(error);
      if (!cause) throw error;
      if (cause !== 'no-node') await this.#client.get(`/api/v1/nodes/${this.#node}`);
      return { write: () => this.#write(at, seconds, cause) };
    }
  }

  /** Of the API server: that nobody listens there, says the operating system. */
  async explain(error: ClusterError | ToolError): Promise<string | undefined> {
    return error instanceof ClusterError && isRefusal(error) ? `the API server: ${error.reason}` : undefined;
  }

  /** All of it is stamped with the moment of asking. */
  #write(at: Millis, seconds: number, cause: string | undefined): void {
    const { journal } = this.#run;
    const node = this.#node;
    const tally = newTally();
    addToHistogram(tally, seconds);
    const histogram = toHistogram(tally);
    journal.append({ kind: 'histogram', metric: 'kubelet.healthz.duration', labels: { node }, histogram }, at);
    journal.append({ kind: 'sample', metric: 'kubelet.up', labels: { node }, value: cause ? 0 : 1 }, at);
    const labels = { node, ...(cause && { cause }) };
    journal.append({ kind: 'sample', metric: 'kubelet.healthz.failures', labels, value: cause ? 1 : 0 }, at);
  }
}

/** Undefined where it is the API server that fails, or says no. */
function causeOf({ code, reason }: ClusterError): string | undefined {
  if (code === 'ETIMEDOUT') return 'timeout';
  if (code === 404) return 'no-node';
  if (typeof code !== 'number' || code === 429) return undefined;
  if (code === 403 && reason.includes('cannot get resource')) return undefined;
  if (/connection refused/.test(reason)) return 'refused';
  if (/i\/o timeout|TLS handshake timeout|deadline exceeded/.test(reason)) return 'timeout';
  if (/no route to host/.test(reason)) return 'no-route';
  return `status-${code}`;
}
