import { docker } from '../../docker.ts';
import type { Environment } from './cli.ts';

/** A container of a kind cluster. */
export interface Machine {
  /** Full id. */
  readonly container: string;
  readonly name: string;
  readonly role: 'control-plane' | 'worker';
  /** Of the run of ordeal that made it; empty when none did. */
  readonly mark: string;
}

/** The nodes of a kind cluster, running or not: control planes first, then by name. Throws `ToolError`. */
export async function machinesOf(cluster: string, env: Environment, signal?: AbortSignal): Promise<Machine[]> {
  const labels = ['io.x-k8s.kind.role', 'ordeal.mark'].map((label) => `{{.Label "${label}"}}`);
  const format = ['{{.ID}}', '{{.Names}}', ...labels].join('\t');
  const filter = `label=io.x-k8s.kind.cluster=${cluster}`;
  const args = ['ps', '--all', '--no-trunc', '--filter', filter, '--format', format];
  const said = await docker(args, { env, ...(signal && { signal }) });
  return said
    .split('\n')
    .flatMap((line) => {
      const [container = '', name = '', role = '', mark = ''] = line.split('\t');
      // A cluster with several control planes has a load balancer too: not a node.
      return role === 'control-plane' || role === 'worker' ? [{ container, name, role, mark } as const] : [];
    })
    .sort(
      (one, other) => one.role.localeCompare(other.role) || one.name.localeCompare(other.name, 'en', { numeric: true }),
    );
}

/** What the docker daemon and the node image are, as far as kind's configuration depends on it. */
export async function groundOf(image: string, env: Environment, signal: AbortSignal) {
  const [version, entrypoint] = await Promise.all([
    docker(['info', '--format', '{{.CgroupVersion}}'], { env, signal }),
    // An image that is not there yet is one that kind pulls: not ours.
    (image === '' ? Promise.resolve('') : docker(['image', 'ls', '--quiet', image], { env, signal })).then((id) =>
      id.trim() === ''
        ? ''
        : docker(['image', 'inspect', '--format', '{{json .Config.Entrypoint}}', image], { env, signal }),
    ),
  ]);
  return { cgroup: version.trim() === '2' ? 2 : 1, ours: entrypoint.includes('/kind/bin/entrypoint') } as const;
}
