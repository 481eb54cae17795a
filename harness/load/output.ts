import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A pipe that a child opens by name (`/dev/fd/<its number>`), which the socket pairs of child_process do not allow. */
export interface NamedPipe {
  readonly reader: Socket;
  /** To be inherited by the child. */
  readonly writer: number;
  /** Closes our writing end: once the child is gone too, the reader ends after its last byte. Idempotent. */
  finish(): void;
}

/**
 * Makes a FIFO in `folder`, opens both ends and removes its name at once, so that nothing is left behind even by kill -9.
 * Both ends are ours first: neither opening blocks, and the reader does not end before the child has begun.
 */
export async function namedPipe(folder: string): Promise<NamedPipe> {
  const temporary = await mkdtemp(join(folder, '.k6-'));
  try {
    const path = join(temporary, 'samples');
    await promisify(execFile)('mkfifo', ['-m', '600', path]);
    const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    let open = true;
    return {
      reader: new Socket({ fd: reading, readable: true, writable: false }),
      writer,
      finish() {
        if (open) closeSync(writer);
        open = false;
      },
    };
  } finally {
    await rm(temporary, { recursive: true });
  }
}

/** Calls `each` with every whole line of a stream; resolves when it has ended or was destroyed, rejects when `each` throws. */
export async function eachLine(stream: NodeJS.ReadableStream, each: (line: string) => void): Promise<void> {
  let rest = '';
  stream.setEncoding('utf8');
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject);
    stream.once('close', resolve);
    stream.on('data', (chunk: string) => {
      try {
        let from = 0;
        for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', from)) {
          each(rest + chunk.slice(from, end));
          rest = '';
          from = end + 1;
        }
        rest += chunk.slice(from);
      } catch (error) {
        reject(error);
        stream.removeAllListeners('data').resume();
      }
    });
  });
  if (rest !== '') each(rest);
}
