import type { Socket } from 'node:net';
import type { Millis } from '../model.ts';

/** More than this is not read ahead of what is held. */
const most = 1024 ** 2;

export interface Held {
  readonly held: Millis;
  readonly bytes: number;
}

/** When a piece of so many bytes may be passed on; the present where nothing holds it. */
export type Schedule = (bytes: number, now: Millis) => Millis;

/** One direction of a connection: what is read from one end is written to the other, in its order, when its time has come. */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #schedule: Schedule;
  readonly #passed: (piece: Held) => void;
  #queue: { readonly data: Buffer; readonly at: Millis; readonly due: Millis }[] = [];
  #size = 0;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, schedule: Schedule, passed: (piece: Held) => void) {
    this.#from = from;
    this.#to = to;
    this.#schedule = schedule;
    this.#passed = passed;
    to.on('drain', () => this.#flush());
  }

  take(data: Buffer): void {
    const at = performance.now();
    this.#queue.push({ data, at, due: this.#schedule(data.length, at) });
    this.#size += data.length;
    this.#flush();
  }

  /** The end comes after all that came before it. */
  end(): void {
    this.#ended = true;
    this.#flush();
  }

  /** Nothing is held any more. */
  hurry(): void {
    this.#queue = this.#queue.map((piece) => ({ ...piece, due: 0 }));
    this.#flush();
  }

  /** What is held is lost; its bytes. */
  drop(): number {
    const lost = this.#size;
    this.#queue = [];
    this.#size = 0;
    clearTimeout(this.#timer);
    return lost;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    for (let next = this.#queue[0]; next && next.due <= now && !this.#to.writableNeedDrain; next = this.#queue[0]) {
      this.#queue.shift();
      this.#size -= next.data.length;
      this.#to.write(next.data);
      this.#passed({ held: now - next.at, bytes: next.data.length });
    }
    const [next] = this.#queue;
    if (next && next.due > now) this.#timer = setTimeout(() => this.#flush(), next.due - now);
    if (!next && this.#ended) this.#to.end();
    if (this.#size > most || this.#to.writableNeedDrain) this.#from.pause();
    else if (this.#from.isPaused()) this.#from.resume();
  }
}
