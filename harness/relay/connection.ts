import { createConnection, type Socket } from 'node:net';
import { type Held, Pipe, type Schedule } from './pipe.ts';

export type State = 'waiting' | 'open' | 'stuck';
export type Direction = 'to' | 'from';

/** What a connection tells its relay. */
export interface Listener {
  schedule(direction: Direction): Schedule;
  passed(direction: Direction, piece: Held): void;
  lost(bytes: number): void;
  closed(): void;
}

/** One connection through a relay: the near end's socket and, once it is served, one to the far end. */
export class Connection {
  readonly #near: Socket;
  readonly #listener: Listener;
  #far: Socket | undefined;
  #pipes: readonly Pipe[] = [];
  state: State = 'waiting';

  /** `near` is paused: nothing is read before it is served. */
  constructor(near: Socket, listener: Listener) {
    this.#near = near;
    this.#listener = listener;
    near.setNoDelay();
    near.on('error', () => this.destroy()).on('close', () => this.destroy());
  }

  serve(port: number): void {
    this.state = 'open';
    const near = this.#near;
    const far = createConnection({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    this.#far = far;
    const pipe = (direction: Direction, from: Socket, to: Socket) => {
      const passed = (piece: Held) => this.#listener.passed(direction, piece);
      const pipe = new Pipe(from, to, this.#listener.schedule(direction), passed);
      from.on('data', (data: Buffer) => (this.state === 'stuck' ? this.#listener.lost(data.length) : pipe.take(data)));
      from.on('end', () => this.#ended(direction, pipe));
      return pipe;
    };
    this.#pipes = [pipe('to', near, far), pipe('from', far, near)];
    far.once('connect', () => near.resume());
    // In a black hole the near end does not hear of it.
    far.on('error', () => this.state === 'stuck' || this.reset());
  }

  /** From now on nothing passes, whatever it is, until the near end closes it. */
  swallow(): void {
    this.state = 'stuck';
    for (const pipe of this.#pipes) this.#listener.lost(pipe.drop());
    this.#near.resume();
    this.#far?.resume();
  }

  hurry(): void {
    if (this.state === 'open') for (const pipe of this.#pipes) pipe.hurry();
  }

  /** Both ends get an RST. */
  reset(): void {
    this.#near.resetAndDestroy();
    this.#far?.resetAndDestroy();
    this.destroy();
  }

  destroy(): void {
    for (const pipe of this.#pipes) pipe.drop();
    this.#near.destroy();
    this.#far?.destroy();
    this.#listener.closed();
  }

  #ended(direction: Direction, pipe: Pipe): void {
    if (this.state !== 'stuck') pipe.end();
    else if (direction === 'to') this.destroy();
  }
}
