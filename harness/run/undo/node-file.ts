import type { NodeRef } from '../../model.ts';
import type { Clients } from '../../node/exec.ts';
import { onNode } from './on-node.ts';

export function removeNodeFile(node: NodeRef, path: string, mark: string, clients: Clients): Promise<void> {
  // To give gigabytes back takes the file system a while.
  return onNode(node, mark, clients, async (run) => {
    await run(`${path} cannot be removed`, ['sh', '-c', 'rm -f -- "$1" && [ ! -e "$1" ]', 'sh', path], 120_000);
  });
}
