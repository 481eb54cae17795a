/**
 * Decodes files for its parent, one a message, in a process that may neither write a file nor start a program: whoever tries fails
 * with an error that is no located one.
 */
import { plain } from '../../harness/commands/ambient.ts';
import { RefusedError, ScenarioError } from '../../harness/model.ts';
import { targets } from './targets.ts';

export interface Asked {
  readonly target: string;
  readonly file: string;
}
/** `complaints`: what it was refused with; `thrown`: another error; neither: it was decoded. */
export interface Answer {
  readonly complaints?: readonly string[];
  readonly thrown?: string;
  readonly milliseconds: number;
}

process.on('message', async ({ target, file }: Asked) => {
  const started = performance.now();
  const answer = await decoded(target, file);
  process.send?.({ ...answer, milliseconds: performance.now() - started });
});

async function decoded(target: string, file: string): Promise<Omit<Answer, 'milliseconds'>> {
  try {
    await targets[target]?.decode(file);
    return {};
  } catch (error) {
    if (error instanceof ScenarioError) return { complaints: error.complaints };
    if (error instanceof RefusedError && targets[target]?.unplaced)
      return { complaints: [plain(error.message).trimEnd()] };
    return { thrown: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
