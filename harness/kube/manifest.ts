import { parseAllDocuments } from 'yaml';
import { type Json, ScenarioError } from '../model.ts';
import type { KubeObject } from './client.ts';

export type Values = Readonly<Record<string, Json>>;

/**
 * The objects of a YAML text of one or more documents. `${name}` becomes the value of that name, `{{index}}` the value `index`,
 * `{{index % 10}}` its remainder.
 * Throws a `ScenarioError` with line and column for what is no YAML, no object, or names an unknown value.
 */
export function render(template: string, values: Values): KubeObject[] {
  return parse(fill(template, values, (modulus) => String(remainder(Number(values['index'] ?? 0), modulus))));
}

/** Throws a `ScenarioError` as `render` does, and where the text holds no object at all. */
export function checkManifest(template: string, values: Values): void {
  if (render(template, values).length > 0) return;
  throw new ScenarioError(['1:1: no object; expected apiVersion, kind and metadata with a name']);
}

/** The objects `count` times, with `index` from 0: parsed once, so that thousands are cheap. */
export function* renderMany(template: string, values: Values, count: number): Generator<KubeObject> {
  const written = JSON.stringify(
    parse(fill(template, values, (modulus) => `${MARKER}${String(modulus).padStart(5, '0')}`)),
  );
  for (let index = 0; index < count; index += 1) {
    const marked = new RegExp(`${MARKER}(\\d{5})`, 'g');
    yield* JSON.parse(
      written.replaceAll(marked, (_, modulus) => String(remainder(index, Number(modulus)))),
    ) as KubeObject[];
  }
}

/** Before a modulus of five digits, stands for the index while the text is parsed: a number, so that YAML takes it for one where one is wanted. */
const MARKER = '7340981265';

const remainder = (index: number, modulus: number): number => (modulus === 0 ? index : index % modulus);

/** The text that is parsed, and where in the template an offset of it comes from. */
interface Filled {
  readonly text: string;
  place(at: number): string;
}

function fill(template: string, values: Values, index: (modulus: number) => string): Filled {
  const complaints: string[] = [];
  const filled: { from: number; at: number; by: number; length: number }[] = [];
  let grown = 0;
  const text = template.replaceAll(
    /\{\{\s*index\s*(?:%\s*([1-9]\d{0,4})\s*)?\}\}|\$\{([^}]*)\}/g,
    (match, modulus: string | undefined, name: string | undefined, at: number) => {
      const written = name === undefined ? index(Number(modulus ?? 0)) : wordFor(match, name, at);
      filled.push({ from: at, at: at + grown, by: written.length, length: match.length });
      grown += written.length - match.length;
      return written;
    },
  );
  if (complaints.length) throw new ScenarioError(complaints);
  return {
    text,
    place(offset) {
      const last = filled.findLast(({ at }) => at <= offset);
      if (!last) return place(template, offset);
      const beyond = offset - last.at - last.by;
      return place(template, beyond < 0 ? last.from : last.from + last.length + beyond);
    },
  };

  function wordFor(match: string, name: string, at: number): string {
    if (!Object.hasOwn(values, name)) {
      const known = Object.keys(values).sort().join(', ') || 'none';
      complaints.push(`${place(template, at)}: unknown value ${match}; expected one of ${known}`);
      return match;
    }
    const value = values[name];
    return typeof value === 'string' ? value : JSON.stringify(value);
  }
}

function parse({ text, place }: Filled): KubeObject[] {
  const complaints: string[] = [];
  const objects: KubeObject[] = [];
  for (const document of parseAllDocuments(text)) {
    for (const error of document.errors)
      complaints.push(`${place(error.pos[0])}: ${error.message.split('\n')[0]}; expected YAML`);
    if (document.errors.length) continue;
    const at = place(document.contents?.range?.[0] ?? document.range?.[0] ?? 0);
    try {
      const object: unknown = document.toJS();
      if (isObject(object)) objects.push(object);
      else if (object !== null) complaints.push(`${at}: no object; expected apiVersion, kind and metadata with a name`);
    } catch (error) {
      // Aliases without an anchor, or too many of them, show only now.
      complaints.push(`${at}: ${(error as Error).message}; expected YAML`);
    }
  }
  if (complaints.length) throw new ScenarioError(complaints);
  return objects;
}

function isObject(value: unknown): value is KubeObject {
  const { apiVersion, kind, metadata } = (value ?? {}) as Record<string, unknown>;
  const { name, generateName } = (metadata ?? {}) as Record<string, unknown>;
  return [apiVersion, kind, name ?? generateName].every((text) => typeof text === 'string' && text !== '');
}

function place(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
