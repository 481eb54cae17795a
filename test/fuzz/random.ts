/** Numbers that look random and are the same for the same seed and index, whatever came before. */
export interface Random {
  /** From 0 to below `limit`, whole. */
  below(limit: number): number;
  pick<T>(some: readonly T[]): T;
}

export function random(seed: number, index: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    pick<T>(some: readonly T[]): T {
      if (some.length === 0) throw new Error('nothing to pick from');
      return some[below(some.length)] as T;
    },
  };
}
