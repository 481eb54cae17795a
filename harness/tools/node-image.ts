import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dockerUnavailable } from '../docker.ts';
import { ToolError } from '../model.ts';
import { buildTools, byModule, turns } from './build.ts';
import { type CacheEntry, scratch, sweep } from './cache.ts';
import { findGo } from './go.ts';
import { layOut } from './node-image/context.ts';
import { buildImage, hasImage, loadImage, saveImage, sizeOf, sweepImages } from './node-image/docker.ts';
import { needs } from './node-image/needs.ts';
import { programs } from './node-image/programs.ts';
import { kubernetes, type Recipe, recipeOf } from './node-image/recipe.ts';
import { makeRootfs } from './node-image/rootfs.ts';
import { duration, Progress } from './progress.ts';
import { holdTold } from './release.ts';
import { together } from './together.ts';
import type { ToolOptions } from './tools.ts';

export interface NodeImage {
  /** As docker has it. */
  readonly reference: string;
  /** Without a `v`: `1.36.3`. */
  readonly kubernetes: string;
}

export interface NodeImageWhere {
  readonly reference: string;
  /** undefined when it is not to be had. */
  readonly would: 'there' | 'load' | 'build' | undefined;
  readonly why: string;
}

/**
 * The image that kind nodes are made of, built here from package registries: docker's own copy, else the archive in the
 * cache, else a build (`anew`: in any case). Rejects with ToolError, every reason at once before anything is started.
 */
export async function nodeImage(options: ToolOptions, { anew = false } = {}): Promise<NodeImage> {
  const recipe = await recipeOf();
  const { reference } = recipe;
  const command = 'npx ordeal tools kind-node-image';
  const unavailable = await dockerUnavailable({ env: { ...options.env, PATH: options.path } });
  if (unavailable !== undefined) throw new ToolError(`no kind node image: ${unavailable}`, { command });
  if (!anew && (await hasImage(reference, options))) return { reference, kubernetes };

  await sweep(options.cache);
  using progress = new Progress((text) => options.progress(text));
  const lock = join(options.cache, 'locks', 'kind-node-image');
  await using _held = await holdTold(lock, 'kind node image', options.signal, progress);
  if (!anew && (await hasImage(reference, options))) return { reference, kubernetes };
  await sweepImages(options, 0);
  const archive = archiveOf(recipe, options);
  if (!anew && existsSync(archive) && (await loaded(archive, reference, options, progress))) {
    return { reference, kubernetes };
  }
  const reasons = await needs(options);
  if (reasons.length > 0) throw new ToolError(`no kind node image: ${reasons.join('; ')}`, { command });
  await build(recipe, options, progress);
  return { reference, kubernetes };
}

/** Whether the node image is there, or what it would take. Changes nothing. */
export async function nodeImageWhere(options: ToolOptions): Promise<NodeImageWhere> {
  const recipe = await recipeOf();
  const { reference } = recipe;
  const unavailable = await dockerUnavailable({ env: { ...options.env, PATH: options.path } });
  if (unavailable === undefined && (await hasImage(reference, options))) return { reference, would: 'there', why: '' };
  const archive = archiveOf(recipe, options);
  const archived = existsSync(archive);
  const reasons = [...(unavailable === undefined ? [] : [unavailable]), ...(archived ? [] : await needs(options))];
  if (reasons.length > 0) return { reference, would: undefined, why: reasons.join('; ') };
  if (archived) return { reference, would: 'load', why: archive };
  return { reference, would: 'build', why: 'takes 3 to 20 minutes, by what Go has compiled before' };
}

function archiveOf({ hash }: Recipe, { cache }: ToolOptions): string {
  return join(cache, 'images', `kind-node-${hash}.tar`);
}

async function loaded(archive: string, reference: string, options: ToolOptions, progress: Progress): Promise<boolean> {
  using _task = progress.task('load', (elapsed) => `node image: loading ${archive} into docker, ${elapsed}`);
  try {
    await loadImage(archive, options);
    if (await hasImage(reference, options)) return true;
    progress.news(`${archive} does not hold ${reference}; it is made anew`);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    progress.news(`${error.message}\nthe node image is made anew`);
  }
  await rm(archive, { force: true });
  return false;
}

async function build(recipe: Recipe, options: ToolOptions, progress: Progress): Promise<void> {
  const start = performance.now();
  await using work = await scratch(options.cache, 'kind-node-image');
  const rootfs = join(work.path, 'rootfs');
  const built = new Map<string, string>();
  await together(options.signal, [
    async (signal) => await makeRootfs(rootfs, { ...options, signal }, progress),
    async (signal) => {
      for (const { name, path } of await compiled({ ...options, signal }, progress)) built.set(name, path);
    },
  ]);
  const context = await layOut(work.path, recipe, built, rootfs, options, progress);
  if ((await recipeOf()).hash !== recipe.hash) {
    throw new ToolError('what the node image is made of changed while it was built', {
      command: `ls ${recipe.folder}`,
    });
  }
  await buildImage(recipe, context, options, progress);
  await archived(recipe, work.path, options, progress);
  const size = `${Math.round((await sizeOf(recipe.reference, options)) / 1e6)} MB`;
  progress.news(`built ${recipe.reference} (${size}) in ${duration(performance.now() - start)}`);
}

async function compiled(options: ToolOptions, progress: Progress): Promise<CacheEntry[]> {
  const { go = { program: 'go', version: '' } } = await findGo(options);
  const compile = turns();
  const groups = byModule(programs).map((group) => async (signal: AbortSignal) => {
    return [...(await buildTools(group, go, compile, { ...options, signal }, progress)).values()];
  });
  return (await together(options.signal, groups)).flat();
}

/** Keeps the image where a new docker finds it, and of older ones the last. */
async function archived(recipe: Recipe, work: string, options: ToolOptions, progress: Progress): Promise<void> {
  using _task = progress.task('save', (elapsed) => `node image: saving it into the cache, ${elapsed}`);
  const saved = join(work, 'image.tar');
  await saveImage(recipe.reference, saved, options);
  const archive = archiveOf(recipe, options);
  const folder = join(options.cache, 'images');
  await mkdir(folder, { recursive: true });
  await rename(saved, archive);
  progress.news(`node image: ${archive}, ${Math.round((await stat(archive)).size / 1e6)} MB`);
  const names = (await readdir(folder)).filter((name) => /^kind-node-\w+\.tar$/.test(name));
  const dated = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })));
  const old = dated.sort((one, other) => other.at - one.at).slice(2);
  for (const { name } of old) await rm(join(folder, name), { force: true });
}
