/** What is known while a run goes on, kept small: fed event by event, read at each redraw. */

import { merge, quantile } from '../../harness/histogram.ts';
import type { Histogram, JournalEvent, MetricSpec, Millis, Scenario } from '../../harness/model.ts';
import { plain } from '../text.ts';

export interface News {
  readonly t: Millis;
  readonly tone: 'good' | 'bad' | 'plain';
  readonly text: string;
}

export interface State {
  scenario: Scenario | undefined;
  name: string;
  /** Time of the last event. */
  now: Millis;
  phase: { name: string; from: Millis; ended: boolean } | undefined;
  activity: string;
  ready: number | undefined;
  notReady: number;
  news: News[];
  /** When each source last said that it saw nothing. */
  readonly blind: Map<string, Millis>;
  readonly specs: Map<string, MetricSpec>;
  readonly series: Map<string, Series>;
}

/** One value a second of a metric, its labels put together. */
export interface Series {
  readonly values: Map<number, number>;
  readonly histograms: Map<number, Histogram>;
  readonly totals: Map<string, number>;
}

const keptSeconds = 180;

export function newState(): State {
  return {
    scenario: undefined,
    name: '',
    now: 0,
    phase: undefined,
    activity: 'starting',
    ready: undefined,
    notReady: 0,
    news: [],
    blind: new Map(),
    specs: new Map(),
    series: new Map(),
  };
}

/** Returns what of it is news by itself. */
export function learn(state: State, event: JournalEvent): News | undefined {
  state.now = Math.max(state.now, event.t);
  const told = isOld(state, event) ? undefined : tell(event);
  const news = told && { t: event.t, tone: told.tone, text: plain(told.text) };
  if (news) state.news = [...state.news.slice(-19), news];
  switch (event.kind) {
    case 'began':
      state.name = plain(`${event.scenario} · ${event.variant}`);
      break;
    case 'planned':
      state.scenario = event.scenario;
      break;
    case 'observing':
      for (const spec of event.metrics) state.specs.set(spec.name, spec);
      break;
    case 'phase':
      state.phase = {
        name: event.name,
        from: event.edge === 'start' ? event.t : (state.phase?.from ?? event.t),
        ended: event.edge === 'end',
      };
      break;
    case 'progress':
      state.activity = plain(event.text);
      break;
    case 'sample':
      sample(state, event);
      break;
    case 'histogram': {
      const { histograms } = seriesOf(state, event.metric);
      const second = Math.floor(event.t / 1000);
      const known = histograms.get(second);
      keep(histograms, second, known ? merge([known, event.histogram]) : event.histogram);
      break;
    }
  }
  return news;
}

/** A gap that goes on has been told. */
function isOld(state: State, event: JournalEvent): boolean {
  if (event.kind !== 'blind') return false;
  const before = state.blind.get(event.source);
  state.blind.set(event.source, event.t);
  return before !== undefined && event.from - before < 2500;
}

/** Events that are news by themselves; node conditions are told as a count. */
function tell(event: JournalEvent): Pick<News, 'tone' | 'text'> | undefined {
  switch (event.kind) {
    case 'seen':
      if (event.what === 'death')
        return { tone: 'bad', text: `${event.subject} died: ${event.detail.split('\n')[0] ?? ''}` };
      return event.what === 'other' || event.what === 'load'
        ? { tone: 'plain', text: `${event.subject}: ${event.detail}` }
        : undefined;
    case 'injected':
      return {
        tone: 'plain',
        text: `fault ${event.fault} into ${event.targets.slice(0, 3).join(', ')}${event.targets.length > 3 ? ` and ${event.targets.length - 3} more` : ''}`,
      };
    case 'evidenced':
      return {
        tone: event.real ? 'good' : 'bad',
        text: `fault ${event.fault} ${event.real ? 'is real' : 'is not real'}: ${event.detail}`,
      };
    case 'progress':
      return { tone: 'plain', text: event.text };
    case 'recovered':
      return { tone: 'good', text: `fault ${event.fault} is over` };
    case 'blind':
      return {
        tone: event.explained ? 'plain' : 'bad',
        text: `${event.source} sees nothing: ${event.reason}`,
      };
    case 'voided':
      return { tone: 'bad', text: `this run proves nothing: ${event.reason}` };
    default:
      return undefined;
  }
}

function sample(state: State, { t, metric, value, labels }: Extract<JournalEvent, { kind: 'sample' }>): void {
  if (metric === 'nodes.ready') state.ready = value;
  else if (metric === 'nodes.not-ready') state.notReady = value;
  else if (metric === 'node.ready') return;
  const { values, totals } = seriesOf(state, metric);
  const second = Math.floor(t / 1000);
  const kind = state.specs.get(metric)?.kind ?? 'gauge';
  if (kind === 'gauge') keep(values, second, labels ? Math.max(values.get(second) ?? 0, value) : value);
  else if (kind === 'increment') keep(values, second, (values.get(second) ?? 0) + value);
  else {
    const key = JSON.stringify(labels ?? {});
    const before = totals.get(key);
    totals.set(key, value);
    if (before !== undefined)
      keep(values, second, (values.get(second) ?? 0) + (value >= before ? value - before : value));
  }
}

function seriesOf(state: State, metric: string): Series {
  const series = state.series.get(metric) ?? { values: new Map(), histograms: new Map(), totals: new Map() };
  state.series.set(metric, series);
  return series;
}

function keep<T>(values: Map<number, T>, second: number, value: T): void {
  values.set(second, value);
  const oldest = values.keys().next();
  if (values.size > keptSeconds && !oldest.done) values.delete(oldest.value);
}

/** The values of the last seconds up to a moment; undefined where there was none. */
export function lastSeconds(series: Series, now: Millis, count: number, q: number): (number | undefined)[] {
  const end = Math.floor(now / 1000);
  return Array.from({ length: count }, (_, index) => {
    const second = end - count + 1 + index;
    const histogram = series.histograms.get(second);
    return histogram ? quantile(histogram, q) : series.values.get(second);
  });
}
