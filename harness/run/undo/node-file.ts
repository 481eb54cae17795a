import type { Debt } from '../../model.ts';
import type { Clients } from '../../node/exec.ts';
import { onNode } from './on-node.ts';

/** `$1` path. The timer of the same name goes first, so that none is left to fire into what follows. */
const remove = `systemctl stop "\${1##*/}.timer" 2>/dev/null
rm -f -- "$1" && [ ! -e "$1" ]`;

export function removeNodeFile(debt: Extract<Debt, { undo: 'remove-node-file' }>, clients: Clients): Promise<void> {
  const { path } = debt;
  // To give gigabytes back takes the file system a while.
  return onNode(debt, clients, async (run) => {
    await run(`${path} cannot be removed`, ['sh', '-c', remove, 'sh', path], 120_000);
  });
}
