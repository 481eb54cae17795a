import type { JournalEvent, Millis, NodeFailure } from '../model.ts';
import { downs } from './downs.ts';
import { type Line, type NodeSigns, nodeSigns, type Put, type Sign, type Signs } from './node-signs.ts';
import { evictions, kills, outOfMemory, type Spell, shortages } from './spells.ts';

/** How spells of one kind are explained: which faults may be behind them, and which lines tell of them. */
interface Family {
  readonly spells: (signs: NodeSigns, all: Signs) => Spell[];
  readonly faults: RegExp;
  /** Lines that may be the first sign. */
  readonly omens: RegExp;
  readonly evidence: RegExp;
}

const memory = /mem|hog|oom|starv/i;
const disk = /disk|fill|\bio\b|throttle/i;
const families: readonly Family[] = [
  {
    spells: downs,
    faults: /./,
    omens: /PLEG|runtime is down|lease|posting node status|deadline exceeded|i\/o timeout|stall|oom|out of memory/i,
    evidence: /./s,
  },
  { spells: kills, faults: memory, omens: outOfMemory, evidence: outOfMemory },
  {
    spells: shortages,
    faults: new RegExp(`${memory.source}|${disk.source}|pid|fork`, 'i'),
    omens: /evict|threshold|reclaim|pressure/i,
    evidence: /evict|threshold|reclaim|pressure|stall|oom|out of memory|no space/i,
  },
  {
    spells: evictions,
    faults: new RegExp(`${memory.source}|${disk.source}|pid|fork`, 'i'),
    omens: /evict|threshold|reclaim/i,
    evidence: /evict|threshold|reclaim|pressure|oom|out of memory|no space/i,
  },
];

/** Signs this long before may belong to it: a node is given up 40 to 50 seconds after its last word. */
const before: Millis = 60_000;
/** Lines arrive a little later than what they tell of. */
const late: Millis = 5_000;
/** A deed may show before it is done and journaled. */
const doing: Millis = 3_000;
/** A node may be back before the undo of its fault has been checked and journaled. */
const undoing: Millis = 10_000;
const mostLines = 12;

/**
 * What went wrong with nodes, put together from what was done to them and what was seen of them; by first sign.
 * Pure; a node that was well all the time yields none. What overlaps and is of one kind is one failure.
 */
export function nodeFailures(events: readonly JournalEvent[]): readonly NodeFailure[] {
  const all = nodeSigns(events);
  const found = [...all.nodes].flatMap(([node, signs]) =>
    families.flatMap((family) => {
      const used = new Set<Put>();
      let free = all.from;
      return family.spells(signs, all).map((spell) => {
        const failure = explained(node, spell, { family, signs, used, free });
        free = Math.max(free, spell.to ?? spell.from);
        return failure;
      });
    }),
  );
  return found.sort((one, other) => one.first.at - other.first.at || (one.node < other.node ? -1 : 1));
}

interface Around {
  readonly family: Family;
  readonly signs: NodeSigns;
  /** Faults that were the first sign of an earlier failure of this kind. */
  readonly used: Set<Put>;
  /** When the failure before was over. */
  readonly free: Millis;
}

function explained(node: string, spell: Spell, { family, signs, used, free }: Around): NodeFailure {
  const { what, from, to } = spell;
  const related = signs.faults.filter(({ kind, name }) => family.faults.test(`${kind} ${name}`));
  const fault = related.find((one) => !used.has(one) && one.at - doing <= from && (one.ended ?? from) >= from - before);
  if (fault) used.add(fault);
  const first = fault
    ? { at: Math.min(fault.at, from), sign: `${fault.name} injected; ${spell.sign}` }
    : natural(spell, { family, signs, free });
  const detected = earliest(spell.noticed, first.at, (to ?? Number.POSITIVE_INFINITY) + late);
  const ends = related.flatMap(({ at, ended }) =>
    ended !== undefined && at - doing <= from && ended >= first.at && ended - undoing <= (to ?? ended)
      ? [Math.min(ended, to ?? ended)]
      : [],
  );
  return {
    node,
    what,
    first,
    ...(detected && { detected: { at: detected.at, sign: detected.text } }),
    ...(ends.length > 0 && { faultEnded: Math.max(...ends) }),
    ...(to !== undefined && { back: to }),
    evidence: few(
      signs.lines.filter(
        ({ at, signature, line }) =>
          at >= first.at - late &&
          at <= (to ?? Number.POSITIVE_INFINITY) + late &&
          family.evidence.test(`${signature} ${line}`),
      ),
    ),
  };
}

/** Nobody did it: the earliest line or event that tells of it. */
function natural({ from, sign, noticed }: Spell, { family, signs, free }: Omit<Around, 'used'>): NodeFailure['first'] {
  const omens = signs.lines.flatMap(({ at, signature, line }) =>
    family.omens.test(`${signature} ${line}`) ? [{ at, text: line }] : [],
  );
  const omen = earliest([...omens, ...noticed], Math.max(free, from - before), from);
  if (!omen || omen.at >= from) return { at: from, sign };
  return { at: omen.at, sign: `${sign}; first: ${omen.text}` };
}

function earliest(signs: readonly Sign[], from: Millis, to: Millis): Sign | undefined {
  return signs
    .filter(({ at }) => at >= from && at <= to)
    .reduce<Sign | undefined>((one, other) => (one && one.at <= other.at ? one : other), undefined);
}

/** The first line of each shape: numbers and ids aside, a kernel writes the same of each kill. */
function few(lines: readonly Line[]): NodeFailure['evidence'] {
  const shape = ({ signature, line }: Line) => `${signature} ${line.replace(/[0-9a-f]*\d[0-9a-f]*/gi, '#')}`;
  return [...Map.groupBy(lines, shape).values()]
    .flatMap(([first]) => first ?? [])
    .slice(0, mostLines)
    .map(({ at, signature, line }) => ({ at, signature, line }));
}
