/** The parts of report.html that can be read with scripts off. Everything is escaped by the template. */
import type { Finding, Report } from '../../harness/model.ts';
import type { Facts } from '../facts.ts';
import { limitText, moment } from '../figures.ts';
import { expectation, formerOf, groupsOf, meaning, outcomeOf, sighting, symbols, toneOf } from '../story.ts';
import { limitOf } from '../thresholds.ts';
import { html, type Markup } from './markup.ts';

export function opening(report: Report, { began, ended, end }: Facts): Markup {
  const { scenario, verdict } = report;
  const { status, tone, claim, why } = outcomeOf(report);
  const cut =
    ended?.how === 'completed'
      ? undefined
      : (ended?.reason ?? (ended ? ended.how : 'the journal has no end: the run was cut short'));
  return html`<header>
<p class="brand"><b>ordeal</b> <span>${scenario.id} · ${scenario.variant.name}</span><span class="run">${report.run}</span></p>
<h1>${scenario.question}</h1>
<div class="verdict ${tone}">
<p class="status"><strong>${status}</strong> <span>${claim}</span></p>
<p class="why">${why}</p>
${cut === undefined ? undefined : html`<p class="cut"><b>Not completed:</b> ${cut}</p>`}
${verdict.reasons.length > 1 ? html`<ul>${verdict.reasons.map((reason) => html`<li>${reason}</li>`)}</ul>` : undefined}
</div>
<dl class="facts">
<div><dt>Variant</dt><dd><b>${scenario.variant.name}</b>: ${scenario.variant.what}</dd></div>
<div><dt>Expected</dt><dd>${expectation(report)}</dd></div>
<div><dt>Seen</dt><dd>${sighting(report)}</dd></div>
${formerOf(report).map((text) => html`<div><dt>Before it</dt><dd>${text}</dd></div>\n`)}<div><dt>Run</dt><dd>${began ? began.wall.slice(0, 19).replace('T', ' ') : 'unknown time'} UTC, ${Math.round(end / 1000)} s, exit code ${report.exitCode}</dd></div>
</dl>
<details class="incident"><summary>The incident: ${scenario.incident.from}</summary><p>${scenario.incident.what}</p></details>
</header>`;
}

export function findings(report: Report): Markup {
  const rows = groupsOf(report).map(
    ({ title, findings }) => html`<tbody>
<tr class="group"><th colspan="6" scope="rowgroup">${title}</th></tr>
${findings.map((finding) => row(report, finding))}
</tbody>`,
  );
  return html`<section aria-labelledby="findings-title">
<h2 id="findings-title">Findings</h2>
<table class="findings">
<thead><tr><th scope="col">Result</th><th scope="col">Threshold</th><th scope="col" class="number">Measured</th><th scope="col" class="number">Limit</th><th scope="col">Phase</th><th scope="col" class="number">Moment</th></tr></thead>
${rows}
</table>
</section>`;
}

function row(report: Report, finding: Finding): Markup {
  const limit = limitOf(report, finding);
  const tone = toneOf(finding, report.verdict.judged);
  return html`<tr class="${tone}">
<td class="result"><span class="sign" aria-hidden="true">${symbols[finding.status]}</span> ${meaning(finding)}</td>
<th scope="row">${finding.threshold}${finding.detail ? html`<small>${finding.detail}</small>` : undefined}</th>
<td class="number measured" data-name="measured">${finding.measured ?? '–'}</td>
<td class="number" data-name="limit">${limit ? limitText(limit.is) : ''}</td>
<td data-name="phase">${finding.phase}<small>${finding.samples} ${finding.samples === 1 ? 'sample' : 'samples'}</small></td>
<td class="number jump-cell"><button class="jump" type="button" data-index="${report.verdict.findings.indexOf(finding)}" title="Show this moment in the timeline">${finding.at === undefined ? 'show' : moment(finding.at)}</button></td>
</tr>`;
}

/** What the timeline's script fills; without scripts it says so. */
export function timeline(): Markup {
  return html`<section id="timeline" aria-labelledby="timeline-title" aria-describedby="timeline-help">
<h2 id="timeline-title">Timeline</h2>
<p id="timeline-help" class="help">Drag to zoom, double-click for the whole run. Keys: ← → move, + − zoom, 0 resets.</p>
<div id="tools" role="toolbar" aria-label="Zoom"></div>
<div id="strip"></div>
<div id="lanes-top"></div>
<div id="panels"></div>
<div id="lanes-nodes"></div>
<div id="panels-more"></div>
<noscript><p>The timeline needs scripts; the verdict, the findings and the tables do not.</p></noscript>
</section>
<section id="happenings" aria-labelledby="happenings-title"><h2 id="happenings-title">What happened</h2></section>`;
}
