import type { Kill, Play } from './cell.ts';

/** What the matrix kills: each kind of undo is among it. */
export const plays: readonly Play[] = [
  { scenario: 'test/e2e/scenarios/quick', variant: 'sound', cluster: 'embedded' },
  { scenario: 'test/e2e/scenarios/component', variant: 'paused', cluster: 'embedded' },
  { scenario: 'test/e2e/scenarios/links', variant: 'sound', cluster: 'embedded' },
  { scenario: 'scenarios/pdb-gridlock', variant: 'one-at-a-time', cluster: 'embedded' },
  { scenario: 'scenarios/total-node-failure', variant: 'leases-stop', cluster: 'embedded' },
  { scenario: 'scenarios/priority-preemption', variant: 'classes', cluster: 'embedded' },
  { scenario: 'test/e2e/scenarios/theirs', variant: 'sound', cluster: 'kubeconfig' },
  { scenario: 'scenarios/pdb-gridlock', variant: 'one-at-a-time', cluster: 'kubeconfig' },
  { scenario: 'scenarios/priority-preemption', variant: 'classes', cluster: 'kubeconfig' },
  { scenario: 'test/e2e/scenarios/kind-quick', variant: 'at-once', cluster: 'kind' },
];

export const nameOf = ({ scenario, variant, cluster }: Play): string =>
  `${scenario.split('/').at(-1)} ${variant} (${cluster})`;

export const textOf = (kill: Kill): string =>
  `${'line' in kill ? `${kill.when} line ${kill.line}` : `at ${kill.at.toFixed(2)} s`}, ${kill.whom}`;

const whom = (index: number) => (index % 2 === 0 ? 'harness' : 'both');

/**
 * Before and after each line of a ledger, with the watchdog and without; at moments spread over the time that it takes, by turns with the
 * watchdog and without.
 */
export function killsOf({ lines, seconds, random }: { lines: number; seconds: number; random: number }): Kill[] {
  const at = (turn: number) =>
    Array.from({ length: 2 * lines }, (_, index): Kill => {
      const line = Math.floor(index / 2) + 1;
      return { line, when: index % 2 === 0 ? 'before' : 'after', whom: whom(index + line + turn) };
    });
  // First each line and edge once, so that a matrix that is cut short has seen them all.
  const atLines = [...at(0), ...at(1)];
  // Of the golden ratio: no two are near each other, and more may be added.
  const atMoments = Array.from({ length: random }, (_, index): Kill => {
    return { at: ((index + 1) * 0.618034 * seconds) % seconds, whom: whom(index) };
  });
  return [...atLines, ...atMoments];
}
