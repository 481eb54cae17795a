import { z } from 'zod';
import type { Json } from '../model.ts';
import type { Complaints } from './complaints.ts';
import { find, keyOffset, offsetOf, type Path, plain, type Tree, textOf } from './tree.ts';

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** Decodes a tree; every issue becomes a complaint at the place of the value. Undefined when there was any. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  tree: Tree,
  complaints: Complaints,
): z.output<Schema> | undefined {
  const input = plain(tree);
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  for (const issue of result.error.issues) complain(issue, issue.path, { schema, tree, complaints });
  return undefined;
}

interface Context {
  readonly schema: z.ZodType;
  readonly tree: Tree;
  readonly complaints: Complaints;
}

function complain(issue: z.core.$ZodIssue, path: Path, { schema, tree, complaints }: Context): void {
  const node = find(tree, path);
  const parent = path.length > 0 && !node ? find(tree, path.slice(0, -1)) : undefined;
  if (parent?.kind === 'scalar') {
    // A short form: `lookups: count` for `lookups: { unit: count }`.
    complain(issue, path.slice(0, -1), { schema, tree, complaints });
    return;
  }
  // An unknown parameter was complained of already; what it would have become is not known.
  if (complaints.size > 0 && textOf(node)?.includes('${')) return;
  const at = offsetOf(tree, path);
  const label = path.length === 0 ? 'the file' : describe(path);
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) {
        const known = keysAt(schema, path);
        complaints.add(keyOffset(tree, path, key), { what: `unknown key "${key}"`, word: key, known });
      }
      return;
    case 'invalid_type': {
      const expected = NAMES[issue.expected] ?? issue.expected;
      complaints.add(
        at,
        node ? { what: `${label} is ${show(node)}`, expected } : { what: `missing ${label}`, expected },
      );
      return;
    }
    case 'invalid_value': {
      const known = issue.values.map(String);
      if (!node) complaints.add(at, { what: `missing ${label}`, known });
      else complaints.add(at, { what: `${label} is ${show(node)}`, word: word(node), known });
      return;
    }
    case 'invalid_union':
      if (!node) complaints.add(at, { what: `missing ${label}` });
      else complaints.add(at, { what: `${label} is ${show(node)}`, expected: unionOf(issue) });
      return;
    case 'too_small':
      complaints.add(at, {
        what: node?.kind === 'list' ? `${label} is empty` : `${label} is ${node ? show(node) : 'missing'}`,
        expected: node?.kind === 'list' ? `at least ${issue.minimum}` : `≥ ${issue.minimum}`,
      });
      return;
    case 'too_big':
      complaints.add(at, { what: `${label} is ${node ? show(node) : 'missing'}`, expected: `≤ ${issue.maximum}` });
      return;
    case 'invalid_key': {
      const key = String(path.at(-1));
      const message = issue.issues[0]?.message ?? 'bad key';
      complaints.add(keyOffset(tree, path.slice(0, -1), key), { what: message });
      return;
    }
    default:
      complaints.add(at, { what: issue.code === 'custom' ? issue.message : `${label}: ${issue.message}` });
  }
}

function unionOf(issue: z.core.$ZodIssueInvalidUnion): string {
  const kinds = issue.errors
    .flat()
    .map((one) => (one.code === 'invalid_type' ? (NAMES[one.expected] ?? one.expected) : undefined));
  return [...new Set(kinds.filter(Boolean))].join(' or ') || 'something else';
}

function describe(path: Path): string {
  const names = path.filter((step) => typeof step === 'string' && !/^\d+$/.test(step));
  return typeof path.at(-1) === 'number' ? `an item of "${String(names.at(-1))}"` : `"${String(path.at(-1))}"`;
}

/** A value for people: its text when it is short, else what it is. */
export function show(node: Tree): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a map';
  if (node.value === null) return 'empty';
  return typeof node.value === 'string' ? JSON.stringify(node.value.slice(0, 60)) : String(node.value);
}

function word(node: Tree): string {
  const value: Json = plain(node);
  return typeof value === 'string' ? value : '';
}

/** The keys that a schema knows at a path. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  let current = unwrap(schema);
  for (const step of path) {
    if (current instanceof z.ZodObject) current = unwrap(current.shape[String(step)] as z.ZodType | undefined);
    else if (current instanceof z.ZodArray) current = unwrap(current.element as z.ZodType);
    else if (current instanceof z.ZodRecord) current = unwrap(current.valueType as z.ZodType);
    else return [];
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return unwrap(schema.out as z.ZodType);
  return schema;
}
