import { RefusedError, type Scenario } from '../model.ts';
import { type Ambient, plain } from './ambient.ts';
import { allReasons } from './needs.ts';
import { type Target, targetFor } from './target.ts';
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
  const { examine } = await import('./their-guard.ts');
  const examined = await examine(theirs, asked);
  const reasons = new Set([...(await allReasons(theirs, asked)), ...examined.flatMap(({ refusals }) => refusals)]);
  if (reasons.size > 0) throw new RefusedError([...reasons].join('\n'));
  for (const one of examined) {
    const lines = await theirPlanText(one, asked);
    ambient.err.write(plain([`${one.doing.scenario} would do this:`, ...lines, ''].join('\n')));
  }
  await agreed('May this be done there?', options, ambient);
}

/** Asks on a terminal. Throws `RefusedError` for any answer but yes, and where nobody can be asked. */
export async function agreed(question: string, { yes }: ConsentOptions, ambient: Ambient): Promise<void> {
  if (yes === true) return;
  if (ambient.answer === undefined)
    throw new RefusedError('nobody can be asked, since this is no terminal: say --yes once you have seen the plan');
  const answer = await ambient.answer(`${question} [y/N] `);
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new RefusedError('it was not agreed to: nothing was done');
}
