import type { Ended } from '../tools/command.ts';

/** How an install ended: a failure is a sample with its cause, a mistake of ours or of the chart proves nothing. */
export type Outcome =
  | { readonly is: 'deployed' }
  | { readonly is: 'failed'; readonly cause: string; readonly detail: string }
  | { readonly is: 'mistake'; readonly detail: string };

/** helm failed before it asked the cluster for anything, or was asked for what cannot be. First match wins. */
const mistakes: readonly RegExp[] = [
  /Chart\.yaml file is missing|chart\.metadata|path .* not found|failed to (download|fetch)|repo .* not found/,
  /parse error|execution error at|template: |values don't meet|error converting YAML|failed to parse|error unmarshaling/,
  /cannot (re-)?use a name|unknown (flag|command)|invalid release name|requires? \d+ argument/,
  /no matches for kind|is invalid: |unable to build kubernetes objects/,
  /no such file or directory|kubeconfig/,
];

const causes: readonly (readonly [cause: string, RegExp])[] = [
  ['hook', /(pre|post)-install.*(failed|timed out|deadline)|hooks? .*failed/i],
  ['timeout', /deadline exceeded|timed out|not ready|InProgress/i],
  [
    'unreachable',
    /reachability check failed|unreachable|connection (refused|reset)|EOF|i\/o timeout|handshake timeout/i,
  ],
  ['refused', /forbidden|unauthorized|denied|too many requests/i],
];

/** What helm's exit says. `Ended` without an exit code is helm that a signal ended, or that never began. */
export function outcomeOf({ exitCode, stdout, lastLines }: Ended): Outcome {
  if (exitCode === 0) return { is: 'deployed' };
  const detail = lastLines
    .filter((line) => line.trim() !== '')
    .slice(-3)
    .join(' | ')
    .slice(0, 500);
  // It has neither said anything nor exited by itself: there is no helm.
  if (exitCode === undefined && stdout === '' && /ENOENT|EACCES|ENOEXEC|EPERM/.test(detail))
    return { is: 'mistake', detail: `helm cannot be started: ${detail}` };
  const error = lastLines.findLast((line) => line.startsWith('Error: ')) ?? detail;
  if (mistakes.some((mistake) => mistake.test(error))) return { is: 'mistake', detail };
  if (exitCode === undefined) return { is: 'failed', cause: 'killed', detail: detail || 'a signal ended helm' };
  const [cause = 'other'] = causes.find(([, pattern]) => pattern.test(error)) ?? [];
  return { is: 'failed', cause, detail: detail || `helm exited with code ${exitCode}` };
}
