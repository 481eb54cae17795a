import { ScenarioError } from '../model.ts';
import { nearest } from './suggest.ts';

/** What is wrong, what was expected, and the words that would have been right (the nearest one is suggested). */
export interface Complaint {
  readonly what: string;
  readonly expected?: string;
  /** The unknown word and what is known: listed when `expected` is absent. */
  readonly word?: string;
  readonly known?: Iterable<string>;
}

const LISTED = 16;
/** More of them nobody reads: they are most likely one mistake. */
const MOST = 200;

function oneOf(known: readonly string[]): string {
  if (known.length === 0) return 'none (there are none)';
  const listed = known.slice(0, LISTED).join(', ');
  const more = known.length > LISTED ? `, … (${known.length} in all)` : '';
  return known.length === 1 ? listed : `one of ${listed}${more}`;
}

/** One line: `what; expected …; did you mean "…"?` */
export function phrase({ what, expected, word, known }: Complaint): string {
  const words = known ? [...known] : undefined;
  const wanted = expected ?? (words ? oneOf(words) : undefined);
  const meant = word !== undefined && words ? nearest(word, words) : undefined;
  return [what, wanted && `expected ${wanted}`, meant !== undefined && `did you mean "${meant}"?`]
    .filter(Boolean)
    .join('; ');
}

/** Collects everything that is wrong with one file, so that it is said at once. */
export class Complaints {
  readonly #file: string;
  readonly #place: (offset: number) => { line: number; col: number };
  readonly #found = new Map<string, { offset: number; text: string }>();
  #beside: { readonly from: number; readonly other: Complaints } | undefined;

  /** `place` turns an offset in the file into a line and column, both from 1. */
  constructor(file: string, place: (offset: number) => { line: number; col: number }) {
    this.#file = file;
    this.#place = place;
  }

  /** Offsets from there on are places of another file. */
  beside(from: number, other: Complaints): void {
    this.#beside = { from, other };
  }

  /** Of hundreds the later ones are left out. */
  add(offset: number, complaint: Complaint): void {
    if (this.#found.size >= MOST) return;
    this.#keep(offset, `${this.where(offset)}: ${phrase(complaint)}`);
  }

  /** `file:line:column`. */
  where(offset: number): string {
    const beside = this.#beside;
    if (beside && offset >= beside.from) return beside.other.where(offset - beside.from);
    const { line, col } = this.#place(offset);
    return `${this.#file}:${line}:${col}`;
  }

  /** About a word of the command line, which has no line and column. */
  addArgument(argument: string, complaint: Complaint): void {
    this.#keep(-1, `${argument}: ${phrase(complaint)}`);
  }

  /** A whole complaint about the command line. */
  addWhole(line: string): void {
    this.#keep(-1, line);
  }

  /** About another file, which this one names at the offset; `line` is a whole complaint with its place. */
  addForeign(offset: number, line: string): void {
    this.#keep(offset, line);
  }

  line(offset: number): number {
    const beside = this.#beside;
    if (beside && offset >= beside.from) return beside.other.line(offset - beside.from);
    return this.#place(offset).line;
  }

  get size(): number {
    return this.#found.size;
  }

  /** In the order of the file. */
  get lines(): readonly string[] {
    return [...this.#found.values()].sort((one, other) => one.offset - other.offset).map(({ text }) => text);
  }

  /** Throws one ScenarioError with every complaint in the order of the file; does nothing when there is none. */
  throwIfAny(): void {
    if (this.#found.size > 0) throw new ScenarioError(this.lines);
  }

  #keep(offset: number, text: string): void {
    if (!this.#found.has(text)) this.#found.set(text, { offset, text });
  }
}
