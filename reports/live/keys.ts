/** Which series are worth a line while the run goes on, and how their values read. */
import { format } from '../../harness/format.ts';
import { plain } from '../text.ts';
import { thresholdsOf } from '../thresholds.ts';
import { lastSeconds, type State } from './state.ts';

export interface Key {
  readonly name: string;
  /** The latest value, as people read it. */
  readonly value: string;
  readonly values: readonly (number | undefined)[];
}

const favourites = ['etcd.memory', 'apiserver.memory', 'api.get.duration', 'component.cpu'];
const told = new Set(['node.ready', 'nodes.ready', 'nodes.not-ready', 'component.deaths']);

/** What the scenario judges, then what an operator looks at first. */
export function keysOf(state: State, now: number, most: number, seconds: number): Key[] {
  const judged = state.scenario
    ? thresholdsOf({ scenario: state.scenario }).map(({ threshold }) => threshold.metric)
    : [];
  const loads = new Set(state.scenario?.load.flatMap(({ requests }) => requests));
  return [...new Set([...judged, ...favourites])]
    .filter((metric) => state.series.has(metric) && !told.has(metric) && !loads.has(metric.split('.')[0] ?? ''))
    .slice(0, most)
    .map((metric) => keyOf(state, metric, now, seconds));
}

function keyOf(state: State, metric: string, now: number, seconds: number): Key {
  const series = state.series.get(metric);
  const take = state.scenario
    ? thresholdsOf({ scenario: state.scenario }).find(
        ({ threshold }) => threshold.metric === metric && /^p\d/.test(threshold.take),
      )?.threshold.take
    : undefined;
  const quantile = take ?? 'p99';
  const values = series ? lastSeconds(series, now, seconds, Number(quantile.slice(1)) / 100) : [];
  const { unit = 'count', kind = 'gauge' } = state.specs.get(metric) ?? {};
  const latest = values.slice(-3).findLast((value) => value !== undefined);
  const distribution = (series?.histograms.size ?? 0) > 0;
  const rate = !distribution && kind !== 'gauge';
  return {
    name: plain(distribution ? `${metric} ${quantile}` : metric),
    value: latest === undefined ? '–' : format(latest, rate && unit === 'count' ? 'per-second' : unit),
    values,
  };
}

export interface LoadLine {
  readonly name: string;
  readonly rate: string;
  readonly p95: string;
  readonly values: readonly (number | undefined)[];
}

/** Requests a second and the 95th percentile of their time, of each kind of request that is being sent. */
export function loadsOf(state: State, now: number, seconds: number): LoadLine[] {
  const names = new Set(state.scenario?.load.flatMap(({ requests }) => requests));
  return [...names].flatMap((name) => {
    const requests = state.series.get(`${name}.requests`);
    const duration = state.series.get(`${name}.duration`);
    if (!requests && !duration) return [];
    const values = requests ? lastSeconds(requests, now, seconds, 0.5) : [];
    // The running second is not whole yet.
    const rate = values.slice(-4, -1).findLast((value) => value !== undefined);
    const slow = duration ? lastSeconds(duration, now, 4, 0.95).findLast((value) => value !== undefined) : undefined;
    return [
      {
        name: plain(name),
        rate: format(rate ?? 0, 'per-second'),
        p95: slow === undefined ? '–' : format(slow, 'seconds'),
        values,
      },
    ];
  });
}

const bars = '▁▂▃▄▅▆▇█';

/** Values as a row of bars from zero to the largest; blanks where there was none. */
export function sparkline(values: readonly (number | undefined)[]): string {
  const most = values.reduce<number>((top, value) => Math.max(top, value ?? 0), 0);
  return values
    .map((value) =>
      value === undefined ? ' ' : (bars[Math.min(7, Math.floor((most > 0 ? value / most : 0) * 7.999))] ?? '▁'),
    )
    .join('');
}

export function nodesText({ ready, notReady }: State): string {
  return ready === undefined ? 'not seen yet' : `${ready} of ${ready + notReady} Ready`;
}
