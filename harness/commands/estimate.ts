import type { Millis, Scenario } from '../model.ts';
import type { Target } from './target.ts';

/**
 * What a run takes beyond its phases, on 2 cores (`bench/overhead.ts`): on embedded clusters 8.7 to 12.6 s (40 runs), on kind clusters of
 * their own 52 to 72 s (11 runs, others beside them), of which making one takes 30 to 38 s.
 */
const beyond: Readonly<Record<Target['provider'] | 'existing', Millis>> = {
  embedded: 10_000,
  kind: 60_000,
  existing: 30_000,
  kubeconfig: 30_000,
};

export interface Estimate {
  /** The phases as planned; a phase lasts longer where its load takes longer to drain. */
  readonly phases: Millis;
  readonly beyond: Millis;
}

/** How long these runs will take, one after another, once each. */
export function estimated(runs: readonly { readonly scenario: Scenario; readonly target: Target }[]): Estimate {
  const sum = (times: readonly Millis[]) => times.reduce((all, one) => all + one, 0);
  return {
    phases: sum(runs.flatMap(({ scenario }) => scenario.phases.map(({ duration }) => duration))),
    beyond: sum(runs.map(({ target }) => beyond[target.existing === undefined ? target.provider : 'existing'])),
  };
}
