import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '../../model.ts';
import { type Command, pasteable, run } from '../command.ts';
import type { Progress } from '../progress.ts';
import type { ToolOptions } from '../tools.ts';
import { packages, suite } from './recipe.ts';

export const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** What a node never reads. */
const left = ['./dev/*', './proc/*', './sys/*', './var/cache/apt/*', './var/lib/apt/lists/*', './var/log/*'];
const unread = ['doc', 'man', 'locale', 'info'].map((name) => `./usr/share/${name}/*`);

/** Makes the node's Debian in `folder` (absent before) from signed packages. Needs root. Rejects with ToolError. */
export async function makeRootfs(folder: string, options: ToolOptions, progress: Progress): Promise<void> {
  const start = performance.now();
  const mirror = await mirrorOf(options);
  const unpacked = new Set<string>();
  const configured = new Set<string>();
  using _task = progress.task('rootfs', (elapsed) => {
    const how = configured.size > 0 ? `${configured.size} packages configured` : `${unpacked.size} packages unpacked`;
    return `node image: Debian ${suite} from ${new URL(mirror).host}: ${how}, ${elapsed}`;
  });
  const bootstrap = ['--variant=minbase', '--force-check-gpg', `--keyring=${keyring}`];
  const include = `--include=${packages.join(',')}`;
  await demand(
    {
      // A mount namespace of its own: what debootstrap mounts into the folder is gone however it ends.
      program: 'unshare',
      args: ['--mount', 'debootstrap', ...bootstrap, include, suite, folder, mirror],
      onOutput: (line) => {
        const [, verb, name = ''] = /^I: (Unpacking|Configuring) (\S+?)\.*$/.exec(line) ?? [];
        if (verb === 'Unpacking') unpacked.add(name);
        if (verb === 'Configuring') configured.add(name);
      },
    },
    options,
    'the root file system of the node could not be made',
    join(folder, 'debootstrap', 'debootstrap.log'),
  );
  progress.news(`node image: Debian ${suite} made in ${Math.round((performance.now() - start) / 1000)}s`);
}

export async function packRootfs(folder: string, archive: string, options: ToolOptions): Promise<void> {
  const excluded = [...left, ...unread].map((pattern) => `--exclude=${pattern}`);
  const args = ['-C', folder, '--numeric-owner', ...excluded, '-cf', archive, '.'];
  await demand({ program: 'tar', args }, options, 'the root file system of the node could not be packed');
}

/** Files that the loader maps when these programs start, as paths inside the root file system. */
export async function libraries(folder: string, files: readonly string[], options: ToolOptions): Promise<string[]> {
  const args = [folder, 'ldd', ...files];
  const told = await demand({ program: 'chroot', args }, options, 'shared libraries could not be found');
  return [...new Set([...told.matchAll(/(\/\S+\.so\S*) \(0x/g)].map(([, path]) => path ?? ''))].sort();
}

/** Where links lead inside the root file system: an absolute one must not lead to this machine's files. */
export async function realPaths(folder: string, files: readonly string[], options: ToolOptions): Promise<string[]> {
  const args = [folder, 'realpath', '--', ...files];
  const told = await demand({ program: 'chroot', args }, options, 'links could not be followed');
  return told.trimEnd().split('\n');
}

/** Where apt gets Debian from on this machine; Debian's own address on one that is not Debian. */
async function mirrorOf({ env, path, signal }: ToolOptions): Promise<string> {
  const args = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', 'Label: Debian'];
  const { stdout } = await run({ program: 'apt-get', args, env: { ...env, PATH: path }, signal });
  const [first = ''] = stdout.split('\n');
  return /^https?:/.test(first) ? first : 'http://deb.debian.org/debian';
}

async function demand(
  command: Pick<Command, 'program' | 'args' | 'onOutput'>,
  { env, path, signal }: ToolOptions,
  message: string,
  log?: string,
): Promise<string> {
  const ended = await run({ ...command, env: { ...env, PATH: path, LC_ALL: 'C.UTF-8' }, signal });
  if (ended.exitCode === 0) return ended.stdout;
  const { exitCode, lastLines } = ended;
  throw new ToolError(message, {
    command: pasteable(command),
    lastLines: [...lastLines, ...(log === undefined ? [] : await tail(log))],
    ...(exitCode === undefined ? {} : { exitCode }),
  });
}

async function tail(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).trimEnd().split('\n').slice(-10);
  } catch (error) {
    return [`${file}: ${(error as Error).message}`];
  }
}
