import type { ServerProgram } from '../model.ts';
import { versionOf } from '../tools/find.ts';

interface Program {
  /** How it tells its version; our own has none. */
  readonly asks?: readonly string[];
  /** What it is started with, of what the scenario says. */
  args?(asked: readonly string[], version: string): readonly string[];
}

const programs: Readonly<Record<ServerProgram, Program>> = {
  coredns: { asks: ['-version'] },
  nginx: { asks: ['-v'], args: nginxArgs },
  workload: {},
  'karpenter-kwok': { asks: ['--version'] },
};

export const serverArgs = (program: ServerProgram, asked: readonly string[], version: string): readonly string[] =>
  programs[program].args?.(asked, version) ?? asked;

/**
 * Workers of a root's nginx stay root's: root without CAP_SYS_PTRACE could not look into those of another user. And what it has to say
 * before it has read its configuration does not go into the host's own log.
 */
function nginxArgs(asked: readonly string[], version: string): readonly string[] {
  const log = atLeast(version, [1, 19, 5]) ? ['-e', 'stderr'] : [];
  if (process.getuid?.() !== 0) return [...log, ...asked];
  // Of several -g nginx takes the last one.
  const at = asked.findLastIndex((argument) => argument.startsWith('-g'));
  if (at === -1) return [...log, '-g', 'user root;', ...asked];
  const joined = asked[at] !== '-g';
  const text = `user root; ${joined ? asked[at]?.slice(2) : asked[at + 1]}`;
  return [...log, ...asked.slice(0, at), '-g', text, ...asked.slice(joined ? at + 1 : at + 2)];
}

function atLeast(version: string, wanted: readonly number[]): boolean {
  const numbers = version.split('.').map((part) => Number.parseInt(part, 10));
  const at = wanted.findIndex((number, index) => numbers[index] !== number);
  return at === -1 || (numbers[at] ?? 0) > (wanted[at] ?? 0);
}

/** What the program says its version is; `unknown` where it says nothing that can be read. */
export async function serverVersion(
  program: ServerProgram,
  path: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const args = programs[program].asks;
  if (args === undefined) return 'unknown';
  const told = await versionOf({ entry: { versionArgs: args } }, path, { env, path: env['PATH'] ?? '', signal });
  return told.version;
}
