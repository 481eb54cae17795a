import { type FileHandle, open, stat } from 'node:fs/promises';
import { ClusterError, type Millis } from '../model.ts';

/** A log that grows. */
export interface Lines {
  /** What was added since the last call. Throws `ClusterError`. */
  lines(): Promise<readonly string[]>;
  /** Until when nothing can be missing; absent: until the last call. */
  heard?(): Millis;
  close(): Promise<void>;
}

/** The whole lines that are appended to a file from the first reading on. Throws a `ClusterError` while it does not exist, and when it was truncated. */
export class Tail implements Lines {
  readonly #name: string;
  readonly #path: string;
  #file: FileHandle | undefined;
  #offset = 0;
  #rest = Buffer.alloc(0);
  readonly #piece = Buffer.alloc(1 << 20);

  /** `name` is what people call the file. */
  constructor(name: string, path: string) {
    this.#name = name;
    this.#path = path;
  }

  async lines(): Promise<readonly string[]> {
    const { ino, size } = await stat(this.#path).catch((error: NodeJS.ErrnoException) => {
      throw new ClusterError(this.#name, error.code ?? 'EIO', error.message, { cause: error });
    });
    if (!this.#file) {
      this.#file = await open(this.#path);
      this.#offset = size;
    }
    const opened = await this.#file.stat();
    if (opened.size < this.#offset) {
      this.#offset = 0;
      this.#rest = Buffer.alloc(0);
      throw new ClusterError(this.#name, 'truncated', 'it is shorter than before: lines may be lost');
    }
    const lines = await this.#appended(this.#file);
    if (opened.ino === ino) return lines;
    await this.#file.close();
    this.#file = await open(this.#path);
    this.#offset = 0;
    return [...lines, ...(await this.#appended(this.#file))];
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #appended(file: FileHandle): Promise<readonly string[]> {
    const pieces = [this.#rest];
    for (;;) {
      const { bytesRead } = await file.read(this.#piece, 0, this.#piece.length, this.#offset);
      if (bytesRead === 0) break;
      this.#offset += bytesRead;
      pieces.push(Buffer.from(this.#piece.subarray(0, bytesRead)));
    }
    const all = Buffer.concat(pieces);
    const end = all.lastIndexOf(0x0a) + 1;
    this.#rest = all.subarray(end);
    return all
      .toString('utf8', 0, end)
      .split('\n')
      .filter((line) => line !== '');
  }
}
