import { z } from 'zod';
import type { Histogram } from '../../model.ts';
import type { Sum } from '../points.ts';

/** What the k6 output `ordeal` says in one line (`k6/samples/lines.go`). */
export type Said = z.output<typeof said>;

const wall = z.number().int().positive();
const text = z.string().max(1000);
const amount = z.number();
const count = z.number().int().nonnegative();

const cpu = z.strictObject({ elapsed: amount.positive(), cpus: count.min(1), ran: amount, waited: amount });
const sum = z.strictObject({
  metric: text,
  tags: z.record(text, text),
  wall,
  count,
  sum: amount,
  last: amount,
  max: amount.optional(),
  zero: count.optional(),
  buckets: z.array(z.number().int()).max(20_000).optional(),
});
const said = z.union([
  z.strictObject({ hello: z.strictObject({ wall, index: text, pod: text }) }),
  z.strictObject({ ready: z.strictObject({ wall }) }),
  z.strictObject({ begun: z.strictObject({ wall }) }),
  z.strictObject({ sum }),
  z.strictObject({
    tick: z.strictObject({ wall, up: count, cpu: cpu.optional(), unlogged: count.optional() }),
  }),
  z.strictObject({ end: z.strictObject({ wall, failure: text.optional() }) }),
]);

/**
 * Finds a line of ours in a line of a pod's log: it begins with the key, which nothing that k6 quotes can know. What stands before it
 * is the part of a line on standard error that the runtime had not ended yet.
 */
export function numbered(
  key: string,
  line: string,
): { readonly number: number; readonly said: string; readonly before: string } | undefined {
  const at = line.lastIndexOf(`${key} `);
  if (at < 0) return undefined;
  const rest = line.slice(at + key.length + 1);
  const space = rest.indexOf(' ');
  const number = Number(rest.slice(0, space));
  if (space < 0 || !Number.isSafeInteger(number)) return undefined;
  return { number, said: rest.slice(space + 1), before: line.slice(0, at) };
}

/** Undefined for what cannot be understood. */
export function understood(line: string): Said | undefined {
  try {
    const { data } = said.safeParse(JSON.parse(line));
    return data && 'sum' in data && !consistent(data.sum) ? undefined : data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

type Written = Extract<Said, { sum: unknown }>['sum'];

/** Whether its buckets are what they should be: pairs, ascending, as many as were counted. */
function consistent({ buckets, count, zero = 0, max }: Written): boolean {
  if (max === undefined && buckets === undefined) return true;
  const pairs = pairsOf(buckets);
  const ascends = pairs.every(([index], at) => at === 0 || index > (pairs[at - 1]?.[0] ?? index));
  const whole = pairs.every(([index, times]) => Math.abs(index) < 40_000 && times > 0);
  return ascends && whole && pairs.reduce((total, [, times]) => total + times, zero) === count;
}

/** As the tally takes it; `histogram`: whether one is wanted of this metric. */
export function sumOf(written: Written, histogram: boolean): Sum {
  const { metric, tags, wall, count, sum, last } = written;
  return { metric, tags, wall, count, sum, last, ...(histogram && { histogram: histogramOf(written) }) };
}

function histogramOf({ count, sum, max = 0, zero, buckets }: Written): Histogram {
  return { ...(zero && { zero }), buckets: pairsOf(buckets), count, sum, max };
}

function pairsOf(flat: readonly number[] = []): readonly (readonly [number, number])[] {
  return Array.from({ length: Math.ceil(flat.length / 2) }, (_, at) => [flat[2 * at] ?? 0, flat[2 * at + 1] ?? 0]);
}
