/** The verdict for people at a terminal. */
import { join } from 'node:path';
import type { Finding, Report } from '../harness/model.ts';
import { costOf, costText } from './cost.ts';
import { deathsOf, factsOf } from './facts.ts';
import { moment } from './figures.ts';
import { failureCount, failureTexts, faultTexts } from './node-failures.ts';
import { debtText } from './owed.ts';
import { type Paint, painter, type Style } from './paint.ts';
import { residueLines } from './residue.ts';
import { expectation, formerOf, groupsOf, meaning, outcomeOf, symbols, type Tone, toneOf } from './story.ts';
import { cut, cutBefore, plain, wrapped } from './text.ts';

export interface Look {
  readonly color: boolean;
  readonly columns: number;
}

export const styles: Record<Tone, Style> = { good: 'green', bad: 'red', void: 'yellow', plain: 'dim' };
const badges: Record<Tone, Style> = {
  good: ['bold', 'inverse', 'green'],
  bad: ['bold', 'inverse', 'red'],
  void: ['bold', 'inverse', 'yellow'],
  plain: 'bold',
};
export const signs: Record<Tone, string> = { good: '✓', bad: '✗', void: '?', plain: '–' };

/** What was asked, the verdict, each finding, why it is invalid, what was put back, and where the report is. */
export function summary(report: Report, { color, columns, folder }: Look & { folder?: string }): string {
  const paint = painter(color);
  const width = Math.min(100, columns - 1);
  const { scenario, verdict } = report;
  const { tone, status, claim, why } = outcomeOf(report);
  const cost = costOf(report);
  const paragraph = (text: string, style?: Style) =>
    wrapped(plain(text), width - 2).map((line) => `  ${style ? paint(style, line) : line}`);
  const badge = color ? paint(badges[tone], ` ${status.toUpperCase()} `) : `[${status.toUpperCase()}]`;
  return [
    '',
    `  ${paint('bold', plain(scenario.id))} ${paint('dim', '·')} ${paint('bold', plain(scenario.variant.name))}  ${paint('dim', cut(plain(scenario.variant.what), Math.max(0, width - scenario.id.length - scenario.variant.name.length - 9)))}`,
    ...paragraph(scenario.question),
    '',
    `  ${badge} ${paint('bold', claim)}`,
    ...(verdict.reasons.length > 0
      ? verdict.reasons.flatMap((reason) =>
          wrapped(plain(reason), width - 4).map(
            (line, index) => `  ${paint('yellow', index === 0 ? '• ' : '  ')}${line}`,
          ),
        )
      : paragraph(why)),
    ...formerOf(report).flatMap((text) => paragraph(text, 'dim')),
    ...notCompleted(report, width, paint),
    ...groupsOf(report).flatMap(({ title, findings }) => [
      '',
      `  ${paint('dim', title)}`,
      ...findings.flatMap((finding) => rowOf(finding, report, width, paint)),
    ]),
    ...failures(report, width, paint),
    '',
    ...faultTexts(report).flatMap(({ name, targets, real, proof }) =>
      noted(
        'Fault',
        `${name} into ${targets || 'nothing'}: ${real === undefined ? 'no proof' : `${real ? '' : 'not real, '}${proof}`}`,
        width,
        paint,
      ),
    ),
    ...deathsOf(report).flatMap(({ at, text }) => noted('Died', `${text}, at ${moment(at)}`, width, paint)),
    ...(cost ? noted('Itself', costText(cost), width, paint) : []),
    ...putBack(report, paint),
    ...residueLines(report, width, paint),
    ...(folder ? [`  ${paint('dim', 'Report    ')}${paint('cyan', join(folder, 'report.html'))}`] : []),
    '',
  ].join('\n');
}

function noted(label: string, text: string, width: number, paint: Paint): string[] {
  return wrapped(plain(text), width - 12).map(
    (line, index) => `  ${paint('dim', (index === 0 ? label : '').padEnd(10))}${line}`,
  );
}

const mostFailures = 6;

/** A line each: node, what, first sign, noticed after, back after; two where there is not room. */
function failures(report: Report, width: number, paint: Paint): string[] {
  const all = failureTexts(report);
  if (all.length === 0) return [];
  const shown = all.slice(0, mostFailures).map(({ node, what, at, sign, detected, over }) => ({
    node: plain(node),
    what,
    at: moment(at),
    sign: plain(sign),
    times: `${detected === 'never' ? 'never noticed' : `noticed after ${detected}`}, ${over}`,
  }));
  const widest = (texts: readonly string[]) => Math.max(...texts.map((text) => text.length));
  const whats = widest(shown.map(({ what }) => what));
  const fixed = 4 + 2 + whats + 2 + widest(shown.map(({ at }) => at)) + 2 + widest(shown.map(({ times }) => times));
  const names = widest(shown.map(({ node }) => node));
  const room = Math.min(names, width - fixed);
  const rows = shown.flatMap(({ node, what, at, sign, times }) => {
    const told = paint('dim', `      ${cut(sign, width - 6)}`);
    const line = `    ${paint('bold', cutBefore(node, room).padEnd(room))}  ${what.padEnd(whats)}  ${paint('dim', at)}  ${times}`;
    if (room >= Math.min(names, 12)) return shown.length > 3 ? [line] : [line, told];
    const stacked = wrapped(`${what} at ${at}, ${times}`, width - 6).map((part) => `      ${part}`);
    return [`    ${paint('bold', cutBefore(node, width - 4))}`, ...stacked];
  });
  const more = all.length - shown.length;
  return [
    '',
    `  ${paint('dim', cut(failureCount(report), width - 2))}`,
    ...rows,
    ...(more > 0 ? [`    ${paint('dim', `and ${more} more`)}`] : []),
  ];
}

function notCompleted(report: Report, width: number, paint: Paint): string[] {
  const { ended } = factsOf(report);
  if (ended?.how === 'completed') return [];
  const how = ended
    ? `${ended.how}${ended.reason ? `: ${plain(ended.reason)}` : ''}`
    : 'cut short: the journal has no end';
  return wrapped(`Not completed, ${how}`, width - 2).map((line) => `  ${paint('yellow', line)}`);
}

function rowOf(finding: Finding, { verdict }: Report, width: number, paint: Paint): string[] {
  const tone = toneOf(finding, verdict.judged);
  const measured = plain(finding.measured ?? '');
  const at = finding.at === undefined ? '' : moment(finding.at);
  const head = `${symbols[finding.status]} ${meaning(finding).padEnd(11)}`;
  const room = width - 4 - head.length - 30;
  const stacked = room < 30;
  const lines = wrapped(plain(finding.threshold), stacked ? width - 4 - head.length : room);
  const indent = ' '.repeat(4 + head.length);
  const [first = '', ...rest] = lines;
  const right = `  ${paint('bold', measured.padStart(18))}  ${paint('dim', at.padStart(8))}`;
  const told = explains(finding, verdict.judged) ? wrapped(plain(finding.detail ?? ''), width - indent.length) : [];
  return [
    `    ${paint(styles[tone], head)}${stacked ? first : first.padEnd(room) + right}`.trimEnd(),
    ...rest.map((line) => indent + line),
    ...(stacked && (measured || at) ? [`${indent}${paint('bold', measured)} ${paint('dim', at)}`.trimEnd()] : []),
    ...told.map((line) => indent + paint('dim', line)),
  ];
}

/** A detail helps where something is judged, wrong or unknown; that of several alternatives is in the report. */
function explains({ status, detail, role, threshold }: Finding, judged: Report['verdict']['judged']): boolean {
  if (detail === undefined) return false;
  if (status === 'unmeasured' || status === 'skipped') return true;
  return !threshold.startsWith('any of: ') && (role === 'signature') === (judged === 'signature');
}

function putBack({ owed }: Report, paint: Paint): string[] {
  const left = owed.filter(({ settled }) => !settled);
  if (owed.length === 0) return [];
  const label = paint('dim', 'Put back  ');
  if (left.length === 0) return [`  ${label}${paint('green', '✓')} all ${owed.length} changes`];
  return [
    `  ${label}${paint('red', `✗ ${left.length} of ${owed.length} not put back; try again: ordeal clean`)}`,
    ...left.map(({ debt, error }) => `            ${plain(`${debt.undo} ${debtText(debt)} ${error ?? ''}`)}`),
  ];
}

/** One line a variant: what was expected of it, and whether it did. */
export function proveSummary(reports: readonly Report[], { color, columns, page }: Look & { page?: string }): string {
  const paint = painter(color);
  const width = Math.min(100, columns - 1);
  const rows = reports.map((report) => ({ report, name: plain(report.scenario.variant.name), ...outcomeOf(report) }));
  const names = Math.max(...rows.map(({ name }) => name.length), 0);
  const good = rows.filter(({ tone }) => tone === 'good').length;
  const [first] = reports;
  return [
    '',
    `  ${paint('bold', plain(first?.scenario.id ?? ''))}  ${plain(first?.scenario.question ?? '')}`,
    '',
    ...rows.flatMap(({ report, name, tone, claim, why, status }) => [
      `  ${paint(styles[tone], signs[tone])} ${paint('bold', name.padEnd(names))}  ${paint(styles[tone], claim)}`,
      ...wrapped(
        plain(status === 'passed' ? why : `${why.replace(/\.$/, '')}. Expected: ${expectation(report)}.`),
        width - names - 6,
      ).map((line) => `${' '.repeat(names + 6)}${paint('dim', line)}`),
      ...formerOf(report).flatMap((text) =>
        wrapped(plain(text), width - names - 6).map((line) => `${' '.repeat(names + 6)}${paint('dim', line)}`),
      ),
    ]),
    '',
    `  ${paint('bold', good === rows.length ? 'Proved' : 'Not proved')}: ${good} of ${rows.length} variants did what was expected of them.`,
    ...(page ? [`  ${paint('dim', 'Side by side')}  ${paint('cyan', page)}`] : []),
    '',
  ].join('\n');
}
