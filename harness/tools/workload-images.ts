import { createCipheriv, createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RefusedError, ToolError } from '../model.ts';
import { buildTools, turns } from './build.ts';
import { cached, scratch, sweep } from './cache.ts';
import { platform } from './catalogue.ts';
import { findGo } from './go.ts';
import { digestOf, membersOf, withLibraries } from './libraries.ts';
import { goKey, moduleOf } from './module.ts';
import { writeArchive } from './oci.ts';
import { Progress } from './progress.ts';
import { holdTold } from './release.ts';
import { systemTool } from './system.ts';
import { type Content, contentOf, type Member } from './tar.ts';
import { provide, type ToolOptions } from './tools.ts';
import { type Program, want } from './wanted.ts';
import { type WorkloadImage, workloadTable } from './workload-table.ts';

/** Counted up when what is written around the program changes. */
const layout = 1;
const dayMs = 24 * 3_600_000;

/**
 * Images of the program that plays the parts of a workload, or of a tool, some with a program of this host's packages beside it, as
 * OCI archives for `kind load image-archive`; from the cache, else built with Go. Rejects with RefusedError for a name that the
 * table does not have and for a package that is not installed, with ToolError.
 */
export async function workloadImages(
  names: readonly string[],
  options: ToolOptions,
): Promise<Map<string, { readonly reference: string; readonly archive: string }>> {
  const images = names.map((name) => ({ name, image: demandImage(name) }));
  const [workload] = want([{ name: 'workload' }], {});
  if (!workload) throw new Error('the catalogue has no workload');
  const key = goKey(workload, await moduleOf(workload));
  const wishes = [...new Set(images.flatMap(({ image }) => image.program ?? []))].map((name) => ({ name }));
  const tools = await provide(wishes, options);
  const keyOf = async ({ program }: WorkloadImage, beside: Beside): Promise<string> => {
    const tool = tools.get(program ?? '');
    const own = tool === undefined ? key : await digestOf([tool.path]);
    return beside.size === 0 ? own : [own, ...beside.keys(), await digestOf([...beside.values()])].join(' ');
  };
  const folder = join(options.cache, 'images');
  await sweep(options.cache);
  using progress = new Progress((text) => options.progress(text));
  await using _held = await holdTold(
    join(options.cache, 'locks', `images-${key}`),
    'workload images',
    options.signal,
    progress,
  );
  const made = new Map<string, { reference: string; archive: string }>();
  for (const { name, image } of images) {
    const beside = await besideOf(image, options);
    const hash = createHash('sha256').update(JSON.stringify([layout, platform(), await keyOf(image, beside), image]));
    const archive = join(folder, `${name}-${hash.digest('hex').slice(0, 12)}.tar`);
    if (!existsSync(archive)) {
      const program = tools.get(image.program ?? '')?.path ?? (await built(workload, options, progress));
      await write(archive, { ...image, name, beside }, program, options, progress);
    }
    made.set(name, { reference: image.reference, archive });
  }
  return made;
}

type Beside = ReadonlyMap<string, string>;

async function besideOf({ system }: WorkloadImage, options: ToolOptions): Promise<Beside> {
  if (system === undefined) return new Map();
  const { path } = await systemTool(system, options);
  return withLibraries(path, `/usr/sbin/${system}`, options.signal);
}

function demandImage(name: string): WorkloadImage {
  const image = workloadTable.get(name);
  if (image !== undefined) return image;
  throw new RefusedError(`no workload image is called ${name}; there are ${[...workloadTable.keys()].join(', ')}`);
}

async function built(workload: Program, options: ToolOptions, progress: Progress): Promise<string> {
  const there = await cached(options.cache, goKey(workload, await moduleOf(workload)));
  if (there !== undefined) return there.path;
  const { go, why } = await findGo(options);
  if (go === undefined) throw new ToolError(`the workload cannot be built: ${why}`, { command: 'go version' });
  const entry = (await buildTools([workload], go, turns(), options, progress)).get(workload.id);
  if (entry === undefined) throw new Error('the workload was built but is not in the cache');
  return entry.path;
}

async function write(
  archive: string,
  image: WorkloadImage & { readonly name: string; readonly beside: Beside },
  program: string,
  options: ToolOptions,
  progress: Progress,
): Promise<void> {
  const { name, reference, ballast, program: own, beside } = image;
  using _task = progress.task(reference, (elapsed) => `writing the image ${reference}, ${elapsed}`);
  await using work = await scratch(options.cache, name);
  const entrypoint = own ?? 'workload';
  const members: Member[] = [
    { kind: 'folder', path: 'tmp', mode: 0o1777 },
    { kind: 'file', path: entrypoint, content: await contentOf(program), mode: 0o755 },
    ...(await membersOf(beside)),
  ];
  if (ballast > 0) {
    members.push({ kind: 'folder', path: 'data' });
    members.push({ kind: 'file', path: 'data/ballast', content: noise(name, ballast) });
  }
  const file = join(work.path, 'image.tar');
  // The loader has no cache there of where libraries are.
  const folders = [...new Set([...beside.keys()].map((path) => dirname(path)))];
  const env = folders.length > 0 ? [`LD_LIBRARY_PATH=${folders.join(':')}`] : [];
  await writeArchive(file, { reference, entrypoint: [`/${entrypoint}`], env, members }, options.signal);
  await mkdir(dirname(archive), { recursive: true });
  await rename(file, archive);
  await forget(archive, name);
}

/** Removes archives of that image which another program or table made, but none that a run may be loading now. */
async function forget(archive: string, name: string): Promise<void> {
  const folder = dirname(archive);
  const pattern = new RegExp(`^${name}-[0-9a-f]{12}\\.tar$`);
  for (const file of (await readdir(folder)).map((entry) => join(folder, entry))) {
    if (!pattern.test(basename(file)) || file === archive) continue;
    if (Date.now() - (await stat(file)).mtimeMs > dayMs) await rm(file, { force: true });
  }
}

/** The same bytes for the same seed, and nothing to compress in them. */
function noise(seed: string, size: number): Content {
  return {
    size,
    *read() {
      const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), Buffer.alloc(16));
      const zeros = Buffer.alloc(64 * 1024);
      for (let left = size; left > 0; left -= zeros.length) yield cipher.update(zeros.subarray(0, left));
    },
  };
}
