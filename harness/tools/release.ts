import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Dispatcher, fetch as Fetch } from 'undici';
import { ToolError } from '../model.ts';
import { type CacheEntry, cached, keep, scratch } from './cache.ts';
import { platform } from './catalogue.ts';
import { pasteable, run } from './command.ts';
import { hold } from './lock.ts';
import type { Progress } from './progress.ts';
import type { ToolOptions } from './tools.ts';
import type { PinnedRelease, Wanted } from './wanted.ts';

const connectMs = 5_000;
const silenceMs = 30_000;

/** The release host could not be reached, refused, or broke off: another source may serve. */
export class Unreachable extends Error {}

/** A way to release hosts, through the user's proxy where one is set. */
export interface Web extends AsyncDisposable {
  readonly fetch: typeof Fetch;
  readonly dispatcher: Dispatcher;
}

export async function openWeb(env: ToolOptions['env']): Promise<Web> {
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const setting = (name: string): string => env[name.toLowerCase()] ?? env[name.toUpperCase()] ?? '';
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: setting('http_proxy'),
    httpsProxy: setting('https_proxy'),
    noProxy: setting('no_proxy'),
    connect: { timeout: connectMs },
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
  });
  return { fetch, dispatcher, [Symbol.asyncDispose]: () => dispatcher.destroy() };
}

/** Why a host does not answer within five seconds, or undefined when it does. */
export async function unreachable(url: string, web: Web, signal: AbortSignal): Promise<string | undefined> {
  const { origin } = new URL(url);
  const patience = AbortSignal.any([signal, AbortSignal.timeout(connectMs)]);
  try {
    const { dispatcher } = web;
    const answer = await web.fetch(origin, { method: 'HEAD', redirect: 'manual', dispatcher, signal: patience });
    await answer.body?.cancel();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return `${origin} cannot be reached: ${reason(error)}`;
  }
}

export function releaseKey({ name, version }: Wanted, { sha256 }: PinnedRelease): string {
  return `${name}-${version}-${platform()}-release-${sha256.slice(0, 12)}`;
}

/**
 * Downloads one release file and takes the programs in it into the cache; `wanted` share the file.
 * Rejects with ToolError when its checksum is not the catalogue's, with Unreachable when it did not come whole.
 */
export async function download(
  wanted: readonly [Wanted & { release: PinnedRelease }, ...Wanted[]],
  options: ToolOptions,
  web: Web,
  progress: Progress,
): Promise<Map<string, CacheEntry>> {
  const { cache, signal } = options;
  const release = wanted[0].release;
  const what = wanted.map(({ name, version }) => `${name} ${version}`).join(', ');
  const lock = join(cache, 'locks', `release-${release.sha256.slice(0, 12)}`);
  await using _held = await holdTold(lock, what, signal, progress);
  const entries = new Map<string, CacheEntry>();
  for (const one of wanted) {
    const entry = await cached(cache, releaseKey(one, release));
    if (entry) entries.set(one.id, entry);
  }
  if (entries.size === wanted.length) return entries;
  await using work = await scratch(cache, `${wanted[0].name}-${wanted[0].version}`);
  const file = join(work.path, 'download');
  await fetchTo(file, release, what, web, signal, progress);
  for (const one of wanted) {
    const member = one.release?.member;
    const program = member === undefined ? file : await extract(file, member, work.path, options);
    const facts = { name: one.name, version: one.version, source: 'release' as const, from: release.url };
    entries.set(one.id, await keep(cache, releaseKey(one, release), program, facts));
  }
  progress.news(`${what}: downloaded from ${new URL(release.url).host}, checksum as pinned`);
  return entries;
}

/** Waits for the lock and says so. */
export async function holdTold(
  lock: string,
  what: string,
  signal: AbortSignal,
  progress: Progress,
): Promise<AsyncDisposable> {
  let holder = 0;
  using _task = progress.task(lock, (elapsed) =>
    holder === 0 ? '' : `${what}: waiting for another ordeal (pid ${holder}) that makes it, ${elapsed}`,
  );
  return await hold(lock, signal, (pid) => {
    if (holder !== pid) progress.news(`${what}: waiting for another ordeal (pid ${pid}) that makes it`);
    holder = pid;
  });
}

async function fetchTo(
  file: string,
  { url, sha256 }: PinnedRelease,
  what: string,
  { fetch, dispatcher }: Web,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  let bytes = 0;
  let total = 0;
  using _task = progress.task(url, (elapsed) => {
    const of = total === 0 ? '' : ` of ${megabytes(total)}`;
    return `downloading ${what}: ${megabytes(bytes)}${of}, ${elapsed}`;
  });
  const hash = createHash('sha256');
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      done(undefined, chunk);
    },
  });
  try {
    const answer = await fetch(url, { dispatcher, signal });
    if (!answer.ok || answer.body === null) throw new Unreachable(`${url} answered ${answer.status}`);
    total = Number(answer.headers.get('content-length') ?? 0);
    await pipeline(answer.body, count, createWriteStream(file), { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Unreachable) throw error;
    const so = bytes === 0 ? '' : ` after ${bytes} of ${total === 0 ? 'unknown' : total} bytes`;
    throw new Unreachable(`${url} broke off${so}: ${reason(error)}`, { cause: error });
  }
  const got = hash.digest('hex');
  if (got === sha256) return;
  throw new ToolError(
    `${what}: what was downloaded is not the official release and was thrown away\n  expected SHA-256 ${sha256}\n  got      SHA-256 ${got} (${bytes} bytes)`,
    { command: pasteable({ program: 'sh', args: ['-c', `curl -fsSL ${url} | sha256sum`] }) },
  );
}

async function extract(archive: string, member: string, folder: string, options: ToolOptions): Promise<string> {
  const out = join(folder, 'members');
  await mkdir(out, { recursive: true });
  const command = { program: 'tar', args: ['-xzf', archive, '-C', out, member] };
  const env = { ...options.env, PATH: options.path };
  const ended = await run({ ...command, env, signal: options.signal });
  if (ended.exitCode === 0) return join(out, member);
  const { exitCode, lastLines } = ended;
  throw new ToolError(`${member} could not be taken out of the release`, {
    command: pasteable(command),
    lastLines,
    ...(exitCode === undefined ? {} : { exitCode }),
  });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
