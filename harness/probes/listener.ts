import { type Clock, type Millis, type Node, ToolError } from '../model.ts';
import { pause } from './every.ts';

/** A listener says so often that it listens. */
export const beat: Millis = 2_000;
/** One that says nothing for so long is not heard. */
const deaf: Millis = 8_000;
/** One that says nothing for so long is ended, and another takes its place. A node that starves needs its time for the first. */
const hopeless: Millis = 30_000;
const retry: Millis = 1_000;
const least: Millis = 100;
/** Beats after which a listener ends by itself, whoever lives; another goes on where it stopped. */
const beats = 300;

/**
 * Runs `$1` seconds at most of a log's follower beside a loop that makes it say that it listens. Either's end is the other's. What
 * starts it on the node ends it with a signal, for which `wait` gives way where `sleep` would not.
 */
function listening(follow: string, say: string): string {
  return [
    `${follow} & f=$!`,
    "trap 'kill $f 2>/dev/null; exit 0' TERM INT HUP",
    `i=0; while [ $i -lt ${beats} ] && kill -0 $f 2>/dev/null; do ${say}`,
    `[ $i -lt 5 ] && s=0.3 || s=${beat / 1000}; i=$((i+1)); sleep $s & wait $!; done`,
    // A follower that ended by itself has failed, whatever it says.
    'kill -0 $f 2>/dev/null && { kill $f; exit 0; }; wait $f; s=$?; [ $s = 0 ] && s=1; exit $s',
  ].join('\n');
}

export interface Log {
  /** A shell command that follows the log, from where the last one stopped; asked at each start. */
  follow(): string;
  /** A shell command that makes a sign of life appear. */
  readonly say: string;
  /** Of the node that is followed now. */
  readonly node: () => Node;
  /** Takes a line; returns until when it proves that all of the log was heard, if it does. */
  take(line: string): Millis | undefined;
}

/** Follows a log of a node for ever: what ends, fails or is deaf is started again, where it stopped. */
export class Listener {
  readonly #log: Log;
  readonly #clock: Clock;
  /** Until when everything that was logged has been heard. */
  heard: Millis = Number.NEGATIVE_INFINITY;
  /** Why it is not heard. */
  trouble: ToolError | undefined;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Throws `ToolError` when it is not heard now. */
  check(): Millis {
    if (this.#clock.now() - this.heard <= deaf) return this.heard;
    throw this.trouble ?? this.#silence();
  }

  async listen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#once(signal);
        await pause(least, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ToolError)) throw error;
        this.trouble = error;
        await pause(retry, signal);
      }
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const deafness = new AbortController();
    const command = ['sh', '-c', listening(this.#log.follow(), this.#log.say)];
    let last = this.#clock.now();
    const guard = setInterval(() => {
      if (this.#clock.now() - last > hopeless) deafness.abort(this.#silence());
    }, retry);
    try {
      for await (const line of this.#log.node().follow(command, AbortSignal.any([signal, deafness.signal]))) {
        const until = this.#log.take(line);
        if (until === undefined) continue;
        last = this.#clock.now();
        this.heard = Math.max(this.heard, until);
        this.trouble = undefined;
      }
    } finally {
      clearInterval(guard);
    }
  }

  #silence(): ToolError {
    const node = this.#log.node().name;
    return new ToolError(`nothing is heard of the log of ${node}, not even our own sign`, { command: this.#log.say });
  }
}
