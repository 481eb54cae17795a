const DURATIONS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

export const durationUnits = Object.keys(DURATIONS);
export const sizeUnits = Object.keys(SIZES);
export const expectedDuration = 'a duration such as 500ms, 5s, 2m or 1h';
export const expectedSize = 'a size such as 100MiB, 1GiB or 1.5GB';

function parse(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim()) ?? [];
  if (digits === undefined || unit === undefined || !Object.hasOwn(units, unit)) return undefined;
  return Number(digits) * (units[unit] ?? Number.NaN);
}

/** `500ms`, `5s`, `2m`, `1h`, or a sum of such (`50s + 10s`: `${grace} + 10s`) in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return text.split('+').reduce<number | undefined>((sum, term) => {
    const value = parse(term, DURATIONS);
    return sum === undefined || value === undefined ? undefined : sum + value;
  }, 0);
}

/** `100MiB`, `1GiB`, `1.5GB` in bytes; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return parse(text, SIZES);
}

/** The unit that follows a number, or undefined when the text is no number with a unit. */
export function unitIn(text: string): string | undefined {
  return /^\d+(?:\.\d+)?\s*([^\d\s.]\S*)$/.exec(text.trim())?.[1];
}
