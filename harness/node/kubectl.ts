import { ToolError } from '../model.ts';
import { lastLinesOf, pasteable, runProgram } from '../program.ts';
import type { Clients } from './exec.ts';
import { kubectlTo } from './reach.ts';

/** Gives standard output; rejects with `ToolError` when kubectl fails. Each call is bounded by the server's side too. */
export type Kubectl = (
  args: readonly string[],
  options?: { readonly input?: string; readonly signal?: AbortSignal },
) => Promise<string>;

const within = 90_000;

export function kubectlOf(
  context: { readonly kubeconfig: string; readonly context: string },
  { env, kubectl = 'kubectl' }: Clients,
): Kubectl {
  return async (args, options) => {
    const words = [...kubectlTo(context), '--request-timeout=80s', ...args];
    const done = await runProgram(kubectl, words, { timeout: within, ...(env && { env }), ...options });
    if (done.exitCode === 0) return done.stdout;
    throw new ToolError(`kubectl ${args.slice(0, 2).join(' ')} failed`, {
      command: pasteable(kubectl, words),
      exitCode: done.exitCode,
      lastLines: lastLinesOf(done.stderr),
    });
  };
}
