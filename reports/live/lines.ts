/** The run as plain lines, for logs: what changed, and one line of state every few seconds. */
import type { JournalEvent, Millis } from '../../harness/model.ts';
import { moment } from '../figures.ts';
import type { Paint } from '../paint.ts';
import { plain } from '../text.ts';
import { keysOf, loadsOf, nodesText } from './keys.ts';
import type { News, State } from './state.ts';

const statusEvery: Millis = 5000;
const nodesEvery: Millis = 1000;

/** Returns the lines that an event is worth; the state has already learnt it, and said what of it is news. */
export function plainLines(state: State, paint: Paint): (event: JournalEvent, news: News | undefined) => string[] {
  let lastStatus: Millis = 0;
  let changed: { since: Millis; count: number; example: string } | undefined;

  const nodes = (t: Millis): string[] => {
    if (changed === undefined || t - changed.since < nodesEvery) return [];
    const { count, example } = changed;
    changed = undefined;
    const known = state.ready === undefined ? '' : ` ${nodesText(state)};`;
    return [`nodes${known} ${count === 1 ? example : `${count} changes, such as ${example}`}`];
  };

  const status = (t: Millis): string[] => {
    const { phase, scenario } = state;
    if (phase === undefined || phase.ended || t - lastStatus < statusEvery) return [];
    lastStatus = t;
    const duration = scenario?.phases.find(({ name }) => name === phase.name)?.duration;
    const left =
      duration === undefined ? '' : `, ${Math.max(0, Math.round((duration - (t - phase.from)) / 1000))} s left`;
    const loads = loadsOf(state, t, 10).map(({ name, rate, p95 }) => `${name} ${rate} p95 ${p95}`);
    const keys = keysOf(state, t, 4, 10).map(({ name, value }) => `${name} ${value}`);
    return [[`${plain(phase.name)}${left}`, ...loads, `nodes ${nodesText(state)}`, ...keys].join('; ')];
  };

  return (event, news) => {
    if (event.kind === 'seen' && event.what === 'node')
      changed = {
        since: changed?.since ?? event.t,
        count: (changed?.count ?? 0) + 1,
        example: plain(`${event.subject} ${event.detail}`),
      };
    if (event.kind === 'phase' && event.edge === 'start') lastStatus = event.t;
    const told = ofEvent(event, news, state, paint);
    return [...nodes(event.t), ...told, ...status(event.t)].map(
      (line) => `${paint('dim', moment(event.t).padStart(9))}  ${line}`,
    );
  };
}

function ofEvent(event: JournalEvent, news: News | undefined, state: State, paint: Paint): string[] {
  switch (event.kind) {
    case 'began':
      return [paint('bold', state.name)];
    case 'phase': {
      if (event.edge === 'end') return [];
      const duration = state.scenario?.phases.find(({ name }) => name === event.name)?.duration;
      return [paint('bold', `phase ${plain(event.name)}${duration === undefined ? '' : ` (${duration / 1000} s)`}`)];
    }
    case 'ended':
      return [
        plain(event.how === 'completed' ? 'completed' : `${event.how}${event.reason ? `: ${event.reason}` : ''}`),
      ];
    default:
      if (!news) return [];
      return [
        news.tone === 'plain'
          ? news.text
          : news.tone === 'bad'
            ? paint('red', `✗ ${news.text}`)
            : paint('green', `✓ ${news.text}`),
      ];
  }
}
