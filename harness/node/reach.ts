import { fullId } from '../docker.ts';
import { type Executed, type NodeRef, RefusedError, ToolError } from '../model.ts';
import { lastLinesOf, pasteable } from '../program.ts';

/** How a command gets onto a node. */
export interface Reach {
  readonly program: string;
  readonly args: readonly string[];
  /** Whether it was the node that could not be reached, and not the command that failed. */
  unreached(done: Executed): boolean;
}

export function reachOf(ref: NodeRef, command: readonly string[], stdin: boolean, kubectl = 'kubectl'): Reach {
  const open = stdin ? ['-i'] : [];
  if (ref.via === 'docker') {
    if (!fullId.test(ref.container)) throw new RefusedError(`not a container's full id: ${ref.container}`);
    return { program: 'docker', args: ['exec', ...open, ref.container, ...command], unreached: unreachedByDocker };
  }
  return {
    program: kubectl,
    args: [...kubectlTo(ref), '-n', ref.namespace, 'exec', ...open, ref.pod, '--', ...enterNode, ...command],
    unreached: ({ exitCode, stderr }) => exitCode !== 0 && !ended.test(stderr),
  };
}

/** From a pod with `hostPID` into the node itself. */
const enterNode = ['nsenter', '-t', '1', '-m', '-u', '-i', '-n', '-p', '--'];

/** The identity is the named context's, whatever the current one. */
export function kubectlTo(ref: { readonly kubeconfig: string; readonly context: string }): readonly string[] {
  return ['--kubeconfig', ref.kubeconfig, '--context', ref.context];
}

/** kubectl's last line when the command itself failed on the node. */
const ended = /^command terminated with exit code \d+\n?$/m;

/** Without the client's own words: what the command said. */
export function asSaid(ref: NodeRef, done: Executed): Executed {
  return ref.via === 'pod' ? { ...done, stderr: done.stderr.replace(ended, '') } : done;
}

/** Docker's client and daemon have no exit codes of their own: they are told from the command by what they say. */
function unreachedByDocker({ exitCode, stdout, stderr }: Executed): boolean {
  if (exitCode === 0) return false;
  return (
    /^(Error response from daemon|Error: No such|Cannot connect to the Docker daemon|error during connect)/m.test(
      stderr,
    ) || /^OCI runtime exec failed/m.test(`${stdout}\n${stderr}`)
  );
}

/** Throws when the node was not reached. */
export function refuseUnreached(reach: Reach, done: Executed): void {
  if (!reach.unreached(done)) return;
  throw new ToolError('the node cannot be reached', {
    command: pasteable(reach.program, reach.args),
    exitCode: done.exitCode,
    lastLines: lastLinesOf(done.stderr || done.stdout),
  });
}
