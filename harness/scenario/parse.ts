import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { Complaints } from './complaints.ts';
import type { Entry, Tree } from './tree.ts';

export interface Parsed {
  /** Undefined where the text is not YAML at all: the complaints say why. */
  readonly tree: Tree | undefined;
  readonly complaints: Complaints;
}

const MOST_NODES = 20_000;

/** Reads YAML into a tree with places. Syntax errors, duplicate keys and unknown tags become complaints; never throws. */
export function parse(text: string, file: string): Parsed {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const complaints = new Complaints(file, (offset) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), col: Math.max(1, col) };
  });
  let fatal = false;
  for (const error of [...document.errors, ...document.warnings]) {
    if (error.code === 'DUPLICATE_KEY') {
      const key = /^"[^"]*"|^'[^']*'|^[^:\s]+/.exec(text.slice(error.pos[0]))?.[0] ?? '';
      complaints.add(error.pos[0], { what: `duplicate key "${key.replace(/^["']|["']$/g, '')}"`, expected: 'it once' });
    } else {
      fatal = true;
      complaints.add(error.pos[0], { what: `not YAML: ${firstLower(error.message)}` });
    }
  }
  if (fatal) return { tree: undefined, complaints };

  let nodes = 0;
  const open = new Set<unknown>();
  function convert(node: unknown, at: number): Tree | undefined {
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
      const value = convert(pair.value, keyAt) ?? { kind: 'scalar', at: keyAt, value: null, written: '' };
      entries.set(String(pair.key.source ?? pair.key.value), { keyAt, value });
    }
    return { kind: 'map', at: here, entries };
  }
  function resolve(alias: Alias): Tree | undefined {
    const target = alias.resolve(document);
    const at = alias.range?.[0] ?? 0;
    if (target === undefined) {
      const known = anchors(document);
      complaints.add(at, { what: `unknown alias *${alias.source}`, word: alias.source, known });
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

function anchors(document: Document): string[] {
  const names: string[] = [];
  visit(document, {
    Value(_, { anchor }) {
      if (anchor !== undefined) names.push(anchor);
    },
  });
  return names;
}

function firstLower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
