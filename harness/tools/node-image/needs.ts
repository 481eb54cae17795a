import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { cached } from '../cache.ts';
import { run } from '../command.ts';
import { isProgram, onPath } from '../find.ts';
import { findGo } from '../go.ts';
import { goKey, moduleOf } from '../module.ts';
import type { ToolOptions } from '../tools.ts';
import type { Program } from '../wanted.ts';
import { programs } from './programs.ts';
import { keyring } from './rootfs.ts';

const neededBytes = 3e9;

/** Why the node image cannot be built here, every reason at once. */
export async function needs(options: ToolOptions): Promise<string[]> {
  const reasons: string[] = [];
  if (process.platform !== 'linux') return [`it is built on Linux, and this is ${process.platform}`];
  if (process.getuid?.() !== 0) reasons.push('building it takes root');
  const gone = await missing(['debootstrap', 'unshare', 'chroot', 'tar'], options);
  if (gone.length > 0) reasons.push(`missing: ${gone.join(', ')}`);
  if (!existsSync(keyring)) reasons.push(`missing: ${keyring} (package debian-archive-keyring)`);
  const unbuilt = await uncached(options);
  if (unbuilt.some(({ entry }) => entry.cgo !== undefined)) reasons.push(...(await missingForC(options)));
  if (unbuilt.length > 0) {
    const { go, why } = await findGo(options);
    if (go === undefined) reasons.push(`${why} (for ${unbuilt.length} of ${programs.length} programs)`);
  }
  const free = await freeBytes(options.cache);
  if (free < neededBytes) reasons.push(`${options.cache} has ${(free / 1e9).toFixed(1)} GB free, 3 GB are needed`);
  return reasons;
}

async function uncached({ cache }: ToolOptions): Promise<Program[]> {
  const found = await Promise.all(
    programs.map(async (program) => ((await cached(cache, goKey(program, await moduleOf(program)))) ? [] : [program])),
  );
  return found.flat();
}

async function missing(names: readonly string[], { path }: ToolOptions): Promise<string[]> {
  const there = await Promise.all(names.map(async (name) => await Promise.all(onPath(name, path).map(isProgram))));
  return names.filter((_, at) => !there[at]?.includes(true));
}

async function missingForC(options: ToolOptions): Promise<string[]> {
  if ((await missing(['gcc'], options)).length > 0) return ['missing: gcc, libc6-dev and libseccomp-dev, for runc'];
  const { env, path, signal } = options;
  const args = ['libc.a', 'libseccomp.a'].map((name) => `-print-file-name=${name}`);
  const told = await Promise.all(
    args.map((arg) => run({ program: 'gcc', args: [arg], env: { ...env, PATH: path }, signal })),
  );
  // gcc repeats the bare name of a file that it does not find.
  const packages = ['libc6-dev', 'libseccomp-dev'].filter((_, at) => !isAbsolute(told[at]?.stdout.trim() ?? ''));
  return packages.length === 0 ? [] : [`missing: ${packages.join(', ')}, for runc`];
}

async function freeBytes(folder: string): Promise<number> {
  let above = folder;
  while (!existsSync(above)) above = join(above, '..');
  const { bavail, bsize } = await statfs(above);
  return bavail * bsize;
}
