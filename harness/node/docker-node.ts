import { fullId, tryDocker } from '../docker.ts';
import { type Node, type NodeRef, RefusedError } from '../model.ts';
import { type Clients, execOn } from './exec.ts';
import { readByExec, readCgroupByExec } from './files.ts';
import { followOn } from './follow.ts';
import { hostSide } from './host-side.ts';

export interface DockerNodeOptions extends Pick<Clients, 'env'> {
  readonly name: string;
  readonly role: Node['role'];
  /** Full id. */
  readonly container: string;
}

/** A node that is a container of this host's docker. Its files are read from this side where its processes are visible here. */
export async function dockerNode({ name, role, container, ...clients }: DockerNodeOptions): Promise<Node> {
  if (!fullId.test(container)) throw new RefusedError(`not a container's full id: ${container}`);
  const ref: NodeRef = { via: 'docker', container };
  const exec: Node['exec'] = (command, options) => execOn(ref, command, { ...clients, ...options });
  const outside = hostSide(container, (args) => tryDocker(args, { ...clients, timeout: 10_000 }));
  return {
    name,
    role,
    ref,
    outside: true,
    exec,
    follow: (command, signal) => followOn(ref, command, signal, clients),
    read: async (paths) => (await outside.read(paths)) ?? readByExec(exec, paths),
    readCgroup: async (names) => (await outside.readCgroup(names)) ?? readCgroupByExec(exec, names),
  };
}
