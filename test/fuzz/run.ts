import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';

/**
 * npm run fuzz -- --seed N --count 10000 [--from INDEX] [--keep FOLDER]: decodes mutated files; each that is neither refused with
 * located complaints nor decoded is told, kept in the folder, and makes it exit with 1.
 */
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
const { refused, decoded, slowest, failures } = await fuzz(seed, { from, count }, (failure) => {
  console.log(`\n${failure.index}: ${failure.target} of ${failure.from}: ${failure.by.join(', ')}\n  ${failure.what}`);
  if (values.keep === undefined) return;
  mkdirSync(values.keep, { recursive: true });
  writeFileSync(`${values.keep}/${seed}-${failure.index}-${failure.target}.yaml`, failure.bytes);
});
const took = Math.round((performance.now() - started) / 1000);
console.log(
  `${refused} refused, ${decoded} decoded, ${failures.length} otherwise, in ${took} s; the slowest took ${Math.round(slowest)} ms`,
);
process.exitCode = failures.length > 0 ? 1 : 0;
