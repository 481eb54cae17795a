import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kindCli } from '../../harness/cluster/kind/cli.ts';
import { kindConfiguration } from '../../harness/cluster/kind/config.ts';
import { groundOf, machinesOf } from '../../harness/cluster/kind/machines.ts';
import { readShape } from '../../harness/cluster/kind/shape.ts';
import { docker } from '../../harness/docker.ts';
import { type KindClusterSpec, type KindGround, kindSpec } from './kind-ground.ts';

/** A kind cluster that no run of ordeal made, in a network of its own. Files go below `root`. */
export async function createUsersCluster(
  { program, image }: KindGround,
  { name, root, spec = kindSpec() }: { readonly name: string; readonly root: string; readonly spec?: KindClusterSpec },
): Promise<void> {
  const { signal } = new AbortController();
  const folder = mkdtempSync(join(root, 'user-'));
  // What a user made has no mark: the front sets it, and this takes it off again.
  const bin = join(folder, 'unmarking');
  mkdirSync(bin);
  const real = execFileSync('sh', ['-c', 'command -v docker'], { encoding: 'utf8' }).trim();
  const script = `#!/bin/bash\nargs=()\nwhile [ $# -gt 0 ]; do\n  case "\${2:-}" in ordeal.mark=*) shift 2; continue ;; esac\n  args+=("$1"); shift\ndone\nexec '${real}' "\${args[@]}"\n`;
  writeFileSync(join(bin, 'docker'), script, { mode: 0o755 });
  const config = join(folder, 'user.json');
  const ground = await groundOf(image.reference, process.env, signal);
  writeFileSync(config, JSON.stringify(kindConfiguration(await readShape(spec.kind.shape), spec, ground)));
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
  const args = ['create', 'cluster', '--name', name, '--image', image.reference, '--config', config];
  args.push('--kubeconfig', join(folder, 'user.kubeconfig'));
  const cli = { program, folder, mark: '0'.repeat(16), env };
  await kindCli(cli, args, { signal, timeout: 150_000, settings: { KIND_EXPERIMENTAL_DOCKER_NETWORK: name } });
}

export async function deleteUsersCluster(name: string): Promise<void> {
  const left = (await machinesOf(name, process.env)).map(({ container }) => container);
  if (left.length > 0) await docker(['rm', '-fv', ...left]);
  if ((await docker(['network', 'ls', '-q', '--filter', `name=^${name}$`])) !== '')
    await docker(['network', 'rm', name]);
}
