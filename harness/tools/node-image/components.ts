import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ToolError } from '../../model.ts';
import { pasteable, run } from '../command.ts';
import { type Image, writeArchive } from '../oci.ts';
import type { Progress } from '../progress.ts';
import { contentOf, type Member } from '../tar.ts';
import type { ToolOptions } from '../tools.ts';
import { components, kubernetes } from './recipe.ts';
import { libraries, realPaths } from './rootfs.ts';

/** Where each program was put, by name. */
export type Built = ReadonlyMap<string, string>;

/** Writes the archives of the images that kubeadm's manifests name into `folder`. Rejects with ToolError. */
export async function writeComponents(
  folder: string,
  built: Built,
  rootfs: string,
  options: ToolOptions,
  progress: Progress,
): Promise<void> {
  await demandNames(built, options);
  const all = Object.entries(components);
  let done = 0;
  using _task = progress.task(
    'components',
    (elapsed) => `node image: ${done} of ${all.length} component images, ${elapsed}`,
  );
  for (const [name, { reference, program }] of all) {
    const file = built.get(name);
    if (file === undefined) throw new Error(`${name} was not built`);
    const around = name === 'kube-proxy' ? await packetFilters(rootfs, options) : [];
    const members: Member[] = [
      { kind: 'folder', path: 'tmp', mode: 0o1777 },
      ...foldersOf(program),
      ...around,
      { kind: 'file', path: program, content: await contentOf(file), mode: 0o755 },
    ];
    const image: Image = { reference, entrypoint: [`/${program}`], members: once(members) };
    await writeArchive(join(folder, `${name}.tar`), image, options.signal);
    done++;
  }
}

/** kubeadm's manifests name images with versions of its own choosing; a node without a registry must hold just those. */
async function demandNames(built: Built, { env, path, signal }: ToolOptions): Promise<void> {
  const command = {
    program: built.get('kubeadm') ?? 'kubeadm',
    args: ['config', 'images', 'list', '--kubernetes-version', `v${kubernetes}`],
  };
  const ended = await run({ ...command, env: { ...env, PATH: path }, signal });
  const wanted = ended.stdout.split('\n').filter((line) => line !== '');
  const missing = wanted.filter((name) => !Object.values(components).some(({ reference }) => reference === name));
  if (wanted.length > 0 && missing.length === 0) return;
  throw new ToolError(
    `kubeadm ${kubernetes} wants other images than the node gets: ${missing.join(', ') || 'unknown'}`,
    {
      command: pasteable(command),
      lastLines: ended.lastLines,
      ...(ended.exitCode === undefined ? {} : { exitCode: ended.exitCode }),
    },
  );
}

const filters = ['/usr/sbin/xtables-nft-multi', '/usr/sbin/nft', '/usr/sbin/conntrack'];
const iptables = ['iptables', 'ip6tables'].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);

/** What kube-proxy calls, with exactly the libraries that are loaded, also late: iptables opens its extensions itself. */
async function packetFilters(rootfs: string, options: ToolOptions): Promise<Member[]> {
  const [multiarch = ''] = (await readdir(join(rootfs, 'usr', 'lib'))).filter((name) => name.endsWith('-linux-gnu'));
  const extensions = `/usr/lib/${multiarch}/xtables`;
  const names = (await readdir(join(rootfs, extensions))).filter((name) => name.endsWith('.so'));
  const mapped = await libraries(rootfs, [...filters, ...names.map((name) => `${extensions}/${name}`)], options);
  const wanted = [...filters, ...names.map((name) => `${extensions}/${name}`), ...mapped, '/etc/protocols'];
  const real = await realPaths(rootfs, wanted, options);
  const files = await Promise.all(
    wanted.map(async (path, at): Promise<Member[]> => {
      const content = await contentOf(join(rootfs, real[at] ?? path));
      const inside = path.replace(/^\/(?=lib|sbin)/, '/usr/').slice(1);
      return [
        ...foldersOf(inside),
        { kind: 'file', path: inside, content, mode: path.startsWith('/etc') ? 0o644 : 0o755 },
      ];
    }),
  );
  const merged = ['lib', 'lib64', 'sbin'];
  return [
    ...files.flat(),
    ...merged.map((path): Member => ({ kind: 'link', path, target: `usr/${path}` })),
    ...iptables.map((name): Member => ({ kind: 'link', path: `usr/sbin/${name}`, target: 'xtables-nft-multi' })),
  ];
}

/** The folders above a path, outermost first. */
export function foldersOf(path: string): Member[] {
  const parent = dirname(path);
  return parent === '.' ? [] : [...foldersOf(parent), { kind: 'folder', path: parent }];
}

export function once(members: readonly Member[]): Member[] {
  return [...new Map(members.map((member) => [member.path, member])).values()];
}
