import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Failure, fuzz } from './fuzz.ts';

/**
 * npm run fuzz -- --seed N --count 10000 [--from INDEX] [--keep FOLDER]: decodes mutated files; each that is neither refused with
 * located complaints nor decoded is told, kept in the folder, and makes it exit with 1.
 */
/** After so many it says how far it is. */
const lot = 250;
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string', default: '10000' },
    from: { type: 'string', default: '0' },
    keep: { type: 'string' },
  },
});
const [count, from] = [Number(values.count), Number(values.from)];
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
if (![count, from, seed].every(Number.isSafeInteger)) throw new Error('expected whole numbers');
console.log(`seed ${seed}, files ${from} to ${from + count - 1}`);
const started = performance.now();
let [refused, decoded, slowest, otherwise] = [0, 0, 0, 0];
for (let done = 0; done < count; done += lot) {
  const some = await fuzz(seed, { from: from + done, count: Math.min(lot, count - done) }, keep);
  refused += some.refused;
  decoded += some.decoded;
  otherwise += some.failures.length;
  slowest = Math.max(slowest, some.slowest);
  console.log(
    `${refused} refused, ${decoded} decoded, ${otherwise} otherwise; the slowest took ${Math.round(slowest)} ms`,
  );
}
console.log(`${Math.round((performance.now() - started) / 1000)} s`);
process.exitCode = otherwise > 0 ? 1 : 0;

function keep({ index, target, from, by, what, bytes }: Failure): void {
  console.log(`\n${index}: ${target} of ${from}: ${by.join(', ')}\n  ${what}`);
  if (values.keep === undefined) return;
  mkdirSync(values.keep, { recursive: true });
  writeFileSync(`${values.keep}/${seed}-${index}-${target}.yaml`, bytes);
}
