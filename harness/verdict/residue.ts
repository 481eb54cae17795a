import type { Difference, JournalEvent, Residue } from '../model.ts';

/**
 * What the journal says of a cluster that was to be left as it was; undefined where the run had one of its own. Whoever looked before and
 * not afterwards, or could not, left it dirty.
 */
export function residueOf(events: readonly JournalEvent[]): Residue | undefined {
  const before = events.find((event) => event.kind === 'snapshot');
  const after = events.findLast((event) => event.kind === 'residue');
  if (before === undefined && after === undefined) return undefined;
  const { objects = 0, kinds = 0, nodes = 0, unread = [] } = before ?? {};
  const blank = { objects, kinds, nodes, unread, differences: [], more: 0, dirty: true };
  if (after === undefined) return { ...blank, failed: 'the run was cut short before anybody looked' };
  if ('failed' in after) return { ...blank, failed: after.failed };
  const differences = listOf<Difference>(after.differences);
  return {
    ...{ objects: after.objects, kinds: after.kinds, nodes: after.nodes, more: after.more },
    unread: [...new Set([...listOf<string>(unread), ...listOf<string>(after.unread)])],
    differences,
    dirty: differences.some(({ ours }) => ours !== undefined),
  };
}

const listOf = <T>(value: unknown): readonly T[] => (Array.isArray(value) ? value : []);
