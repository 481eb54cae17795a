import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { redact, TOKEN_LENGTH } from './identities.ts';

/** Copies those logs that exist into a folder, every token replaced by `<redacted>`. */
export async function copyLogs(logs: readonly string[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
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
    withoutTokens,
    createWriteStream(to, { encoding: 'latin1' }),
  );
}

async function* withoutTokens(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    const text = redact(rest + piece);
    // A token may be cut in two: the end that could be its beginning waits for the next piece.
    rest = text.slice(-TOKEN_LENGTH);
    yield text.slice(0, -TOKEN_LENGTH);
  }
  yield rest;
}
