import type { ServerProgram } from '../model.ts';
import { run } from '../tools/command.ts';

/** How each program that may be a server tells its version; our own has none. */
const asks: Readonly<Record<ServerProgram, readonly string[] | undefined>> = {
  coredns: ['-version'],
  nginx: ['-v'],
  workload: undefined,
};

/** What the program says its version is; `unknown` where it says nothing that can be read. */
export async function serverVersion(
  program: ServerProgram,
  path: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const args = asks[program];
  if (args === undefined) return 'unknown';
  const { stdout, lastLines } = await run({ program: path, args, env, signal });
  return /\b\d+\.\d+\.\d+\S*/.exec([stdout, ...lastLines].join('\n'))?.[0] ?? 'unknown';
}
