import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { DEEPEST, tooDeepAt } from '../yaml.ts';
import { Complaints } from './complaints.ts';
import type { Entry, Tree } from './tree.ts';

export interface Parsed {
  /** Undefined where the text is not YAML at all: the complaints say why. */
  readonly tree: Tree | undefined;
  readonly complaints: Complaints;
}

/** What somebody wrote by hand is far below. */
const MOST_CHARACTERS = 100_000;
const MOST_NODES = 20_000;

/** Reads YAML into a tree with places. Syntax errors, duplicate keys and unknown tags become complaints; never throws. */
export function parse(text: string, file: string): Parsed {
  const lineCounter = new LineCounter();
  const complaints = new Complaints(file, (offset) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), col: Math.max(1, col) };
  });
  if (text.length > MOST_CHARACTERS) {
    complaints.add(0, { what: 'too large', expected: `≤ ${MOST_CHARACTERS} characters` });
    return { tree: undefined, complaints };
  }
  const tooDeep = (at: number) => complaints.add(at, { what: 'nested too deeply', expected: `≤ ${DEEPEST} levels` });
  const deep = tooDeepAt(text);
  if (deep !== undefined) {
    // Else the parser tells it of each line.
    lineCounter.addNewLine(0);
    for (const { index } of text.matchAll(/\n/g)) lineCounter.addNewLine(index + 1);
    tooDeep(deep);
    return { tree: undefined, complaints };
  }
  const document = documentOf(text, lineCounter);
  if (!document) {
    tooDeep(0);
    return { tree: undefined, complaints };
  }
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    // Where it composes, the parser itself makes an error of a stack that is full.
    if (message.startsWith('Maximum call stack')) tooDeep(pos[0]);
    else complaints.add(pos[0], { what: `not YAML: ${firstLower(message)}` });
  }
  if (complaints.size > 0) return { tree: undefined, complaints };

  let nodes = 0;
  let depth = 0;
  const anchors = anchored(document);
  const open = new Set<unknown>();
  function convert(node: unknown, at: number): Tree | undefined {
    depth += 1;
    try {
      if (depth <= DEEPEST) return converted(node, at);
      tooDeep(at);
      return undefined;
    } finally {
      depth -= 1;
    }
  }
  function converted(node: unknown, at: number): Tree | undefined {
    if (++nodes > MOST_NODES) {
      if (nodes === MOST_NODES + 1) complaints.add(at, { what: 'too large', expected: `≤ ${MOST_NODES} values` });
      return undefined;
    }
    if (isAlias(node)) return resolve(node);
    if (isScalar(node)) {
      const value = node.value;
      const here = node.range?.[0] ?? at;
      if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) {
        const written = node.type === 'PLAIN' ? (node.source ?? String(value)) : String(value);
        return { kind: 'scalar', at: here, value: value as string | number | boolean | null, written };
      }
      complaints.add(here, { what: `unexpected ${typeof value}`, expected: 'text, a number, true or false' });
      return undefined;
    }
    if (isSeq(node)) {
      const here = node.range?.[0] ?? at;
      const items = node.items.map((item) => convert(item, here)).filter((item) => item !== undefined);
      return { kind: 'list', at: here, items };
    }
    if (!isMap(node)) return undefined;
    const here = node.range?.[0] ?? at;
    const entries = new Map<string, Entry>();
    for (const pair of node.items) {
      const keyAt = (isScalar(pair.key) && pair.key.range?.[0]) || here;
      if (!isScalar(pair.key)) {
        complaints.add(keyAt, { what: 'a key that is no word', expected: 'a word' });
        continue;
      }
      const key = String(pair.key.source ?? pair.key.value);
      // In an object it would be no key.
      if (key === '__proto__' || pair.key.value === '__proto__') {
        complaints.add(keyAt, { what: 'the key "__proto__"', expected: 'another name' });
        continue;
      }
      if (entries.has(key)) complaints.add(keyAt, { what: `duplicate key "${key}"`, expected: 'it once' });
      const value = convert(pair.value, keyAt) ?? { kind: 'scalar', at: keyAt, value: null, written: '' };
      entries.set(key, { keyAt, value });
    }
    return { kind: 'map', at: here, entries };
  }
  function resolve(alias: Alias): Tree | undefined {
    const target = anchors.of.get(alias);
    const at = alias.range?.[0] ?? 0;
    if (target === undefined) {
      complaints.add(at, { what: `unknown alias *${alias.source}`, word: alias.source, known: anchors.names });
      return undefined;
    }
    if (open.has(target)) {
      complaints.add(at, { what: `alias *${alias.source} refers to itself`, expected: 'a value' });
      return undefined;
    }
    open.add(target);
    const tree = convert(target, at);
    open.delete(target);
    return tree;
  }

  return { tree: convert(document.contents, 0), complaints };
}

/** Undefined where the parser, which calls itself for each level, runs out of stack. */
function documentOf(text: string, lineCounter: LineCounter): Document | undefined {
  try {
    // Its own search for duplicate keys takes the square of their number.
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What each alias stands for: the last node before it with that anchor. In one pass, since there may be thousands. */
function anchored(document: Document): { readonly of: ReadonlyMap<Alias, Node>; readonly names: readonly string[] } {
  const last = new Map<string, Node>();
  const of = new Map<Alias, Node>();
  visit(document, {
    Value(_, node) {
      if (node.anchor !== undefined) last.set(node.anchor, node);
    },
    Alias(_, alias) {
      const target = last.get(alias.source);
      if (target) of.set(alias, target);
    },
  });
  return { of, names: [...last.keys()] };
}

function firstLower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
