/**
 * What is going on, for a person: each task has one current text; together they are told once a second at first, later every ten.
 * News (a warning, something finished) is told at once. Dispose it to fall silent.
 */
export class Progress implements Disposable {
  readonly #tell: (text: string) => void;
  readonly #tasks = new Map<string, () => string>();
  readonly #timer: NodeJS.Timeout;
  #told = '';
  #ticks = 0;

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
    this.#timer = setInterval(() => this.#tick(), 1000);
    this.#timer.unref();
  }

  /** `text` is asked for at each telling and is given how long the task has lasted, e.g. `1m40s`. */
  task(name: string, text: (elapsed: string) => string): Disposable {
    const start = performance.now();
    this.#tasks.set(name, () => text(duration(performance.now() - start)));
    return { [Symbol.dispose]: () => void this.#tasks.delete(name) };
  }

  news(text: string): void {
    this.#tell(text);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.#ticks += 1;
    if (this.#ticks > 5 && this.#ticks % 10 !== 0) return;
    const texts = [...this.#tasks.values()].map((task) => task());
    const text = texts.filter((text) => text !== '').join(' · ');
    if (text !== '' && text !== this.#told) this.#tell(text);
    this.#told = text;
  }
}

/** Milliseconds as people read them: `8s`, `1m40s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}
