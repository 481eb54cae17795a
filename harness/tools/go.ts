import { mkdir, readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { constrainedMemory } from 'node:process';
import { ToolError } from '../model.ts';
import { type Command, type Ended, pasteable, run } from './command.ts';
import { isProgram, onPath } from './find.ts';
import { type GoModule, generate, modulesFolder } from './module.ts';
import type { Progress } from './progress.ts';
import type { ToolOptions } from './tools.ts';
import type { Program } from './wanted.ts';

const neededMinor = 26;

export interface Go {
  readonly program: string;
  readonly version: string;
}

/** Go on PATH, if it is new enough or may fetch a newer one itself; else why not. */
export async function findGo(options: ToolOptions): Promise<{ readonly go?: Go; readonly why: string }> {
  const { env, path, signal } = options;
  for (const program of onPath('go', path)) {
    if (!(await isProgram(program))) continue;
    const cwd = modulesFolder();
    const local = { ...env, PATH: path, GOTOOLCHAIN: 'local' };
    const ended = await run({ program, args: ['version'], cwd, env: local, signal });
    const [version = '', minor = '0'] = /go1\.(\d+)\S*/.exec(ended.stdout) ?? [];
    if (Number(minor) >= neededMinor) return { go: { program, version }, why: '' };
    if (version === '') return { why: `${program} does not tell its version` };
    const chain = await run({ program, args: ['env', 'GOTOOLCHAIN'], cwd, env: { ...env, PATH: path }, signal });
    const fetches = Number(minor) >= 21 && !['local', 'path', ''].includes(chain.stdout.trim());
    if (fetches) return { go: { program, version }, why: '' };
    return { why: `${program} is ${version}, older than 1.${neededMinor}` };
  }
  return { why: 'Go is not on PATH' };
}

/** A module made ready: its folder, its packages known, all it needs downloaded. */
export interface Ready {
  readonly cwd: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Import paths of everything that is compiled into the wanted programs. */
  readonly packages: ReadonlySet<string>;
}

/** Downloads what the module needs for `wanted`; `work` is a scratch folder. Rejects with ToolError. */
export async function fetchModules(
  module: GoModule,
  wanted: readonly Program[],
  go: Go,
  work: string,
  options: ToolOptions,
  progress: Progress,
): Promise<Ready> {
  const tmp = join(work, 'tmp');
  await mkdir(tmp, { recursive: true });
  const generous = Math.min(totalmem(), constrainedMemory() || Number.POSITIVE_INFINITY) >= 8 * 2 ** 30;
  const tags = module.tags.length === 0 ? '' : ` -tags=${module.tags.join(',')}`;
  const settings = {
    CGO_ENABLED: module.cgo ? '1' : '0',
    GOFLAGS: `-mod=${module.folder === undefined ? 'mod' : 'readonly'} -buildvcs=false${tags}`,
    GOWORK: 'off',
    // Go's own work folder is removed with ours, however go ends.
    GOTMPDIR: tmp,
    ...(generous && options.env['GOGC'] === undefined ? { GOGC: '400' } : {}),
  };
  const label = `for ${names(wanted)}`;
  let fetched = 0;
  using _task = progress.task(module.id, (elapsed) => {
    const of = module.size === 0 ? '' : ` of at most ${module.size}`;
    return fetched === 0
      ? `reading Go modules ${label}, ${elapsed}`
      : `downloading Go modules ${label}: ${fetched}${of}, ${elapsed}`;
  });
  const onLine = (line: string): boolean => {
    const downloading = line.startsWith('go: downloading ');
    if (downloading) fetched++;
    return downloading || line.startsWith('go: finding ') || line.startsWith('go: found ');
  };
  const ask = async (args: readonly string[], cwd: string): Promise<string> => {
    const command = { program: go.program, args, cwd, onLine };
    const ended = await run({
      ...command,
      env: { ...options.env, PATH: options.path, ...settings },
      signal: options.signal,
    });
    return demand(ended, command, settings, `the Go modules ${label} could not be had`).stdout;
  };
  const cwd = module.folder ?? work;
  if (module.folder === undefined) {
    const kubernetes = wanted.find(({ entry }) => entry.family === 'kubernetes');
    let mod = '';
    if (kubernetes !== undefined) {
      const told = await ask(['mod', 'download', '-json', `k8s.io/kubernetes@v${kubernetes.version}`], work);
      mod = await readFile((JSON.parse(told) as { GoMod: string }).GoMod, 'utf8');
    }
    await generate(work, wanted, mod);
  }
  const listed = await ask(['list', '-deps', ...wanted.map(({ entry }) => entry.goPackage)], cwd);
  return { cwd, settings, packages: new Set(listed.split('\n').filter((line) => line !== '')) };
}

/** Compiles all wanted programs in one go. Resolves with where each lies, in the order wanted. Rejects with ToolError. */
export async function build(
  module: GoModule,
  wanted: readonly Program[],
  go: Go,
  { cwd, settings, packages }: Ready,
  work: string,
  options: ToolOptions,
  progress: Progress,
): Promise<string[]> {
  const out = `${join(work, 'out')}/`;
  const flags = ['-v', '-trimpath', '-gcflags=all=-dwarf=false', '-ldflags', module.ldflags, '-o', out];
  const args = ['build', ...flags, ...wanted.map(({ entry }) => entry.goPackage)];
  let compiled = 0;
  using _task = progress.task(module.id, (elapsed) => {
    return `building ${names(wanted)}: ${compiled} of at most ${packages.size} packages, ${elapsed}`;
  });
  const onLine = (line: string): boolean => {
    const known = packages.has(line);
    if (known) compiled++;
    return known || line.startsWith('go: downloading ');
  };
  const command: Command = {
    program: go.program,
    args,
    cwd,
    env: { ...options.env, PATH: options.path, ...settings },
    signal: options.signal,
    onLine,
  };
  demand(await run(command), command, settings, `building ${names(wanted)} failed`);
  // Go names a program after its package: etcd's is called server.
  return wanted.map(({ entry }) =>
    join(
      out,
      entry.goPackage
        .replace(/\/v\d+$/, '')
        .split('/')
        .at(-1) ?? '',
    ),
  );
}

/** As a line of progress has room for: `etcd, etcdctl, k6 and 4 more`. */
export function names(wanted: readonly Program[]): string {
  const all = wanted.map(({ name, version, exact }) => (exact ? `${name} ${version}` : name));
  return all.length <= 5 ? all.join(', ') : `${all.slice(0, 4).join(', ')} and ${all.length - 4} more`;
}

function demand(
  ended: Ended,
  command: Pick<Command, 'program' | 'args' | 'cwd'>,
  settings: Ready['settings'],
  message: string,
): Ended {
  if (ended.exitCode === 0) return ended;
  // The scratch folder is gone when a person pastes this.
  const { GOTMPDIR: _, ...paste } = settings;
  const { exitCode, lastLines } = ended;
  throw new ToolError(message, {
    command: pasteable(command, paste),
    lastLines,
    ...(exitCode === undefined ? {} : { exitCode }),
  });
}
