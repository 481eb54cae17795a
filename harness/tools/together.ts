/** Runs all at once; the first failure ends the others, and nothing is left running when it rejects. */
export async function together<T>(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<T>)[],
): Promise<T[]> {
  const scope = new AbortController();
  const either = AbortSignal.any([signal, scope.signal]);
  const results: T[] = [];
  await Promise.allSettled(
    works.map(async (work) => {
      try {
        results.push(await work(either));
      } catch (error) {
        scope.abort(error);
      }
    }),
  );
  scope.signal.throwIfAborted();
  return results;
}
