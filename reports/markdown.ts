/** summary.md for a CI job's page: the verdict first, then why, then the table of findings. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report, Reporter } from '../harness/model.ts';
import { deathsOf, factsOf } from './facts.ts';
import { limitText, moment } from './figures.ts';
import { expectation, groupsOf, meaning, outcomeOf, sighting, type Tone, toneOf } from './story.ts';
import { visible } from './text.ts';
import { limitOf } from './thresholds.ts';

const marks: Record<Tone, string> = { good: '🟢', bad: '🔴', void: '🟡', plain: '⚪' };

/** Makes text from anywhere inert: no markup, no table cell, no link, no mention, no list, one line. */
export function escaped(text: string): string {
  return visible(text)
    .replace(/\s+/gu, ' ')
    .trim()
    .replace(/&/gu, '&amp;')
    .replace(/</gu, '&lt;')
    .replace(/>/gu, '&gt;')
    .replace(
      /[\\`*_[\]|~@$]|^[-+=#]|:(?=\S)|(?<=^\d+)[.)]|(?<=\bwww)\./giu,
      (character) => `&#${character.charCodeAt(0)};`,
    );
}

export function markdown(report: Report): string {
  const { scenario, verdict, owed } = report;
  const { status, tone, claim, why } = outcomeOf(report);
  const { ended, end, began, cluster } = factsOf(report);
  const left = owed.filter(({ settled }) => !settled);
  const lines = [
    `## ${marks[tone]} ${status}: ${escaped(claim)}`,
    '',
    `**${escaped(scenario.id)} · ${escaped(scenario.variant.name)}** — ${escaped(scenario.question)}`,
    '',
    escaped(why),
    '',
    `- Variant: ${escaped(scenario.variant.what)}`,
    `- Expected: ${escaped(expectation(report))}`,
    `- Seen: ${escaped(sighting(report))}`,
    ...deathsOf(report).map(({ at, text }) => `- Died: ${escaped(text)} at ${moment(at)}`),
  ];
  if (ended?.how !== 'completed')
    lines.push(
      `- **${escaped(ended ? `${ended.how}${ended.reason ? `: ${ended.reason}` : ''}` : 'cut short: the journal has no end')}**`,
    );
  if (verdict.reasons.length > 0)
    lines.push('', '### Why it proves nothing', '', ...verdict.reasons.map((reason) => `- ${escaped(reason)}`));
  for (const { title, findings } of groupsOf(report)) {
    lines.push(
      '',
      `### ${title}`,
      '',
      '| | Threshold | Limit | Measured | Phase | At | Samples |',
      '|---|---|---|---:|---|---:|---:|',
    );
    for (const finding of findings) {
      const limit = limitOf(report, finding);
      const cells = [
        `${marks[toneOf(finding, verdict.judged)]} ${meaning(finding)}`,
        `${escaped(finding.threshold)}${finding.detail ? `<br>${escaped(finding.detail)}` : ''}`,
        limit ? escaped(limitText(limit.is)) : '',
        finding.measured === undefined ? '' : escaped(finding.measured),
        escaped(finding.phase),
        finding.at === undefined ? '' : moment(finding.at),
        String(finding.samples),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  lines.push('', '### Put back', '');
  lines.push(
    left.length === 0
      ? `All ${owed.length} changes were put back.`
      : `**${left.length} of ${owed.length} changes were not put back:**`,
  );
  for (const { debt, error } of left)
    lines.push(`- ${escaped(`${debt.undo} ${'path' in debt ? debt.path : ''}${error ? `: ${error}` : ''}`)}`);
  const versions = cluster?.components.map(({ name, version }) => `${name} ${version}`) ?? [];
  const facts = [`run ${report.run}`, `${(end / 1000).toFixed(0)} s`, `exit code ${report.exitCode}`, ...versions];
  lines.push('', `<sub>${escaped([...facts, ...(began ? [`ordeal ${began.ordeal}`] : [])].join(', '))}</sub>`, '');
  return lines.join('\n');
}

export const markdownReport: Reporter = {
  name: 'markdown',
  async write(report, folder) {
    const path = join(folder, 'summary.md');
    await writeFile(path, markdown(report));
    return [path];
  },
};
