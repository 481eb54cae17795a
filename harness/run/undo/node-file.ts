import type { Debt } from '../../model.ts';
import type { Clients } from '../../node/exec.ts';
import { onNode } from './on-node.ts';

export function removeNodeFile(debt: Extract<Debt, { undo: 'remove-node-file' }>, clients: Clients): Promise<void> {
  const { path } = debt;
  // To give gigabytes back takes the file system a while.
  return onNode(debt, clients, async (run) => {
    await run(`${path} cannot be removed`, ['sh', '-c', 'rm -f -- "$1" && [ ! -e "$1" ]', 'sh', path], 120_000);
  });
}
