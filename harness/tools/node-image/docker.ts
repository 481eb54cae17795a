import { setTimeout } from 'node:timers/promises';
import { ToolError } from '../../model.ts';
import { type Command, type Ended, pasteable, run } from '../command.ts';
import type { Progress } from '../progress.ts';
import type { ToolOptions } from '../tools.ts';
import type { Recipe } from './recipe.ts';

/** On every image that a build makes, also those that are left when it is interrupted. */
const label = 'ordeal.node-image';

export async function hasImage(reference: string, options: ToolOptions): Promise<boolean> {
  const { exitCode } = await ask(['image', 'inspect', '--format', '{{.Id}}', reference], options);
  return exitCode === 0;
}

/** Bytes. */
export async function sizeOf(reference: string, options: ToolOptions): Promise<number> {
  return Number((await demand(['image', 'inspect', '--format', '{{.Size}}', reference], options)).trim());
}

export async function loadImage(archive: string, options: ToolOptions): Promise<void> {
  await demand(['load', '--quiet', '--input', archive], options);
}

export async function saveImage(reference: string, archive: string, options: ToolOptions): Promise<void> {
  await demand(['save', '--output', archive, reference], options);
}

export async function tagImage(reference: string, tag: string, options: ToolOptions): Promise<void> {
  await demand(['tag', reference, tag], options);
}

/** Builds with the classic builder, which pulls nothing and needs no frontend. Nothing but the image is left. */
export async function buildImage(
  { hash, reference }: Recipe,
  context: string,
  options: ToolOptions,
  progress: Progress,
): Promise<void> {
  let step = '';
  using _task = progress.task('docker', (elapsed) => `node image: docker build${step}, ${elapsed}`);
  const onOutput = (line: string): void => {
    const [, at, of] = /^Step (\d+)\/(\d+)/.exec(line) ?? [];
    if (at !== undefined) step = `: step ${at} of ${of}`;
  };
  const args = ['build', '--network', 'none', '--force-rm', '--build-arg', `hash=${hash}`, '--tag', reference, context];
  try {
    await demand(args, options, { DOCKER_BUILDKIT: '0' }, onOutput);
  } finally {
    await sweepImages(options, options.signal.aborted ? 10_000 : 0);
  }
}

/** Removes images without a name that builds left; the daemon may need some time to give one free. */
export async function sweepImages(options: ToolOptions, patienceMs: number): Promise<void> {
  const unhurried = { ...options, signal: AbortSignal.timeout(patienceMs + 30_000) };
  const end = performance.now() + patienceMs;
  for (;;) {
    const filters = ['--filter', 'dangling=true', '--filter', `label=${label}`];
    const { stdout } = await ask(['image', 'ls', '--quiet', '--no-trunc', ...filters], unhurried);
    const left = stdout.split('\n').filter((id) => id !== '');
    if (left.length > 0) await ask(['image', 'rm', ...left], unhurried);
    if (performance.now() >= end) return;
    await setTimeout(500);
  }
}

async function ask(
  args: readonly string[],
  { env, path, signal }: ToolOptions,
  more: Command['env'] = {},
  onOutput?: Command['onOutput'],
): Promise<Ended> {
  const heard = onOutput === undefined ? {} : { onOutput };
  return await run({ program: 'docker', args, env: { ...env, PATH: path, ...more }, signal, ...heard });
}

async function demand(
  args: readonly string[],
  options: ToolOptions,
  more: Command['env'] = {},
  onOutput?: Command['onOutput'],
): Promise<string> {
  const { exitCode, stdout, lastLines } = await ask(args, options, more, onOutput);
  if (exitCode === 0) return stdout;
  const said = onOutput === undefined ? [] : stdout.trimEnd().split('\n').slice(-20);
  throw new ToolError(`docker ${args[0]} failed`, {
    command: pasteable({ program: 'docker', args }, more),
    lastLines: [...said, ...lastLines],
    ...(exitCode === undefined ? {} : { exitCode }),
  });
}
