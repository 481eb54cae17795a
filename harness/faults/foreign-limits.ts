import { type Node, RefusedError } from '../model.ts';
import { ask } from './unit.ts';

/** `$1` device. Prints what is limited, a control group's file a line; groups come and go meanwhile. */
const LOOK = `find /sys/fs/cgroup \\( -name 'blkio.throttle.*_device' -o -name io.max \\) -exec grep -ls "^$1 " {} + 2>/dev/null
exit 0`;

/** Throws `RefusedError` where block IO of the device is limited on the node already: the undo would lift that too. */
export async function refuseForeignLimits(node: Node, device: string, signal: AbortSignal): Promise<void> {
  const [file] = (await ask(node, ['sh', '-c', LOOK, 'look', device], signal)).split('\n');
  if (!file) return;
  throw new RefusedError(
    `block IO of ${device} is limited on ${node.name} already (${file}): it could not be told from ours`,
  );
}
