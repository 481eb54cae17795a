import { discover } from '../scenario/discover.ts';
import { type Ambient, plain, shippedScenarios } from './ambient.ts';

/** Prints each scenario's id, where it runs, and its question. */
export async function list(options: { json?: boolean }, ambient: Ambient): Promise<number> {
  const found = await discover([shippedScenarios()]);
  if (options.json) ambient.out.write(`${JSON.stringify(found, undefined, 2)}\n`);
  const width = Math.max(...found.map(({ id }) => id.length));
  if (!options.json) {
    for (const { id, runsOn, question } of found)
      ambient.out.write(plain(`${id.padEnd(width)}  ${question}  [${runsOn.join(' ')}]`));
  }
  return 0;
}
