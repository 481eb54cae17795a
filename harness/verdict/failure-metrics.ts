import type { MetricSpec, Millis, NodeFailure } from '../model.ts';

const labels = ['node', 'what'];

/** What the judge makes of node failures. Each counts in the phase in which its first sign was, whenever it was noticed or over. */
export const failureMetrics: readonly MetricSpec[] = [
  { name: 'node-failures', unit: 'count', kind: 'increment', labels, help: 'things that went wrong with a node' },
  {
    name: 'node-failure.undetected',
    unit: 'count',
    kind: 'increment',
    labels,
    help: 'those that Kubernetes never noticed: no condition, taint or event of its own',
  },
  {
    name: 'node-failure.detected-after',
    unit: 'seconds',
    kind: 'distribution',
    labels,
    help: 'from the first sign until Kubernetes noticed; at least as long as it went on unnoticed',
  },
  {
    name: 'node-failure.back-after',
    unit: 'seconds',
    kind: 'distribution',
    labels,
    help: 'until all was well again, from the end of the fault behind it, or else from its first sign; not of kills and evictions',
  },
];

/** The values that the label `what` may have. */
export const failureKinds = [
  'not-ready',
  'node-down',
  'kubelet-down',
  'runtime-down',
  'oom-kill',
  'container-oom',
  'memory-pressure',
  'disk-pressure',
  'pid-pressure',
  'eviction',
] as const;

/** Whose unbroken watch is needed to know that there was none: any one of those that name the kind. */
export const watchers: readonly (readonly [metric: string, what: readonly string[]])[] = [
  ['nodes.ready', ['not-ready', 'memory-pressure', 'disk-pressure', 'pid-pressure']],
  ['kubelet.up', ['node-down', 'kubelet-down']],
  ['node.unit.active', ['node-down', 'kubelet-down', 'runtime-down']],
  ['node.oom-victims', ['oom-kill', 'container-oom']],
  ['node.oom-kills', ['oom-kill', 'container-oom']],
  ['pod.evictions', ['eviction']],
];

/** What is done and over at once: nothing comes back from it. */
const deeds: ReadonlySet<string> = new Set(['oom-kill', 'container-oom', 'eviction']);

/** One value of a failure metric, at its failure's first sign. */
interface Value {
  readonly at: Millis;
  readonly labels: { readonly node: string; readonly what: string };
  readonly value: number;
  /** It was not over when nobody looked any more, so the true value is higher. */
  readonly open: boolean;
}

/** The values of each failure metric; `end` is when the last phase ended. */
export function episodes(failures: readonly NodeFailure[], end: Millis): ReadonlyMap<string, readonly Value[]> {
  const of = (one: NodeFailure, value: number, open = false): Value => {
    return { at: one.first.at, labels: { node: one.node, what: one.what }, value, open };
  };
  const since = (from: Millis, to: Millis) => Math.max(0, to - from) / 1000;
  return new Map([
    ['node-failures', failures.map((one) => of(one, 1))],
    ['node-failure.undetected', failures.filter(({ detected }) => !detected).map((one) => of(one, 1))],
    [
      'node-failure.detected-after',
      failures.map((one) => {
        const until = one.detected?.at ?? one.back ?? end;
        return of(one, since(one.first.at, until), !one.detected);
      }),
    ],
    [
      'node-failure.back-after',
      failures
        .filter(({ what }) => !deeds.has(what))
        .map((one) => of(one, since(one.faultEnded ?? one.first.at, one.back ?? end), one.back === undefined)),
    ],
  ]);
}
