import { createServer, type Server } from 'node:net';
import type { Millis } from '../model.ts';
import { Connection, type Direction, type Listener } from './connection.ts';
import type { Held, Schedule } from './pipe.ts';
import type { Order, Status } from './words.ts';

/** Who waits less for his turn would not notice. */
const noticed: Millis = 100;

/** A named TCP link on loopback: takes connections, passes their bytes on as they are, and can be broken. */
export class Relay {
  readonly #port: number;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #free: Record<Direction, Millis> = { to: 0, from: 0 };
  readonly #bytes: Record<Direction, number> = { to: 0, from: 0 };
  #delayed: Status['delayed'] = { pieces: 0, seconds: 0, queued: 0 };
  #opened = 0;
  #stuckBytes = 0;
  #resets = 0;
  #fault: { readonly id: string; readonly order: Order } | undefined;
  #timers: NodeJS.Timeout[] = [];

  /** `port` of 127.0.0.1 is the far end. */
  constructor(port: number) {
    this.#port = port;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (near) => {
      this.#opened += 1;
      const connection: Connection = new Connection(
        near,
        this.#listenerFor(() => connection),
      );
      this.#connections.add(connection);
      if (this.#fault?.order.fault !== 'black-hole') connection.serve(this.#port);
    });
  }

  /** Resolves with the port of 127.0.0.1 on which it takes connections; 0 asks for any. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' ? (address?.port ?? port) : port);
      });
    });
  }

  close(): void {
    this.restore();
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  get status(): Status {
    const count = (state: Connection['state']) => [...this.#connections].filter((one) => one.state === state).length;
    return {
      ...(this.#fault && { fault: { id: this.#fault.id, what: this.#fault.order.fault } }),
      connections: { open: count('open'), stuck: count('stuck'), waiting: count('waiting') },
      opened: this.#opened,
      bytes: { ...this.#bytes },
      stuckBytes: this.#stuckBytes,
      resets: this.#resets,
      delayed: this.#delayed,
    };
  }

  /** Throws while another fault is in force. */
  break(id: string, order: Order, within: Millis): void {
    if (this.#fault !== undefined) throw new Error(`${this.#fault.order.fault} is in force already`);
    this.#fault = { id, order };
    this.#free.to = this.#free.from = 0;
    this.#timers = [setTimeout(() => this.restore(), within)];
    if (order.fault === 'black-hole') for (const one of this.#connections) one.swallow();
    if (order.fault !== 'reset-connections') return;
    this.#resetAll();
    if (order.every !== undefined) this.#timers.push(setInterval(() => this.#resetAll(), order.every));
  }

  restore(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    this.#fault = undefined;
    for (const one of this.#connections) {
      one.hurry();
      if (one.state === 'waiting') one.serve(this.#port);
    }
  }

  #resetAll(): void {
    for (const connection of [...this.#connections]) {
      connection.reset();
      this.#resets += 1;
    }
  }

  #listenerFor(connection: () => Connection): Listener {
    return {
      schedule: (direction) => this.#scheduleOf(direction),
      passed: (direction, piece) => this.#passed(direction, piece),
      lost: (bytes) => {
        this.#stuckBytes += bytes;
      },
      closed: () => this.#connections.delete(connection()),
    };
  }

  /** All connections share what a direction of the link can carry. */
  #scheduleOf(direction: Direction): Schedule {
    return (bytes, now) => {
      const order = this.#fault?.order;
      if (order?.fault !== 'slow-link') return now;
      const { latency = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = order;
      const turn = Math.max(now, this.#free[direction]);
      this.#free[direction] = turn + (1_000 * bytes) / bytesPerSecond;
      if (turn - now >= noticed) this.#delayed = { ...this.#delayed, queued: this.#delayed.queued + 1 };
      return this.#free[direction] + latency;
    };
  }

  #passed(direction: Direction, { held, bytes }: Held): void {
    this.#bytes[direction] += bytes;
    if (this.#fault?.order.fault !== 'slow-link') return;
    const { pieces, seconds, queued } = this.#delayed;
    this.#delayed = { pieces: pieces + 1, seconds: seconds + held / 1_000, queued };
  }
}
