import { ClusterError, RefusedError, type Scenario } from '../model.ts';
import { type Ambient, plain } from './ambient.ts';
import { allReasons } from './needs.ts';
import { type Target, targetFor } from './target.ts';
import type { Examined } from './their-guard.ts';
import { theirPlanText } from './their-plan.ts';

export interface ConsentOptions {
  /** Whoever started it has agreed beforehand. */
  readonly yes?: boolean;
  readonly quiet?: boolean;
}

/**
 * Before anything is played on a cluster of somebody's: refuses it with every reason there is, shows what would be done, and asks. On clusters
 * of our own, nothing. Throws `RefusedError`.
 */
export async function requireConsent(
  scenarios: readonly Scenario[],
  asked: Target | undefined,
  options: ConsentOptions,
  ambient: Ambient,
): Promise<void> {
  const theirs = scenarios.filter((scenario) => targetFor(scenario, asked).provider === 'kubeconfig');
  if (asked === undefined || theirs.length === 0) return;
  const { examined, reasons } = await examinedWith(await allReasons(theirs, asked), theirs, asked);
  if (reasons.length > 0) throw new RefusedError(reasons.join('\n'));
  for (const one of examined) {
    const lines = await theirPlanText(one, asked);
    ambient.err.write(plain([`${one.doing.scenario} would do this:`, ...lines, ''].join('\n')));
  }
  await agreed('May this be done there?', options, ambient);
}

/**
 * What each scenario would do there, and every reason against it beside those that are known without the cluster. Where that does not answer
 * they are told all the same, and that it does not is one more. Throws `ScenarioError` for a wrong ordeal.yaml.
 */
export async function examinedWith(
  known: readonly string[],
  scenarios: readonly Scenario[],
  target: Target,
): Promise<{ readonly examined: readonly Examined[]; readonly reasons: readonly string[] }> {
  const { examine } = await import('./their-guard.ts');
  try {
    const examined = await examine(scenarios, target);
    return { examined, reasons: [...new Set([...known, ...examined.flatMap(({ refusals }) => refusals)])] };
  } catch (error) {
    if (!(error instanceof ClusterError || error instanceof RefusedError)) throw error;
    return { examined: [], reasons: [...known, error.message] };
  }
}

/** Asks on a terminal. Throws `RefusedError` for any answer but yes, and where nobody can be asked. */
export async function agreed(question: string, { yes }: ConsentOptions, ambient: Ambient): Promise<void> {
  if (yes === true) return;
  if (ambient.answer === undefined)
    throw new RefusedError('nobody can be asked, since this is no terminal: say --yes once you have seen the plan');
  const answer = await ambient.answer(`${question} [y/N] `);
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new RefusedError('it was not agreed to: nothing was done');
}
