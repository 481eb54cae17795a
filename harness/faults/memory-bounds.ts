import type { NodeMemory } from './node-memory.ts';
import { inMiB } from './parameter.ts';

const MiB = 1024 ** 2;
/** A node with less than this cannot run a kubelet. */
const leastNode = 64 * MiB;
/** What the host keeps for itself. */
const hostReserve = 2 * 1024 * MiB;

/** Why a node must not be given so little or so much memory. */
export function refuseLimit(bytes: number, { node, has }: NodeMemory): string | undefined {
  if (bytes < leastNode) return `${inMiB(bytes)} are less than any node needs; expected ${inMiB(leastNode)} or more`;
  if (bytes > has) return `${inMiB(bytes)} are more than ${node} has (${inMiB(has)})`;
  return undefined;
}

/**
 * Why hogs of so many bytes must not be let loose: they would harm the host, not the nodes. `beside`: what others take in the same
 * phase, on one node and in all.
 */
export function refuseHogs(
  each: number,
  pods: number,
  nodes: readonly NodeMemory[],
  beside = { aNode: 0, inAll: 0 },
): string | undefined {
  const onNode = each * pods + beside.aNode;
  for (const { node, limit, has, available } of nodes) {
    if (each > has) return `one hog of ${inMiB(each)} is more than ${node} has (${inMiB(has)})`;
    if (limit === undefined && onNode >= available / 4)
      return (
        `${node} has no memory limit of its own, and ${inMiB(onNode)} are a quarter or more of the ` +
        `${inMiB(available)} that its machine has to spare; limit the node first`
      );
  }
  const all = each * pods * nodes.length + beside.inAll;
  const spare = Math.min(...nodes.map(({ available }) => available)) - hostReserve;
  if (all > spare)
    return `${inMiB(all)} in all are more than the host can give (${inMiB(Math.max(spare, 0))}, ${inMiB(hostReserve)} kept)`;
  return undefined;
}
