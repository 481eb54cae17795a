import type { Millis, Scenario } from '../model.ts';
import type { Target } from './target.ts';

/**
 * What a run takes beyond its phases, on 2 cores: on embedded clusters 8.9 to 10.2 s (25 runs, `bench/overhead.ts`), on kind clusters of
 * their own 53 to 57 s (three proofs of memory-stress). On a kind cluster that is there already it was not measured.
 */
const beyond: Readonly<Record<'embedded' | 'kind' | 'existing', Millis>> = {
  embedded: 10_000,
  kind: 55_000,
  existing: 15_000,
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
