import type { Difference } from '../model.ts';
import { isOrdeals } from './by-itself.ts';
import { EVERYTHING, type Sight, type Snapshot, type Thing } from './snapshot.ts';

/** By what a difference is told to be the run's own. */
export interface Whose {
  readonly mark: string;
  /** Names of nodes and of objects that the run did something to, or owed to. */
  readonly touched: ReadonlySet<string>;
}

/**
 * Everything that is not as it was, one line each. Ours is what carries the run's mark, what ordeal itself wrote since, whatever of a thing
 * or a node that the run touched, and what could be read before and cannot be now. The rest is somebody else's, or ours unseen.
 */
export function differences(before: Snapshot, after: Snapshot, whose: Whose): readonly Difference[] {
  const names = [...new Set([...Object.keys(before.nodes), ...Object.keys(after.nodes)])].sort();
  const gone: Sight = { things: {}, unread: { [EVERYTHING]: 'it is no longer among the nodes' } };
  const nothing: Sight = { things: {}, unread: {} };
  return [
    ...inPlace(before.api, after.api, undefined, whose),
    ...names.flatMap((name) => inPlace(before.nodes[name] ?? nothing, after.nodes[name] ?? gone, name, whose)),
  ];
}

function inPlace(before: Sight, after: Sight, node: string | undefined, whose: Whose): Difference[] {
  const place = node === undefined ? {} : { node };
  const found: Difference[] = Object.entries(after.unread)
    .filter(([kind]) => !unreadIn(before, kind))
    .map(([kind, why]) => {
      return { ...place, kind, name: '', was: 'could be read', is: `cannot be compared: ${why}`, ours: 'unreadable' };
    });
  if (after.unread[EVERYTHING] !== undefined || before.unread[EVERYTHING] !== undefined) return found;
  const kinds = [...new Set([...Object.keys(before.things), ...Object.keys(after.things)])].sort();
  for (const kind of kinds) {
    if (unreadIn(before, kind) || unreadIn(after, kind)) continue;
    const [old, now] = [before.things[kind] ?? {}, after.things[kind] ?? {}];
    for (const name of [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()) {
      for (const one of ofThing(old[name], now[name])) {
        const difference = { ...place, kind, name, ...one };
        const ours = whyOurs(difference, old[name], now[name], whose);
        if (ours === undefined && one.what === undefined && (old[name] ?? now[name])?.owned) continue;
        if (ours === undefined && node === undefined && isOrdeals(kind, name)) continue;
        found.push({ ...difference, ...(ours !== undefined && { ours }) });
      }
    }
  }
  return found;
}

/** A group that does not say what it has hides its kinds. */
function unreadIn({ unread }: Sight, kind: string): boolean {
  const group = kind.includes('.') ? kind.slice(kind.indexOf('.') + 1) : 'core';
  return unread[kind] !== undefined || unread[`group ${group}`] !== undefined || unread[EVERYTHING] !== undefined;
}

type Change = Pick<Difference, 'what' | 'was' | 'is'>;

const ABSENT = 'absent';

function ofThing(old: Thing | undefined, now: Thing | undefined): Change[] {
  if (old === undefined) return [{ was: ABSENT, is: summed(now) }];
  if (now === undefined) return [{ was: summed(old), is: ABSENT }];
  if (old.facts['uid'] !== now.facts['uid']) return [{ was: 'there', is: 'another one of that name' }];
  return [...new Set([...Object.keys(old.facts), ...Object.keys(now.facts)])].sort().flatMap((what) => {
    const [was = ABSENT, is = ABSENT] = [old.facts[what], now.facts[what]];
    if (was === is) return [];
    const hidden = (value: string) => /^(annotation |spec$)/.test(what) && digest.test(value);
    const another = hidden(was) && hidden(is);
    const shown = (value: string) => (hidden(value) ? 'set' : value);
    return [{ ...(what !== 'is' && { what }), was: shown(was), is: another ? 'another' : shown(is) }];
  });
}

const digest = /^[0-9a-f]{16}$/;

function summed(thing: Thing | undefined): string {
  return thing?.facts['is'] ?? (thing?.facts['deletion'] === undefined ? 'there' : thing.facts['deletion']);
}

function whyOurs(
  { node, kind, name, what = '', was, is }: Difference,
  old: Thing | undefined,
  now: Thing | undefined,
  { mark, touched }: Whose,
): Difference['ours'] {
  const texts = [name, what, was, is, ...Object.entries((now ?? old)?.facts ?? {}).flat()];
  if (texts.some((text) => text.includes(mark))) return 'mark';
  // On a node, what has ordeal's name and the mark of no other run.
  if (node !== undefined && texts.some((text) => /\bordeal\b/.test(text) && !/[0-9a-f]{16}/.test(text))) return 'mark';
  if (node === undefined && isOrdeals(kind, name)) return undefined;
  if (now?.writers?.some((writer) => !old?.writers?.includes(writer))) return 'written';
  return touched.has(node ?? name) ? 'touched' : undefined;
}
