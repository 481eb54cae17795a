import type { Comparison } from '../model.ts';
import type { Measurement } from './seen.ts';

export function holds(value: number, op: Comparison, limit: number): boolean {
  switch (op) {
    case '<=':
      return value <= limit;
    case '<':
      return value < limit;
    case '>=':
      return value >= limit;
    case '>':
      return value > limit;
    case '==':
      return value === limit;
    case '!=':
      return value !== limit;
  }
}

/** Of a bound only what follows from it: a maximum seen to be too high is too high, one seen to be low may have been higher. */
export function compare(
  { value, bound }: Pick<Measurement, 'value' | 'bound'>,
  op: Comparison,
  limit: number,
): 'met' | 'unmet' | 'unmeasured' {
  if (value === undefined) return 'unmeasured';
  const now = holds(value, op, limit);
  if (!bound) return now ? 'met' : 'unmet';
  // Further in the direction in which the true value may lie.
  const far = bound === 'lower' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const beyond = bound === 'lower' ? value > limit : value < limit;
  if (op === '==' || op === '!=') return beyond ? (op === '!=' ? 'met' : 'unmet') : 'unmeasured';
  return holds(far, op, limit) === now ? (now ? 'met' : 'unmet') : 'unmeasured';
}
