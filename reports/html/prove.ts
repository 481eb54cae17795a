/** prove.html: the variants of one scenario side by side, each with a link to its own report. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from '../../harness/format.ts';
import type { Finding, Report } from '../../harness/model.ts';
import { factsOf } from '../facts.ts';
import { expectation, formerOf, groupsOf, meaning, outcomeOf, symbols, toneOf } from '../story.ts';
import { drawnOf } from './drawn.ts';
import { document, html, type Markup } from './markup.ts';
import { marked, sourceOf } from './panels.ts';
import { client, texts } from './report.ts';
import { streamsOf } from './streams.ts';

/** Writes `prove.html` into the folder that holds the runs' folders, unless `hrefOf` says otherwise. */
export async function writeProve(
  reports: readonly Report[],
  folder: string,
  hrefOf: (report: Report) => string = ({ run }) => `${encodeURIComponent(run)}/report.html`,
): Promise<string> {
  const path = join(folder, 'prove.html');
  await writeFile(path, await provePage(reports, hrefOf));
  return path;
}

export async function provePage(reports: readonly Report[], hrefOf: (report: Report) => string): Promise<string> {
  const [first] = reports;
  const styles = await texts(['theme.css', 'page.css', 'tables.css', 'prove.css'].map(client));
  const good = reports.filter((report) => outcomeOf(report).tone === 'good').length;
  return document({
    title: `prove: ${first?.scenario.id ?? 'nothing'}`,
    styles,
    scripts: [],
    body: html`<main>
<header>
<p class="brand"><b>ordeal</b> <span>prove ${first?.scenario.id}</span></p>
<h1>${first?.scenario.question}</h1>
<p>${good === reports.length ? `${good === 2 ? 'Both' : `All ${good}`} variants did what was expected of them.` : `${good} of ${reports.length} variants did what was expected of them.`}</p>
</header>
<div class="scroller"><table class="prove">
<thead><tr><td></td>${reports.map((report) => head(report, hrefOf(report)))}</tr></thead>
${rowsOf(reports).map(({ title, rows }) => html`<tbody><tr class="group"><th scope="rowgroup" colspan="${reports.length + 1}">${title}</th></tr>${rows}</tbody>`)}
${curvesOf(reports)}
</table></div>
</main>`,
  });
}

function head(report: Report, href: string): Markup {
  const { tone, claim, status, why } = outcomeOf(report);
  const { name, what } = report.scenario.variant;
  return html`<th scope="col" class="variant ${tone}"><a href="${href}">${name}</a><small>${what}</small>
<p class="claim"><strong>${status}</strong> ${claim}</p><small>expected: ${expectation(report)}</small><small>${why}</small>${formerOf(report).map((text) => html`<small>${text}</small>`)}</th>`;
}

const titles = { signature: 'Signs of the incident', limit: 'Limits', evidence: 'Evidence that the trigger was real' };

/** One row a threshold, in the order in which the variants name them. */
function rowsOf(reports: readonly Report[]): { title: string; rows: Markup[] }[] {
  return (['signature', 'limit', 'evidence'] as const)
    .map((role) => {
      const all = reports.flatMap((report) => groupsOf(report).filter((group) => group.role === role));
      const texts = new Set(all.flatMap(({ findings }) => findings.map(({ threshold }) => threshold)));
      return { title: titles[role], rows: [...texts].map((text) => row(reports, role, text)) };
    })
    .filter(({ rows }) => rows.length > 0);
}

function row(reports: readonly Report[], role: Finding['role'], text: string): Markup {
  return html`<tr><th scope="row">${text}</th>${reports.map((report) => {
    const finding = report.verdict.findings.find((one) => one.role === role && one.threshold === text);
    if (finding === undefined) return html`<td>–</td>`;
    return html`<td class="${toneOf(finding, report.verdict.judged)}"><b>${finding.measured ?? '–'}</b><small class="result"><span aria-hidden="true">${symbols[finding.status]}</span> ${meaning(finding)}</small></td>`;
  })}</tr>\n`;
}

const width = 240;
const height = 56;

/** The judged metrics as small pictures, each row on one scale. */
function curvesOf(reports: readonly Report[]): Markup {
  const drawn = reports.map((report) => ({ report, facts: factsOf(report), streams: streamsOf(report.events) }));
  const metrics = new Set(reports.flatMap(({ verdict }) => verdict.findings.map(({ metric }) => metric)));
  const rows = [...metrics].map((metric) => {
    const cells = drawn.map(({ report, facts, streams }) => {
      const { curves, how } = drawnOf(report, sourceOf(metric, facts, streams));
      const [heaviest] = [...curves].sort((a, b) => b.weight - a.weight);
      const from = facts.phases[0]?.from ?? 0;
      const points = (heaviest?.t ?? []).map(
        (t, index) => [(t - from) / Math.max(1, facts.end - from), heaviest?.y[index] ?? null] as const,
      );
      return { how, points: points.filter(([x]) => x >= 0), most: heaviest?.weight ?? 0 };
    });
    const unit = drawn.map(({ facts }) => facts.specs.get(metric)?.unit).find((one) => one !== undefined) ?? 'count';
    const most = Math.max(...cells.map((cell) => cell.most));
    const moving =
      !marked.has(metric) && most > 0 && cells.some(({ points }) => new Set(points.map(([, y]) => y)).size > 2);
    return moving
      ? html`<tr><th scope="row">${metric}<small>${(cells.find(({ how }) => how)?.how ?? '').replace(' and p50', '')}</small></th>${cells.map((cell) => html`<td>${picture(cell.points, most)}<small>${cell.points.length > 0 ? `max ${format(cell.most, unit)}` : 'not recorded'}</small></td>`)}</tr>\n`
      : undefined;
  });
  return html`<tbody><tr class="group"><th scope="rowgroup" colspan="${reports.length + 1}">Series, each row on one scale</th></tr>${rows.filter((one) => one !== undefined)}</tbody>`;
}

function picture(points: readonly (readonly [number, number | null])[], most: number): Markup {
  let pen = 'M';
  const path = points.flatMap(([x, y]) => {
    if (y === null) {
      pen = 'M';
      return [];
    }
    const step = `${pen}${(x * width).toFixed(1)} ${(height - 2 - (y / most) * (height - 4)).toFixed(1)}`;
    pen = 'L';
    return [step];
  });
  return html`<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" aria-hidden="true"><path class="floor" d="M0 ${height - 1}H${width}"></path><path class="curve" d="${path.join('')}"></path></svg>`;
}
