import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { bytes, contentOf, type Member, tar } from './tar.ts';

/** An image of one layer that holds nothing but `members`. */
export interface Image {
  /** With its registry and tag: `localhost/ordeal/workload:1`. */
  readonly reference: string;
  readonly entrypoint: readonly string[];
  /** `NAME=value`, beside PATH. */
  readonly env?: readonly string[];
  readonly members: readonly Member[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const media = 'application/vnd.oci.image';
const epoch = '1970-01-01T00:00:00Z';
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Writes an OCI image archive that `ctr images import` and `kind load image-archive` take; no registry, no daemon.
 * The same image gives the same bytes. Rejects with the signal's reason; `file` is then not whole.
 */
export async function writeArchive(file: string, image: Image, signal: AbortSignal): Promise<void> {
  const { reference, entrypoint, env = [], members } = image;
  const packed = `${file}.layer`;
  try {
    const raw = new Digest();
    const gz = new Digest();
    // Level 1: a layer is unpacked on every new node, so speed beats size.
    await pipeline(tar(members), raw, createGzip({ level: 1 }), gz, createWriteStream(packed), { signal });
    const os = { architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux' };
    const config = json({
      ...os,
      created: epoch,
      config: { Entrypoint: entrypoint, WorkingDir: '/', Env: [path, ...env] },
      rootfs: { type: 'layers', diff_ids: [raw.digest] },
      history: [{ created: epoch }],
    });
    const manifest = json({
      schemaVersion: 2,
      mediaType: `${media}.manifest.v1+json`,
      config: describe('config.v1+json', config),
      layers: [{ mediaType: `${media}.layer.v1.tar+gzip`, digest: gz.digest, size: gz.size }],
    });
    const tag = reference.slice(reference.lastIndexOf(':') + 1);
    const annotations = { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': tag };
    const named = { ...describe('manifest.v1+json', manifest), annotations, platform: os };
    const blob = (digest: string): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;
    const archive: Member[] = [
      { kind: 'file', path: 'oci-layout', content: bytes(json({ imageLayoutVersion: '1.0.0' })) },
      { kind: 'file', path: 'index.json', content: bytes(json({ schemaVersion: 2, manifests: [named] })) },
      { kind: 'file', path: blob(describe('', manifest).digest), content: bytes(manifest) },
      { kind: 'file', path: blob(describe('', config).digest), content: bytes(config) },
      { kind: 'file', path: blob(gz.digest), content: await contentOf(packed) },
    ];
    await pipeline(tar(archive), createWriteStream(file), { signal });
  } finally {
    await rm(packed, { force: true });
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function describe(kind: string, blob: Buffer): Descriptor {
  const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`;
  return { mediaType: `${media}.${kind}`, digest, size: blob.length };
}

/** Lets bytes pass, and knows afterwards what they were. */
class Digest extends Transform {
  size = 0;
  readonly #hash = createHash('sha256');

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.size += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }

  get digest(): string {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }
}
