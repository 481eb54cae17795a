import type { Context } from 'mocha';

/** Skips the running test or hook, with a reason that the closing lines print. */
export function skip(context: Context, reason: string): never {
  const runnable = context.runnable() as unknown as {
    parent?: { eachTest(visit: (test: object) => void): void };
    type: string;
  };
  if (runnable.type === 'hook') runnable.parent?.eachTest((test) => Object.assign(test, { skipReason: reason }));
  else Object.assign(runnable, { skipReason: reason });
  return context.skip() as never;
}
