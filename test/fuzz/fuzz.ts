import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Decoder } from './child.ts';
import type { Answer } from './decoder.ts';
import { mutate } from './mutate.ts';
import { random } from './random.ts';
import { targets } from './targets.ts';

export interface Fuzzed {
  readonly refused: number;
  readonly decoded: number;
  /** In milliseconds. */
  readonly slowest: number;
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly index: number;
  readonly target: string;
  readonly from: string;
  readonly by: readonly string[];
  readonly what: string;
  readonly bytes: Buffer;
}

/** Decodes so many mutated files, `from` that index on; the same seed and index make the same file. */
export async function fuzz(
  seed: number,
  { from = 0, count }: { from?: number; count: number },
  failed: (failure: Failure) => void = () => undefined,
): Promise<Fuzzed> {
  const folder = mkdtempSync(join(tmpdir(), 'ordeal-fuzz-'));
  using decoder = new Decoder();
  const failures: Failure[] = [];
  let [refused, decoded, slowest] = [0, 0, 0];
  try {
    const places = Object.entries(targets).flatMap(([kind, target]) =>
      target.corpus.map((from) => {
        // What a file names lies beside it.
        const place = join(folder, kind, basename(dirname(from)));
        cpSync(dirname(from), place, { recursive: true });
        return { kind, target, from, bytes: readFileSync(from), file: join(place, target.name) };
      }),
    );
    const others = places.map(({ bytes }) => bytes);
    for (const { file, bytes } of places) writeFileSync(file, bytes);
    const before = namesIn(folder);
    for (let index = from; index < from + count; index += 1) {
      const chance = random(seed, index);
      // Else those kinds of which there are few files would hardly come.
      const wanted = chance.below(4) === 0 ? chance.pick(Object.keys(targets)) : undefined;
      const some = places.filter(({ kind }) => wanted === undefined || kind === wanted);
      const { kind, target, from: real, bytes: whole, file } = chance.pick(some);
      const { bytes, by } = mutate(whole, chance, others);
      writeFileSync(file, bytes);
      const answer = await decoder.ask({ target: kind, file }, target.within);
      const what = wrong(answer, { clean: namesIn(folder) === before, placed: target.unplaced !== true });
      slowest = Math.max(slowest, answer.milliseconds);
      if (what !== undefined) {
        const failure = { index, target: kind, from: real, by, what, bytes };
        failures.push(failure);
        failed(failure);
      } else if (answer.complaints) refused += 1;
      else decoded += 1;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { refused, decoded, slowest, failures };
}

const namesIn = (folder: string) => readdirSync(folder, { recursive: true }).sort().join('\n');

/** What an answer should not be; undefined where it is a plan or complaints that each have a place and are one line. */
function wrong(
  { complaints, thrown }: Answer,
  { clean, placed }: { readonly clean: boolean; readonly placed: boolean },
): string | undefined {
  if (!clean) return 'it wrote a file';
  if (thrown !== undefined) return thrown;
  if (complaints?.length === 0) return 'refused without a complaint';
  const located = placed ? /^\/[^:\n]+:[1-9]\d*:[1-9]\d*: \S/ : /^\/[^:\n]+(:[1-9]\d*:[1-9]\d*)?:? \S/;
  const odd = complaints?.find((line) => !located.test(line) || unseemly.test(line));
  if (odd !== undefined)
    return `a complaint without a place, or of several lines: ${JSON.stringify(odd.slice(0, 300))}`;
  const long = complaints?.find((line) => line.length > 2_000);
  return long === undefined ? undefined : `a complaint of ${long.length} characters: ${long.slice(0, 300)}…`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const unseemly = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|^ {2,}at |\n/;
