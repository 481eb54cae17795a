import { type Node, ToolError } from '../model.ts';

/**
 * Why a node cannot answer, by something other than the node: docker says that its container is paused or not running, or its
 * control group is frozen. Undefined: nothing outside explains it.
 */
export async function whyNot(node: Node, error?: unknown): Promise<string | undefined> {
  const told = saidByDocker(error);
  if (told) return `${node.name} ${told}`;
  if (!node.outside) return undefined;
  try {
    const files = await node.readCgroup(['freezer.state', 'cgroup.events']);
    const frozen =
      /^FROZEN/m.test(files.get('freezer.state') ?? '') || /^frozen 1$/m.test(files.get('cgroup.events') ?? '');
    return frozen ? `${node.name} is paused (its control group is frozen)` : undefined;
  } catch (failure) {
    if (!(failure instanceof ToolError)) throw failure;
    const why = saidByDocker(failure);
    return why && `${node.name} ${why}`;
  }
}

function saidByDocker(error: unknown): string | undefined {
  if (!(error instanceof ToolError)) return undefined;
  const said = error.lastLines.join('\n');
  if (/^Error response from daemon: .*\bis paused\b/m.test(said)) return 'is paused (docker)';
  if (/^Error response from daemon: No such container/m.test(said)) return 'is gone: docker has no such container';
  if (/^Error response from daemon: .*\bis not running\b/m.test(said))
    return 'is off: its container is not running (docker)';
  return undefined;
}
