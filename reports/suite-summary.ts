/** The summary of a suite: for the terminal, and as summary.md. */
import { escaped, marks } from './markdown.ts';
import { painter } from './paint.ts';
import { countIn, outcomeIn, type Suite, type SuiteRun, timesIn } from './suite.ts';
import { type Look, signs, styles } from './terminal.ts';
import { plain, wrapped } from './text.ts';

/** A line for each run, what it amounts to, the time, and where more is. */
export function suiteSummary(suite: Suite, { color, columns, folder }: Look & { readonly folder: string }): string {
  const paint = painter(color);
  const width = Math.min(100, columns - 1);
  const lines = suite.runs.flatMap((run) => {
    const { tone, claim, why } = outcomeIn(run, suite);
    const [name, more] = [plain(`${run.scenario} · ${run.variant}`), plain(run.different)];
    const told = tone === 'good' || tone === 'plain' ? [] : wrapped(plain(why), width - 6);
    const aside = more === '' ? '' : `  ${paint('dim', more)}`;
    return [
      `  ${paint(styles[tone], signs[tone])} ${paint('bold', name)}  ${paint(styles[tone], plain(claim))}${aside}`,
      ...told.map((line) => `      ${paint('dim', line)}`),
      ...again(run).map((text) => `      ${paint('dim', text)}`),
    ];
  });
  const whole = suite.interrupted ? `Interrupted. ${countIn(suite)}` : countIn(suite);
  return [
    '',
    `  ${paint('bold', 'suite')} ${plain(suite.file)}`,
    '',
    ...lines,
    '',
    `  ${paint('bold', whole)}`,
    ...wrapped(timesIn(suite), width - 2).map((line) => `  ${line}`),
    `  ${paint('dim', 'JUnit, summary.md, suite.json')}  ${paint('cyan', folder)}`,
    '',
  ].join('\n');
}

export function suiteMarkdown(suite: Suite): string {
  const rows = suite.runs.map((run) => {
    const { tone, claim, why } = outcomeIn(run, suite);
    const about = [run.mode === 'run' ? 'limits judged' : '', run.different].filter(Boolean).join(', ');
    const cells = [
      `${marks[tone]} ${escaped(claim)}`,
      escaped(run.scenario),
      `${escaped(run.variant)}${about === '' ? '' : ` (${escaped(about)})`}`,
      escaped(run.provider),
      [why, ...again(run)].map(escaped).join('<br>'),
      run.played ? `${run.played.verdict.seconds.toFixed(0)} s` : '',
      run.played ? escaped(run.played.verdict.run) : '',
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `## ${marks[suite.exitCode === 0 ? 'good' : suite.exitCode === 3 ? 'void' : 'bad']} ${escaped(countIn(suite))}`,
    '',
    `**suite ${escaped(suite.file)}**${suite.interrupted ? ' — **interrupted**' : ''}`,
    '',
    escaped(timesIn(suite)),
    '',
    '| | Scenario | Variant | On | Why | Time | Run |',
    '|---|---|---|---|---|---:|---|',
    ...rows,
    '',
    `<sub>started ${escaped(suite.started)}, exit code ${suite.exitCode}</sub>`,
    '',
  ].join('\n');
}

function again({ played }: SuiteRun): readonly string[] {
  const former = played?.verdict.former ?? [];
  return former.map(({ run, reasons }, index) => {
    return `attempt ${index + 1} (${run}) proved nothing: ${reasons[0] ?? 'no reason was recorded'}`;
  });
}
