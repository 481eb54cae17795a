/** summary.md for a CI job's page: the verdict first, then why, then the table of findings. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report, Reporter } from '../harness/model.ts';
import { costOf, costText } from './cost.ts';
import { deathsOf, factsOf, versionsOf } from './facts.ts';
import { limitText, moment } from './figures.ts';
import { failureCount, failureTexts, faultTexts } from './node-failures.ts';
import { debtText } from './owed.ts';
import { residueTexts } from './residue.ts';
import { expectation, formerOf, groupsOf, meaning, outcomeOf, sighting, type Tone, toneOf } from './story.ts';
import { visible } from './text.ts';
import { limitOf } from './thresholds.ts';

export const marks: Record<Tone, string> = { good: '🟢', bad: '🔴', void: '🟡', plain: '⚪' };

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
  const facts = factsOf(report);
  const { ended, end, began } = facts;
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
    ...faultTexts(report).map(
      ({ name, targets, real, proof }) =>
        `- Fault ${escaped(name)} into ${escaped(targets)}: ${real === undefined ? 'nobody looked whether it was real' : `${real ? 'real' : '**not real**'}, ${escaped(proof)}`}`,
    ),
    ...deathsOf(report).map(({ at, text }) => `- Died: ${escaped(text)} at ${moment(at)}`),
  ];
  if (ended?.how !== 'completed')
    lines.push(
      `- **${escaped(ended ? `${ended.how}${ended.reason ? `: ${ended.reason}` : ''}` : 'cut short: the journal has no end')}**`,
    );
  for (const text of formerOf(report)) lines.push(`- ${escaped(text)}`);
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
  lines.push(...failuresTable(report), '', '### Put back', '');
  lines.push(
    left.length === 0
      ? `All ${owed.length} changes were put back.`
      : `**${left.length} of ${owed.length} changes were not put back:**`,
  );
  for (const { debt, error } of left)
    lines.push(`- ${escaped(`${debt.undo} ${debtText(debt)}${error ? `: ${error}` : ''}`)}`);
  lines.push(...asItWas(report));
  const cost = costOf(report);
  if (cost) lines.push('', `ordeal itself: ${escaped(costText(cost))}.`);
  const about = [`run ${report.run}`, `${(end / 1000).toFixed(0)} s`, `exit code ${report.exitCode}`];
  lines.push(
    '',
    `<sub>${escaped([...about, ...versionsOf(facts), ...(began ? [`ordeal ${began.ordeal}`] : [])].join(', '))}</sub>`,
    '',
  );
  return lines.join('\n');
}

const mostFailures = 50;
const mostDifferences = 50;

function asItWas(report: Report): string[] {
  const told = residueTexts(report);
  if (told === undefined) return [];
  const { tone, headline, lines } = told;
  const more = lines.length - mostDifferences;
  return [
    '',
    '### As it was before',
    '',
    `${marks[tone]} ${escaped(headline)}`,
    '',
    ...lines.slice(0, mostDifferences).map((line) => `- ${marks[line.tone]} ${escaped(line.text)}`),
    ...(more > 0 ? [`- ${more} more are in verdict.json.`] : []),
  ];
}

function failuresTable(report: Report): string[] {
  const all = failureTexts(report);
  if (all.length === 0) return [];
  const rows = all.slice(0, mostFailures).map(({ node, what, at, sign, detected, back, from }) => {
    const cells = [node, what, moment(at), sign, detected, `${back} ${from}`];
    return `| ${cells.map(escaped).join(' | ')} |`;
  });
  const head = '| Node | What | First sign at | First sign | Noticed after | Back after |';
  const more = all.length - rows.length;
  return [
    '',
    '### Node failures',
    '',
    `${escaped(failureCount(report))}.`,
    '',
    head,
    '|---|---|---:|---|---:|---:|',
    ...rows,
    ...(more > 0 ? ['', `${more} more are in verdict.json.`] : []),
  ];
}

export const markdownReport: Reporter = {
  name: 'markdown',
  async write(report, folder) {
    const path = join(folder, 'summary.md');
    await writeFile(path, markdown(report));
    return [path];
  },
};
