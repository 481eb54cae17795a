/** Turns cumulative series into what they grew since the look before: a fall is a restart, after which they grew from 0. */
export class Growth {
  #before: ReadonlyMap<string, number> | undefined;

  /** Growth by series; of the first look nothing is known. A series that is new since the last look grew from 0. */
  since(now: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const before = this.#before;
    this.#before = now;
    if (!before) return new Map();
    const grown = new Map<string, number>();
    for (const [series, value] of now) {
      const was = before.get(series) ?? 0;
      const by = value < was ? value : value - was;
      if (by > 0) grown.set(series, by);
    }
    return grown;
  }
}
