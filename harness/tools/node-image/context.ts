import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Progress } from '../progress.ts';
import { bytes, contentOf, type Member, tar } from '../tar.ts';
import type { ToolOptions } from '../tools.ts';
import { type Built, foldersOf, once, writeComponents } from './components.ts';
import { cniPlugins, onNode, runtime } from './programs.ts';
import { components, kubernetes, type Recipe } from './recipe.ts';
import { packRootfs } from './rootfs.ts';

/** Lays out what docker builds the node from. Resolves with the folder. Rejects with ToolError. */
export async function layOut(
  work: string,
  recipe: Recipe,
  built: Built,
  rootfs: string,
  options: ToolOptions,
  progress: Progress,
): Promise<string> {
  const context = join(work, 'context');
  const images = join(context, 'images');
  await mkdir(images, { recursive: true });
  await writeComponents(images, built, rootfs, options, progress);
  await packRootfs(rootfs, join(context, 'rootfs.tar'), options);
  const members = once([...(await nodeFiles(join(recipe.folder, 'files'))), ...(await nodePrograms(built))]);
  await pipeline(tar(members), createWriteStream(join(context, 'node.tar')), { signal: options.signal });
  await copyFile(join(recipe.folder, 'Dockerfile'), join(context, 'Dockerfile'));
  return context;
}

async function nodeFiles(folder: string): Promise<Member[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const members = files.sort().map(async (file): Promise<Member[]> => {
    const path = relative(folder, file);
    const text = (await readFile(file, 'utf8')).replaceAll('@PAUSE@', components['pause']?.reference ?? '');
    const mode = path.startsWith(join('kind', 'bin')) ? 0o755 : 0o644;
    return [...foldersOf(path), { kind: 'file', path, content: bytes(text), mode }];
  });
  const version: Member = { kind: 'file', path: 'kind/version', content: bytes(`v${kubernetes}\n`) };
  return [...(await Promise.all(members)).flat(), version];
}

async function nodePrograms(built: Built): Promise<Member[]> {
  const places = [
    ...onNode.map(({ name }) => ({ name, path: `usr/bin/${name}` })),
    ...runtime.map(({ name }) => ({ name, path: `usr/local/bin/${name}` })),
    ...cniPlugins.map(({ name }) => ({ name, path: `opt/cni/bin/${name}` })),
  ];
  const members = places.map(async ({ name, path }): Promise<Member[]> => {
    const content = await contentOf(built.get(name) ?? '');
    return [...foldersOf(path), { kind: 'file', path, content, mode: 0o755 }];
  });
  return (await Promise.all(members)).flat();
}
