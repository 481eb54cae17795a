import { bombs } from './bombs.ts';
import { keys, pieces, values } from './hostile.ts';
import type { Random } from './random.ts';

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const text = (bytes: Buffer) => bytes.toString('utf8');
const lined = (change: (lines: string[], at: number, random: Random, others: readonly Buffer[]) => void): Mutation => {
  return (bytes, random, others) => {
    const lines = text(bytes).split('\n');
    change(lines, random.below(lines.length), random, others);
    return Buffer.from(lines.join('\n'));
  };
};
/** Changes one of the places at which a pattern is found; leaves the text where there is none. */
const found = (pattern: RegExp, change: (match: string, random: Random) => string): Mutation => {
  return (bytes, random) => {
    const whole = text(bytes);
    const places = [...whole.matchAll(pattern)];
    if (places.length === 0) return bytes;
    const { 0: match, index } = random.pick(places);
    return Buffer.from(`${whole.slice(0, index)}${change(match, random)}${whole.slice(index + match.length)}`);
  };
};

const aKey = /(?<=^[ -]*|[{,] *)[\w"-]+(?=:)/gm;
const aValue = /(?<=^[ -]*[\w"-]+: +|[{,] *[\w"-]+: +)[^\n{}[\],]+/gm;
const aNumber = /\b\d+(\.\d+)?/g;

export const mutations: Readonly<Record<string, Mutation>> = {
  'bytes flipped': (bytes, random) => {
    const flipped = Buffer.from(bytes);
    for (let flips = 1 + random.below(8); flips > 0 && flipped.length > 0; flips -= 1) {
      const at = random.below(flipped.length);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
    }
    return flipped;
  },
  'bytes of any kind': (bytes, random) => {
    const at = random.below(bytes.length + 1);
    const noise = Buffer.from(Array.from({ length: 1 + random.below(30) }, () => random.below(256)));
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
  },
  'cut off': (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  'a piece taken out': (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(200))]);
  },
  'two lines swapped': lined((lines, at, random) => {
    const other = random.below(lines.length);
    [lines[at], lines[other]] = [lines[other] ?? '', lines[at] ?? ''];
  }),
  'a line twice': lined((lines, at) => lines.splice(at, 0, lines[at] ?? '')),
  'a line many times': lined((lines, at, random) =>
    lines.splice(at, 0, ...Array.from({ length: random.below(300) }, () => lines[at] ?? '')),
  ),
  'a line less': lined((lines, at) => lines.splice(at, 1)),
  'a line further in or out': lined((lines, at, random) => {
    const line = lines[at] ?? '';
    lines[at] = random.below(2) === 0 ? line.replace(/^ {1,2}/, '') : `${' '.repeat(1 + random.below(4))}${line}`;
  }),
  'a line of another file': lined((lines, at, random, others) => {
    lines.splice(at, 0, random.pick(text(random.pick(others)).split('\n')));
  }),
  'a bomb': lined((lines, at, random) => lines.splice(at, 0, random.pick(bombs)(random))),
  'a bomb alone': (_, random) => Buffer.from(random.pick(bombs)(random)),
  'a typo in a key': found(aKey, (key, random) => {
    const at = random.below(key.length);
    const letter = random.pick(['', 'x', 'S', '-', `${key[at]}${key[at]}`]);
    return `${key.slice(0, at)}${letter}${key.slice(at + 1)}`;
  }),
  'a hostile key': found(aKey, (_, random) => random.pick(keys)),
  'a hostile value': found(aValue, (_, random) => random.pick(values)),
  "another's value": (bytes, random, others) => {
    const all = [...text(random.pick(others)).matchAll(aValue)].map(([value]) => value);
    return all.length === 0 ? bytes : found(aValue, () => random.pick(all))(bytes, random, others);
  },
  'a value that is anchored': found(aValue, (value, random) => random.pick([`&a ${value}`, '*a', `&a [*a, ${value}]`])),
  'another number': found(aNumber, (number, random) =>
    random.pick([`-${number}`, `${number}e300`, `${number}${'0'.repeat(40)}`, `0.${number}`, '0', `${number}.5`]),
  ),
  'a strange piece': (bytes, random) => {
    const whole = text(bytes);
    const at = random.below(whole.length + 1);
    return Buffer.from(`${whole.slice(0, at)}${random.pick(pieces)}${whole.slice(at)}`);
  },
  'other ends of lines': (bytes, random) =>
    Buffer.from(text(bytes).replaceAll('\n', random.pick(['\r\n', '\r', '\u2028']))),
  'a mark at its begin': (bytes, random) =>
    Buffer.concat([Buffer.from(random.pick([[0xef, 0xbb, 0xbf], [0xff, 0xfe], [0xfe, 0xff], [0]])), bytes]),
  'another encoding': (bytes, random) => Buffer.from(text(bytes), random.pick(['utf16le', 'latin1'] as const)),
};

/** One to four mutations of a file, with their names. */
export function mutate(bytes: Buffer, random: Random, others: readonly Buffer[]): { bytes: Buffer; by: string[] } {
  const by = Array.from({ length: 1 + random.below(4) }, () => random.pick(Object.keys(mutations)));
  let mutated = bytes;
  for (const name of by) mutated = mutations[name]?.(mutated, random, others) ?? mutated;
  return { bytes: mutated.subarray(0, 2_000_000), by };
}
