/** The table of node failures, and of the faults that were injected; can be read with scripts off. */
import type { Report } from '../../harness/model.ts';
import { moment } from '../figures.ts';
import { failureCount, failureTexts, faultTexts } from '../node-failures.ts';
import { html, type Markup } from './markup.ts';

const mostRows = 200;

export function failures(report: Report): Markup | undefined {
  const all = failureTexts(report);
  if (all.length === 0) return undefined;
  const rows = all.slice(0, mostRows).map((one, index) => {
    const { node, what, at, sign, detected, detectedBy, back, from } = one;
    return html`<tr>
<th scope="row">${node}<b class="what">${what}</b></th>
<td class="number jump-cell"><button class="jump" type="button" data-failure="${index}" title="Show this moment in the timeline">${moment(at)}</button></td>
<td class="sign-text first">${sign}</td>
<td class="number measured" data-name="noticed after"><span class="${detectedBy === undefined ? 'unnoticed' : ''}">${detected}</span></td>
<td class="sign-text" data-name="how">${detectedBy ?? ''}</td>
<td class="number measured" data-name="back after"><span class="${from === '' ? 'unnoticed' : ''}">${back}</span>${from ? html`<small>${from}</small>` : undefined}</td>
</tr>
${evidence(report, index)}`;
  });
  return html`<section aria-labelledby="failures-title">
<h2 id="failures-title">Node failures</h2>
<p class="help">${failureCount(report)}. Noticed: by Kubernetes, with a condition, a taint or an event.</p>
<table class="failures">
<thead><tr><th scope="col">Node</th><th scope="col" class="number">First sign</th><th scope="col">What it was</th><th scope="col" class="number">Noticed after</th><th scope="col">How</th><th scope="col" class="number">Back after</th></tr></thead>
<tbody>${rows}</tbody>
</table>
${all.length > rows.length ? html`<p class="quiet">${all.length - rows.length} more are in verdict.json.</p>` : undefined}
</section>`;
}

/** Lines of the node's own kernel, kubelet or runtime: the first ones open, where there are few failures. */
function evidence({ verdict }: Report, index: number): Markup | undefined {
  const lines = verdict.nodeFailures[index]?.evidence ?? [];
  if (lines.length === 0) return undefined;
  return html`<tr class="evidence"><td colspan="6"><details${verdict.nodeFailures.length <= 4 ? html` open` : undefined}><summary>${lines.length} ${lines.length === 1 ? 'line' : 'lines'} of the node's own logs</summary>
<ol class="lines">${lines.map(({ at, signature, line }) => html`<li><span>${moment(at)}</span> <code title="${signature}">${line}</code></li>`)}</ol></details></td></tr>\n`;
}

export function injections(report: Report): Markup | undefined {
  const all = faultTexts(report);
  if (all.length === 0) return undefined;
  return html`<section aria-labelledby="faults-title">
<h2 id="faults-title">Faults</h2>
<table class="faults">
<thead><tr><th scope="col">Real</th><th scope="col">Fault</th><th scope="col">Into</th><th scope="col">Proof</th><th scope="col" class="number">From, to</th></tr></thead>
<tbody>${all.map(
    ({ name, targets, from, to, real, proof }) => html`<tr class="${real ? 'good' : 'void'}">
<td class="result"><span class="sign" aria-hidden="true">${real ? '✓' : '?'}</span> ${real === undefined ? 'unknown' : real ? 'real' : 'not real'}</td>
<th scope="row">${name}</th><td class="detail" data-name="into">${targets || 'nothing'}</td><td class="detail" data-name="proof">${proof}</td><td class="number">${moment(from)} – ${moment(to)}</td>
</tr>\n`,
  )}</tbody>
</table>
</section>`;
}
