import type { Facts } from '../facts.ts';
import type { Streams } from './streams.ts';

/** Time that the API server spent per user while the fault lasted, largest first. */
export function queryTimeOf(
  facts: Facts,
  streams: Streams,
): { user: string; seconds: number; share: number; verbs: string }[] {
  const phase = facts.phases.find(({ name }) => name === 'fault') ?? { from: 0, to: facts.end };
  const users = new Map<string, Map<string, number>>();
  for (const { labels, t, v } of streams.samples.get('audit.query-time') ?? []) {
    const seconds = v.reduce((total, value, index) => {
      const at = t[index] ?? 0;
      return at >= phase.from && at <= phase.to + 1500 ? total + value : total;
    }, 0);
    const verbs = users.get(labels['user'] ?? '') ?? new Map<string, number>();
    users.set(labels['user'] ?? '', verbs.set(labels['verb'] ?? '', (verbs.get(labels['verb'] ?? '') ?? 0) + seconds));
  }
  const sum = (verbs: ReadonlyMap<string, number>) => [...verbs.values()].reduce((a, b) => a + b, 0);
  const total = [...users.values()].reduce((all, verbs) => all + sum(verbs), 0);
  return [...users]
    .map(([user, verbs]) => ({
      user,
      seconds: sum(verbs),
      share: total === 0 ? 0 : sum(verbs) / total,
      verbs: [...verbs]
        .sort(([, a], [, b]) => b - a)
        .slice(0, 3)
        .map(([verb]) => verb)
        .join(', '),
    }))
    .filter(({ seconds }) => seconds > 0)
    .sort((a, b) => b.seconds - a.seconds);
}
