import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { redact } from '../secrets.ts';

/** Copies those logs that exist into a folder, every secret replaced by `<redacted>`. */
export async function copyLogs(logs: readonly string[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await Promise.all(logs.map((log) => copyRedacted(log, join(folder, basename(log)))));
}

async function copyRedacted(from: string, to: string): Promise<void> {
  const there = await access(from).then(
    () => true,
    () => false,
  );
  if (!there) return;
  await pipeline(
    createReadStream(from, { encoding: 'latin1' }),
    withoutSecrets,
    createWriteStream(to, { encoding: 'latin1' }),
  );
}

async function* withoutSecrets(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    const text = rest + piece;
    // A token may be cut in two: a line that is not whole waits for the next piece.
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    yield redact(text.slice(0, end));
  }
  yield redact(rest);
}
