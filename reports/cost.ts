/** What the harness itself cost the API server. */
import { format } from '../harness/format.ts';
import type { Report } from '../harness/model.ts';

export interface Cost {
  readonly requests: number;
  /** By identity, the busiest first. */
  readonly users: readonly { readonly user: string; readonly requests: number }[];
  readonly perSecond: number;
  /** Of the time that the API server spent on requests, by its audit log. Absent where nobody read that. */
  readonly share?: number;
  /** Seconds that requests waited so as not to be too many. */
  readonly waited: number;
  readonly agent: string;
}

/** Undefined where the run was cut short before it was counted. */
export function costOf({ events }: Report): Cost | undefined {
  const asked = events.findLast((event) => event.kind === 'asked');
  if (!asked) return undefined;
  const users = Object.entries(asked.requests)
    .map(([user, requests]) => ({ user, requests }))
    .sort((one, other) => other.requests - one.requests);
  const requests = users.reduce((sum, one) => sum + one.requests, 0);
  let [own, all] = [0, 0];
  for (const event of events) {
    if (event.kind !== 'sample' || event.metric !== 'audit.query-time') continue;
    all += event.value;
    if (asked.requests[event.labels?.['user'] ?? ''] !== undefined) own += event.value;
  }
  return {
    requests,
    users,
    perSecond: asked.t === 0 ? 0 : requests / (asked.t / 1000),
    ...(all > 0 && { share: own / all }),
    waited: asked.waited / 1000,
    agent: asked.agent,
  };
}

/** One line: `296 requests to the API server (12/s): api-canary 120, nodes 8 and 3 others; 1.2% of its request time`. */
export function costText({ requests, users, perSecond, share, waited }: Cost): string {
  const named = users.slice(0, 3).map((one) => `${one.user.replace(/^ordeal:/, '')} ${format(one.requests, 'count')}`);
  const others = users.length > 3 ? ` and ${users.length - 3} others` : '';
  return [
    `${format(requests, 'count')} requests to the API server (${format(perSecond, 'per-second')})${named.length > 0 ? `: ${named.join(', ')}${others}` : ''}`,
    ...(share === undefined ? [] : [`${format(share, 'ratio')} of its request time`]),
    ...(waited > 0 ? [`${format(waited, 'seconds')} waited at 50/s for each`] : []),
  ].join('; ');
}
