/** One picture of the run for a terminal that can redraw it in place. */
import type { Millis, Phase } from '../../harness/model.ts';
import { clock, moment } from '../figures.ts';
import type { Paint } from '../paint.ts';
import { cut, plain } from '../text.ts';
import { keysOf, loadsOf, nodesText, sparkline } from './keys.ts';
import type { State } from './state.ts';

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const mostNews = 4;
const signs = { good: '✓ ', bad: '✗ ', plain: '' };

export function frame(state: State, now: Millis, columns: number, paint: Paint): string {
  const width = Math.min(columns, 100) - 2;
  const turn = spinner[Math.floor(now / 250) % spinner.length] ?? '';
  const time = clock(now);
  const title = cut(state.name, width - time.length - 4);
  const lines = [
    `${paint('cyan', turn)} ${paint('bold', title)}${' '.repeat(Math.max(2, width - title.length - time.length - 2))}${paint('dim', time)}`,
    ...(state.phase === undefined ? [] : phaseLines(state, state.phase, now, width, paint)),
  ];
  if (state.phase === undefined || state.phase.ended) lines.push(`  ${cut(state.activity, width - 2)}`);
  if (state.phase !== undefined) lines.push('', ...seriesLines(state, now, width, paint));
  const news = state.phase === undefined ? [] : state.news.slice(-mostNews);
  if (news.length > 0) lines.push('');
  for (const { t, tone, text } of news) {
    const line = cut(`${signs[tone]}${text}`, width - 13);
    lines.push(
      `${paint('dim', moment(t).padStart(9))}  ${tone === 'plain' ? line : paint(tone === 'bad' ? 'red' : 'green', line)}`,
    );
  }
  return lines.map((line) => ` ${line}`).join('\n');
}

/** The names of the phases above a bar, each as wide as it is long. */
function phaseLines(
  state: State,
  phase: NonNullable<State['phase']>,
  now: Millis,
  width: number,
  paint: Paint,
): string[] {
  const phases = state.scenario?.phases ?? [];
  const current = phases.findIndex(({ name }) => name === phase.name);
  const left = (phases[current]?.duration ?? 0) - (now - phase.from);
  const rest = phase.ended ? 'done' : `${Math.max(0, Math.ceil(left / 1000))} s left`;
  if (current < 0) return [`  ${cut(plain(phase.name), width)}`];
  const room = width - rest.length - 4 - phases.length;
  const widths = shares(phases, room);
  const names = phases.map(({ name }, index) => {
    const text = cut(plain(name), widths[index] ?? 0).padEnd(widths[index] ?? 0);
    return index === current && !phase.ended ? paint('bold', text) : paint('dim', text);
  });
  const bars = phases.map(({ duration }, index) => {
    const size = widths[index] ?? 0;
    const done = index < current || phase.ended ? 1 : index > current ? 0 : Math.min(1, (now - phase.from) / duration);
    const full = Math.round(done * size);
    return (
      paint(index === current && !phase.ended ? 'cyan' : 'dim', '━'.repeat(full)) +
      paint('dim', '─'.repeat(size - full))
    );
  });
  return [`  ${names.join(' ')}`, `  ${bars.join(' ')} ${paint('bold', rest)}`];
}

function shares(phases: readonly Phase[], room: number): number[] {
  const total = phases.reduce((sum, { duration }) => sum + duration, 0);
  const least = Math.min(8, Math.floor(room / phases.length));
  const spare = room - least * phases.length;
  return phases.map(({ duration }) => least + Math.floor((spare * duration) / Math.max(1, total)));
}

function seriesLines(state: State, now: Millis, width: number, paint: Paint): string[] {
  const seconds = Math.max(10, Math.min(45, width - 44));
  const keys = keysOf(state, now, 5, seconds);
  const loads = loadsOf(state, now, seconds);
  const row = (name: string, value: string, values: readonly (number | undefined)[]) =>
    `  ${paint('dim', cut(name, 26).padEnd(26))} ${paint('bold', value.padStart(10))}  ${paint('cyan', sparkline(values))}`;
  return [
    ...loads.map(({ name, rate, p95, values }) => row(`${cut(name, 12)} (p95 ${p95})`, rate, values)),
    `  ${paint('dim', 'nodes'.padEnd(26))} ${paint(state.notReady > 0 ? ['bold', 'red'] : 'bold', nodesText(state))}`,
    ...keys.map(({ name, value, values }) => row(name, value, values)),
  ];
}
