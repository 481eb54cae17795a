import { pause } from '../kube/abortable.ts';
import { type Clock, type Millis, type Node, ToolError } from '../model.ts';

/** One of whom nothing is heard for so long after a sign was due is deaf. */
const late: Millis = 6_000;
/** One that says nothing for so long is ended, and another takes its place. A node that starves needs its time for the first. */
const hopeless: Millis = 30_000;
const retry: Millis = 1_000;
const least: Millis = 100;
/** So often it is seen whether the follower lives. */
const tick: Millis = 2_000;
/** A listener ends by itself then, whoever lives; another goes on where it stopped. */
const lifetime: Millis = 600_000;

/**
 * Runs a log's follower beside a loop that makes signs of life. Either's end is the other's. What starts it on the node ends it with
 * a signal, for which `wait` gives way where `sleep` would not. A follower that fails at once gets no sign to hear.
 */
function listening({ follow, say, beat, hurried }: Log): string {
  const ticks = Math.max(1, Math.round(beat / tick));
  return [
    `${follow()} & f=$!`,
    "trap 'kill $f $! 2>/dev/null; exit 0' TERM INT HUP",
    `i=0; while [ $i -lt ${lifetime / tick} ]; do`,
    `[ $i -lt ${hurried} ] && s=0.3 || s=${tick / 1000}; sleep $s >/dev/null & wait $!`,
    `kill -0 $f 2>/dev/null || break; if [ $i -lt ${hurried} ] || [ $((i % ${ticks})) = 0 ]; then ${say()}; fi; i=$((i+1)); done`,
    // A follower that ended by itself has failed, whatever it says.
    'kill -0 $f 2>/dev/null && { kill $f; exit 0; }; wait $f; s=$?; [ $s = 0 ] && s=1; exit $s',
  ].join('\n');
}

export interface Log {
  /** A shell command that follows the log, from where the last one stopped; asked at each start. */
  follow(): string;
  /** A shell command that makes a sign appear in the log itself: whoever finds it there listens; asked after `follow`. */
  say(): string;
  /** How often it does: 2 s or a multiple. */
  readonly beat: Millis;
  /** So many of the first signs follow each other in haste. */
  readonly hurried: number;
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
    if (this.#clock.now() - this.heard <= this.#log.beat + late) return this.heard;
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
    const command = ['sh', '-c', listening(this.#log)];
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
    return new ToolError(`nothing is heard of the log of ${node}, not even our own sign`, { command: this.#log.say() });
  }
}
