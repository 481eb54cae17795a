import type { Extent } from '../model.ts';

/** One thing that was there, such as an object, a mount or a rule. */
export interface Thing {
  /** By aspect (`label app`, `taint key:effect`, `spec`), what it says; never the data of a Secret, and no annotation in clear. */
  readonly facts: Readonly<Record<string, string>>;
  /** Its owner makes and removes it. */
  readonly owned?: true;
  /** Who wrote it, each with the moment of the last time: `ordeal (ordeal:harness) 2026-01-01T00:00:00Z`. */
  readonly writers?: readonly string[];
}

/** Everything that was seen in one place, by kind and name. */
export interface Sight {
  readonly things: Readonly<Record<string, Readonly<Record<string, Thing>>>>;
  /** By kind, why it could not be read; `everything` where nothing could. */
  readonly unread: Readonly<Record<string, string>>;
}

/** What a cluster was like at a moment, plain enough for a file. */
export interface Snapshot {
  readonly api: Sight;
  /** By the node's name, of nodes that can be reached. */
  readonly nodes: Readonly<Record<string, Sight>>;
}

export const EVERYTHING = 'everything';

/** How much was looked at: objects and kinds of the API, nodes. */
export function extentOf({ api, nodes }: Snapshot): Extent {
  const kinds = Object.values(api.things);
  const read = Object.values(nodes).filter(({ unread }) => unread[EVERYTHING] === undefined);
  return {
    objects: kinds.reduce((sum, things) => sum + Object.keys(things).length, 0),
    kinds: kinds.length,
    nodes: read.length,
  };
}

/** What could not be read, a line each. */
export function unreadOf({ api, nodes }: Snapshot): string[] {
  const of = (where: string, { unread }: Sight) =>
    Object.entries(unread).map(([kind, why]) => `${where}${kind}: ${why}`);
  return [...of('', api), ...Object.entries(nodes).flatMap(([name, sight]) => of(`node ${name}: `, sight))].sort();
}

/** Without what the run itself had made by then, to be there at all: it carries the mark, and goes. */
export function withoutMarked({ api, nodes }: Snapshot, mark: string): Snapshot {
  const of = ({ things, unread }: Sight): Sight => {
    const kept = Object.entries(things).map(([kind, all]) => {
      return [kind, Object.fromEntries(Object.entries(all).filter((entry) => !isMarked(entry, mark)))] as const;
    });
    return { things: Object.fromEntries(kept), unread };
  };
  return { api: of(api), nodes: Object.fromEntries(Object.entries(nodes).map(([name, sight]) => [name, of(sight)])) };
}

const isMarked = ([name, { facts }]: readonly [string, Thing], mark: string): boolean =>
  [name, ...Object.entries(facts).flat()].some((text) => text.includes(mark));
