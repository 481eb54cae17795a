import type { Debt } from '../model.ts';
import type { Clients } from '../node/exec.ts';
import { closeBooks } from './undo/close-books.ts';
import { powerOn, restoreMemory, thaw } from './undo/container.ts';
import { removeContainers, removeNetwork } from './undo/containers.ts';
import { requireDebt } from './undo/debt.ts';
import { endProcesses, removeCgroup, removeFolder } from './undo/host.ts';
import { liftIoLimit } from './undo/io.ts';
import { deleteLabelled } from './undo/labelled.ts';
import { restoreLink } from './undo/link.ts';
import { uncordonNode } from './undo/node.ts';
import { removeNodeFile } from './undo/node-file.ts';
import { deleteObject } from './undo/object.ts';
import { resumeProcess } from './undo/process.ts';
import { startUnit } from './undo/unit.ts';

/** `folder` is the run's, absolute: what a debt removes on this host lies below it. */
export interface Payer extends Clients {
  readonly folder?: string;
}

/**
 * Pays one debt. Idempotent, safe after a half-done deed and beside somebody else who pays it; throws when the world is not as owed
 * afterwards. What is gone (a container, a network, an object) is paid.
 */
export async function undo(given: Debt, { folder, ...clients }: Payer = {}): Promise<void> {
  const debt = requireDebt(given);
  switch (debt.undo) {
    case 'end-processes':
      return endProcesses(debt.mark);
    case 'resume-process':
      return resumeProcess(debt);
    case 'remove-folder':
      return removeFolder(debt.path, debt.mark, folder);
    case 'remove-cgroup':
      return removeCgroup(debt.path, debt.mark);
    case 'remove-containers':
      return removeContainers(debt, clients);
    case 'remove-network':
      return removeNetwork(debt, clients);
    case 'thaw-node':
      return thaw(debt, clients);
    case 'power-on-node':
      return powerOn(debt, clients);
    case 'restore-node-memory':
      return restoreMemory(debt, clients);
    case 'start-unit':
      return startUnit(debt, clients);
    case 'lift-io-limit':
      return liftIoLimit(debt, clients);
    case 'remove-node-file':
      return removeNodeFile(debt, clients);
    case 'delete-object':
      return deleteObject(debt, { ...clients, ...(folder !== undefined && { folder }) });
    case 'uncordon-node':
      return uncordonNode(debt, folder);
    case 'delete-labelled':
      return deleteLabelled(debt);
    case 'close-books':
      return closeBooks(debt);
    case 'restore-link':
      return restoreLink(debt, folder);
    default:
      throw new Error(`unknown kind of debt: ${JSON.stringify(debt satisfies never)}`);
  }
}
