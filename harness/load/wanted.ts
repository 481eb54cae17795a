import type { LoadSpec } from '../model.ts';

/** What is kept of a k6 metric. */
export interface Wanted {
  /** The tags that tell its series apart. */
  readonly tags: readonly string[];
  readonly histogram: boolean;
  /** What k6 measures, divided by this, is in base units. */
  readonly per: number;
}

const plain: Wanted = { tags: [], histogram: false, per: 1 };

/** The k6 metrics that are of use for a load, by name. */
export function wantedOf({ requests, metrics }: Pick<LoadSpec, 'requests' | 'metrics'>): ReadonlyMap<string, Wanted> {
  const custom = metrics.map(({ name, unit, kind, labels = [] }) => {
    // k6 keeps times in milliseconds.
    const per = unit === 'seconds' && kind !== 'increment' ? 1000 : 1;
    return [name, { tags: labels, histogram: kind === 'distribution', per }] as const;
  });
  return new Map<string, Wanted>([
    ['http_req_duration', { tags: ['name', 'status', 'error_code'], histogram: true, per: 1000 }],
    ['iterations', plain],
    ['dropped_iterations', plain],
    ['vus', plain],
    // By its iterations alone it is known how a generator without requests fared.
    ...(requests.length === 0 ? [['iteration_duration', { ...plain, per: 1000 }] as const] : []),
    ...custom,
  ]);
}
