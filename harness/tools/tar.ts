import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Bytes whose number is known before they are read. */
export interface Content {
  readonly size: number;
  read(): AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** One entry of an archive; paths are relative, folders come before what they hold. `mode` as in `0o755`. */
export type Member =
  | { readonly kind: 'file'; readonly path: string; readonly content: Content; readonly mode?: number }
  | { readonly kind: 'folder'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

export function bytes(text: string | Buffer): Content {
  const buffer = Buffer.from(text as string);
  return { size: buffer.length, read: () => [buffer] };
}

export async function contentOf(file: string): Promise<Content> {
  const { size } = await stat(file);
  return { size, read: () => createReadStream(file) };
}

/** A tar archive (POSIX ustar): the same bytes for the same members, whoever makes it and when. */
export async function* tar(members: readonly Member[]): AsyncGenerator<Buffer> {
  for (const member of members) {
    yield header(member);
    if (member.kind !== 'file') continue;
    let left = member.content.size;
    for await (const chunk of member.content.read()) {
      left -= chunk.length;
      yield chunk;
    }
    if (left !== 0) throw new Error(`${member.path} changed its size while it was read`);
    yield Buffer.alloc(padding(member.content.size));
  }
  yield Buffer.alloc(2 * block);
}

const block = 512;
const types = { file: '0', link: '2', folder: '5' } as const;
const modes = { file: 0o644, link: 0o777, folder: 0o755 } as const;

function padding(size: number): number {
  return (block - (size % block)) % block;
}

function header(member: Member): Buffer {
  const { kind, path } = member;
  const name = kind === 'folder' ? `${path}/` : path;
  const target = kind === 'link' ? member.target : '';
  const size = kind === 'file' ? member.content.size : 0;
  if (Buffer.byteLength(name) > 100 || Buffer.byteLength(target) > 100) throw new Error(`${path}: too long for tar`);
  if (size >= 8 ** 11) throw new Error(`${path}: too big for tar`);
  const buffer = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number) =>
    buffer.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
  buffer.write(name, 0);
  octal((kind === 'link' ? undefined : member.mode) ?? modes[kind], 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  buffer.write(' '.repeat(8), 148);
  buffer.write(types[kind], 156);
  buffer.write(target, 157);
  buffer.write('ustar\x0000', 257);
  const sum = buffer.reduce((all, byte) => all + byte, 0);
  buffer.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return buffer;
}
