import type { KubeClient } from '../kube/client.ts';
import { type Clock, ClusterError, type Millis } from '../model.ts';
import type { Lines } from './tail.ts';

/** Who writes twice a second is not silent for so long. */
const deafAfter: Millis = 5_000;
/** Bytes that nobody has asked for yet, and characters of a line: more is no log of ours. */
const most = 16 * 2 ** 20;
const longestLine = 2 ** 16;

/**
 * The lines of the log of the one running pod with a label, from its first one on, through the API. Throws a `ClusterError` while there
 * is no such pod, when there are several, while nothing has come for five seconds, and ever after the log broke off: what is missing
 * then is not known.
 */
export class PodLog implements Lines {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #pods: string;
  readonly #selector: string;
  readonly #closing = new AbortController();
  #reading: Promise<void> | undefined;
  #broken: ClusterError | undefined;
  #came: string[] = [];
  #size = 0;
  #heard: Millis = 0;

  /** `pods` is the path of a list of pods. */
  constructor(client: KubeClient, clock: Clock, pods: string, selector: string) {
    this.#client = client;
    this.#clock = clock;
    this.#pods = pods;
    this.#selector = selector;
  }

  async lines(): Promise<readonly string[]> {
    if (!this.#reading && !this.#closing.signal.aborted) await this.#open();
    const came = this.#came;
    this.#came = [];
    this.#size = 0;
    if (came.length > 0 || this.#closing.signal.aborted) return came;
    if (this.#broken) throw this.#broken;
    if (this.#clock.now() - this.#heard > deafAfter) throw this.#failure('deaf', 'nothing came for 5 s');
    return came;
  }

  /** When something came last. */
  heard(): Millis {
    return this.#heard;
  }

  async close(): Promise<void> {
    this.#closing.abort(this.#failure('closed', 'it was read'));
    await this.#reading;
  }

  async #open(): Promise<void> {
    const { items } = await this.#client.list<Pod>(this.#pods, { labelSelector: this.#selector });
    const [pod, ...others] = items.filter(({ status }) => status?.phase === 'Running');
    if (!pod || others.length > 0) throw this.#failure('ENOENT', `${items.length} such pods, not one that runs`);
    const path = `${this.#pods}/${pod.metadata.name}/log`;
    const pieces = await this.#client.stream(path, { follow: true }, this.#closing.signal);
    this.#heard = this.#clock.now();
    // By no code of the transport: a server that refused once explains nothing of what is missing for ever.
    const end = (why: string) => {
      this.#broken = this.#failure('lost', why);
    };
    this.#reading = this.#read(pieces).then(
      () => end('it ended'),
      (error: unknown) => end(`it broke off: ${error instanceof Error ? error.message : error}`),
    );
  }

  async #read(pieces: AsyncIterable<Buffer>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const piece of pieces) {
      this.#heard = this.#clock.now();
      const parts = (rest + decoder.decode(piece, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      const longest = parts.reduce((most, { length }) => Math.max(most, length), rest.length);
      if (longest > longestLine) throw this.#failure('EFBIG', 'a line is longer than any of ours');
      this.#size += piece.length;
      if (this.#size > most) throw this.#failure('EFBIG', 'more came than a log of ours can hold');
      this.#came.push(...parts.filter((line) => line !== ''));
    }
  }

  #failure(code: string, why: string): ClusterError {
    return new ClusterError(`log of pod ${this.#selector}`, code, why);
  }
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly phase?: string };
  readonly [field: string]: unknown;
}
