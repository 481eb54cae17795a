import type { Complaints } from './complaints.ts';
import { entriesOf, find, itemsOf, type MapTree, mapScalars, type ScalarTree, type Tree, textOf } from './tree.ts';

export type Value = string | number | boolean;
/** A parameter in force; `written` keeps `3.10` apart from 3.1. */
export interface Parameter {
  readonly value: Value;
  readonly written: string;
}
export type Parameters = ReadonlyMap<string, Parameter>;
const TYPES: Readonly<Record<string, string>> = { string: 'text', number: 'a number', boolean: 'true or false' };
const DECIMAL = /^[-+]?\d+(\.\d+)?$/;
const decimal = 'a decimal number such as 10 or 0.5';
const alone = 'a value of its own: a parameter cannot refer to another';

/**
 * The parameters in force: the base's, changed by the variant, changed by `--set`. The base's default gives the type.
 * `base` and `changed` are the whole file before and after the variant was merged.
 */
export function parameterValues(
  base: Tree,
  changed: Tree,
  set: Readonly<Record<string, string>>,
  complaints: Complaints,
): Parameters {
  const types = new Map<string, string>();
  for (const [name, { value }] of entriesOf(base, 'parameters')) {
    if (value.kind === 'scalar' && value.value !== null) types.set(name, typeof value.value);
  }
  const values = new Map<string, Parameter>();
  /** Stands in for a value that is wrong, lest that be complained of again wherever it is used. */
  const fallBack = (name: string) => {
    const fallback = find(base, ['parameters', name]);
    if (fallback?.kind === 'scalar' && fallback.value !== null)
      values.set(name, parameter(fallback.value, fallback.written));
  };
  for (const [name, { keyAt, value }] of entriesOf(changed, 'parameters')) {
    if (value.kind !== 'scalar' || value.value === null) {
      complaints.add(value.at, {
        what: `parameter "${name}" is no single value`,
        expected: 'text, a number, true or false',
      });
      fallBack(name);
      continue;
    }
    const type = types.get(name);
    const { written } = value;
    if (typeof value.value === 'number' && (!DECIMAL.test(written) || !Number.isFinite(value.value))) {
      complaints.add(value.at, { what: `parameter "${name}" is ${written.slice(0, 40)}`, expected: decimal });
    }
    if (type === undefined) {
      complaints.add(keyAt, { what: `unknown parameter "${name}"`, word: name, known: types.keys() });
    } else if (type !== typeof value.value) {
      const what = `parameter "${name}" is ${JSON.stringify(value.value)}`;
      complaints.add(value.at, { what, expected: TYPES[type] ?? type });
      fallBack(name);
      continue;
    }
    values.set(name, parameter(value.value, written));
  }
  for (const [name, text] of Object.entries(set)) {
    const type = types.get(name);
    const argument = `--set ${name}=${text}`;
    if (type === undefined) {
      complaints.addArgument(argument, { what: `unknown parameter "${name}"`, word: name, known: types.keys() });
      continue;
    }
    const value = typed(text, type);
    if (text.includes('${')) complaints.addArgument(argument, { what: `bad value "${text}"`, expected: alone });
    else if (value === undefined) {
      complaints.addArgument(argument, { what: `bad value "${text}"`, expected: TYPES[type] ?? type });
    } else values.set(name, parameter(value, text));
  }
  return values;
}

function typed(text: string, type: string): Value | undefined {
  if (type === 'string') return text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  const number = Number(text);
  return DECIMAL.test(text) && Number.isFinite(number) ? number : undefined;
}

const parameter = (value: Value, written: string): Parameter => ({
  value,
  written: typeof value === 'string' ? value : written.replace(/^\+/, ''),
});

/** Complains of each `${…}` within parameters, the scenario's or a load's; returns where they stand, so that they are left alone. */
function refused(tree: Tree, complaints: Complaints): ReadonlySet<number> {
  const places = new Set<number>();
  const maps = [tree, ...itemsOf(tree, 'load')];
  for (const [name, { value }] of maps.flatMap((map) => entriesOf(map, 'parameters'))) {
    if (!textOf(value)?.includes('${')) continue;
    complaints.add(value.at, { what: `parameter "${name}" is ${JSON.stringify(textOf(value))}`, expected: alone });
    places.add(value.at);
  }
  return places;
}

/**
 * Replaces `${name}`: a value that is nothing else becomes the typed value, within a text it becomes text.
 * `$${` stands for `${` itself.
 */
export function substitute(tree: MapTree, values: Parameters, complaints: Complaints): Tree {
  const left = refused(tree, complaints);
  function look(scalar: ScalarTree, name: string): Parameter | undefined {
    const value = values.get(name);
    if (value === undefined) {
      complaints.add(scalar.at, { what: `unknown parameter "${name}"`, word: name, known: values.keys() });
    }
    return value;
  }
  return mapScalars(tree, (scalar) => {
    if (typeof scalar.value !== 'string' || !scalar.value.includes('${') || left.has(scalar.at)) return scalar;
    const whole = /^\$\{([^}]*)\}$/.exec(scalar.value)?.[1];
    if (whole !== undefined) {
      return { ...scalar, ...look(scalar, whole) };
    }
    const text = scalar.value.replace(/\$?\$\{([^}]*)\}/g, (found, name: string) =>
      found.startsWith('$$') ? found.slice(1) : (look(scalar, name)?.written ?? found),
    );
    return { ...scalar, value: text, written: text };
  });
}

/** The bare values, by name. */
export function plainValues(values: Parameters): Readonly<Record<string, Value>> {
  return Object.fromEntries([...values].map(([name, { value }]) => [name, value]));
}
