import { format } from '../format.ts';
import type { Comparison, Is, Unit } from '../model.ts';
import { phrase } from './complaints.ts';
import { durationUnits, parseDuration, parseSize, sizeUnits } from './units.ts';

export type Dimension = Unit | 'per-second';

export const examples: Readonly<Record<Dimension, string>> = {
  seconds: 'a time such as 300ms or 1s',
  bytes: 'a size such as 100MiB or 1.5GB',
  count: 'a number without unit',
  ratio: 'a percentage such as 50%',
  'per-second': 'a rate such as 100/s',
};

/** Above it, with the largest unit, numbers stop being exact long before they stop being finite. */
const MOST = 1e15;

const expectedIs = 'a comparison such as ">= 100", "<= 300ms", ">= 1/s" or "<= 1.5x steady"';

/**
 * Decodes what is written under `is`. `dimension` is what the threshold measures, undefined where that is not known.
 * Returns the complaint, one line, when it is wrong.
 */
export function parseIs(written: string, dimension: Dimension | undefined): Is | string {
  const text = computed(written);
  const [, op, digits, rest] = /^\s*(<=|>=|==|!=|<|>)\s*(\d+(?:\.\d+)?)(.*)$/.exec(text) ?? [];
  if (op === undefined || digits === undefined || rest === undefined) {
    const meant = /^\s*(=|=>|=<|≥|≤)(?=\s*\d)/.exec(text)?.[1];
    const better = meant && { '=': '==', '=>': '>=', '=<': '<=', '≥': '>=', '≤': '<=' }[meant];
    const hint = better ? `; did you mean "${text.trim().replace(meant, better)}"?` : '';
    return `bad comparison "${written}"; expected ${expectedIs}${hint}`;
  }
  if (!(Number(digits) <= MOST)) return `${digits.slice(0, 20)}… is too large; expected a number up to ${MOST}`;
  const comparison = op as Comparison;
  const unit = rest.trim();
  const times = /^x(?:\s+(\S+))?$/.exec(unit);
  if (times) {
    const of = times[1];
    if (of === undefined)
      return `"${text}" does not say times what; expected a phase such as "${op} ${digits}x steady"`;
    return { op: comparison, times: Number(digits), of };
  }
  const found = quantity(digits, unit);
  if (!found) {
    const known = ['%', '/s', 'x', ...durationUnits, ...sizeUnits];
    const expected = dimension ? examples[dimension] : undefined;
    return phrase({ what: `unknown unit "${unit}"`, ...(expected ? { expected } : {}), word: unit, known });
  }
  if (dimension && found.unit !== dimension) {
    const what = unit ? `"${unit}" does not fit, it is measured in ${name(dimension)}` : `${digits} has no unit`;
    return phrase({ what, expected: examples[dimension] });
  }
  return { op: comparison, ...found };
}

/** `90% of 50` and `6 - 1` (`${replicas} - 1`) as the plain number that they are, so that a limit follows what a parameter says. */
function computed(text: string): string {
  const [, op = '', first, by, second] =
    /^(\s*[<>=!]+\s*)(\d+(?:\.\d+)?)\s*(% of|-)\s*(\d+(?:\.\d+)?)\s*$/.exec(text) ?? [];
  if (first === undefined || second === undefined) return text;
  const value = by === '-' ? Number(first) - Number(second) : (Number(first) * Number(second)) / 100;
  return `${op}${value}`;
}

function name(dimension: Dimension): string {
  return dimension === 'per-second' ? 'events per second' : dimension === 'count' ? 'plain numbers' : dimension;
}

function quantity(digits: string, unit: string): { value: number; unit: Dimension } | undefined {
  const number = Number(digits);
  if (unit === '') return { value: number, unit: 'count' };
  if (unit === '%') return { value: number / 100, unit: 'ratio' };
  if (unit === '/s') return { value: number, unit: 'per-second' };
  const millis = parseDuration(digits + unit);
  if (millis !== undefined) return { value: millis / 1000, unit: 'seconds' };
  const bytes = parseSize(digits + unit);
  return bytes === undefined ? undefined : { value: bytes, unit: 'bytes' };
}

const FLOORS: Readonly<Record<Dimension, number>> = {
  bytes: 2 ** 20,
  seconds: 0.001,
  count: 1,
  'per-second': 0.1,
  ratio: 0.01,
};

/** The least base of a ratio: as written (`1MiB`, `5ms`, `10`, `1/s`, `5%`) or what is usual for the dimension. A text is the complaint. */
export function parseFloor(written: string | number | undefined, dimension: Dimension): number | string {
  if (written === undefined) return FLOORS[dimension];
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*(\S*)$/.exec(String(written).trim()) ?? [];
  const found = digits === undefined || unit === undefined ? undefined : quantity(digits, unit);
  if (found?.unit === dimension && Number(digits) <= MOST) return found.value;
  return phrase({ what: `bad floor "${written}"`, expected: examples[dimension] });
}

/**
 * Why a comparison cannot fail or cannot hold; undefined when it can do both.
 * `whole` is the most that can be, e.g. 1 for a share.
 */
export function decided(is: Is, whole: number = Number.POSITIVE_INFINITY, of: Dimension = 'ratio'): string | undefined {
  const limit = 'times' in is ? is.times : is.value;
  const most = 'times' in is ? Number.POSITIVE_INFINITY : whole;
  const below = 'what is measured is never below 0';
  const above = `it is never above ${format(whole, of)}`;
  switch (is.op) {
    case '>=':
      return limit <= 0 ? `can never fail: ${below}` : limit > most ? `can never hold: ${above}` : undefined;
    case '>':
      return limit >= most ? `can never hold: ${above}` : undefined;
    case '<=':
      return limit >= most ? `can never fail: ${above}` : undefined;
    case '<':
      if (limit <= 0) return `can never hold: ${below}`;
      return limit > most ? `can never fail: ${above}` : undefined;
    default:
      return limit > most ? `can never ${is.op === '==' ? 'hold' : 'fail'}: ${above}` : undefined;
  }
}
