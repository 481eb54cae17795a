import type { Clock } from '../model.ts';

/** Starts the run's clock at zero: monotonic, with wall time read once. */
export function startClock(): Clock & { readonly startedAt: Date } {
  const startedAt = new Date();
  const zero = performance.now();
  return {
    startedAt,
    now: () => Math.round((performance.now() - zero) * 10) / 10,
    fromWall: (wall) => Math.round((wall - startedAt.getTime()) * 10) / 10,
  };
}
