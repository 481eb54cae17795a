/** The tables below the timeline: who asked for what, what was running, and what was put back. */

import { format } from '../../harness/format.ts';
import type { ComponentFacts, Report } from '../../harness/model.ts';
import { costOf, costText } from '../cost.ts';
import type { Facts } from '../facts.ts';
import { debtText } from '../owed.ts';
import { residueTexts } from '../residue.ts';
import { html, type Markup } from './markup.ts';
import type { queryTimeOf } from './users.ts';

const mostUsers = 12;

export function users(all: ReturnType<typeof queryTimeOf>): Markup | undefined {
  if (all.length === 0) return undefined;
  const rest = all.slice(mostUsers);
  const others = {
    user: `${rest.length} others`,
    verbs: '',
    seconds: rest.reduce((sum, { seconds }) => sum + seconds, 0),
    share: rest.reduce((sum, { share }) => sum + share, 0),
  };
  const rows = rest.length === 0 ? all : [...all.slice(0, mostUsers), others];
  return html`<section aria-labelledby="users-title">
<h2 id="users-title">Who asked: query time per user, while the fault lasted</h2>
<table class="users">
<thead><tr><th scope="col">User</th><th scope="col">Verbs</th><th scope="col" class="number">Time</th><th scope="col" class="number">Share</th><th scope="col"><span class="hidden">Share as a bar</span></th></tr></thead>
<tbody>${rows.map(
    ({ user, verbs, seconds, share }) => html`<tr>
<th scope="row">${user}</th><td>${verbs}</td><td class="number">${format(seconds, 'seconds')}</td><td class="number">${(share * 100).toFixed(1)} %</td>
<td class="bar"><svg width="100%" height="12" aria-hidden="true"><rect width="100%" height="12" class="track"></rect><rect width="${(share * 100).toFixed(1)}%" height="12" class="fill"></rect></svg></td>
</tr>\n`,
  )}</tbody>
</table>
</section>`;
}

const resultOf = { good: 'as it was', bad: 'left', void: 'unknown', plain: 'look' } as const;
const signOf = { good: '✓', bad: '✗', void: '?', plain: '–' } as const;

/** Whether a cluster that is not the run's own was left as it was. */
export function asItWas(report: Report): Markup | undefined {
  const told = residueTexts(report);
  if (told === undefined) return undefined;
  return html`<section aria-labelledby="residue-title"><h2 id="residue-title">As it was before</h2>
<p class="${told.tone}">${told.headline}</p>
<table><tbody>${told.lines.map(
    ({ tone, text }) =>
      html`<tr class="${tone}"><td class="result"><span class="sign" aria-hidden="true">${signOf[tone]}</span> ${resultOf[tone]}</td><th scope="row">${text}</th></tr>\n`,
  )}</tbody></table></section>`;
}

export function surroundings(report: Report, { began, cluster, tools, phases }: Facts): Markup {
  const { scenario, owed } = report;
  const cost = costOf(report);
  const host = began?.host;
  const left = owed.filter(({ settled }) => !settled).length;
  return html`<section aria-labelledby="cluster-title">
<h2 id="cluster-title">What was running</h2>
${cluster ? html`<p>${cluster.provider} cluster <code>${cluster.name}</code>${cluster.notes.length > 0 ? html`: ${cluster.notes.join('; ')}` : undefined}</p>` : html`<p>No cluster was made.</p>`}
${
  cluster
    ? html`<div class="scroller"><table class="components"><thead><tr><th scope="col">Component</th><th scope="col">Version</th><th scope="col">Memory limit</th><th scope="col">Flags, read back from the process</th></tr></thead>
<tbody>${cluster.components.map(component)}</tbody></table></div>`
    : undefined
}
${cost ? html`<p>ordeal itself: ${costText(cost)}.</p>` : undefined}
</section>
<div class="columns">
<section aria-labelledby="tools-title"><h2 id="tools-title">Tools</h2>
<table><thead><tr><th scope="col">Tool</th><th scope="col">Version</th><th scope="col">From</th></tr></thead>
<tbody>${tools.map(
    ({ name, version, expected, source, path }) =>
      html`<tr><th scope="row">${name}</th><td>${version}${version === expected ? undefined : html`<small>expected ${expected}</small>`}</td><td>${source}<small class="path">${path}</small></td></tr>\n`,
  )}</tbody></table></section>
<section aria-labelledby="host-title"><h2 id="host-title">Host and parameters</h2>
<table><tbody>
${host ? pairs({ 'Operating system': host.os, Kernel: host.kernel, Processors: String(host.cpus), Memory: format(host.memoryBytes, 'bytes'), Node: host.node, ordeal: began.ordeal }) : undefined}
${pairs(Object.fromEntries(Object.entries(scenario.parameters).map(([name, value]) => [`--set ${name}`, typeof value === 'string' ? value || '""' : JSON.stringify(value)])))}
${pairs(Object.fromEntries(phases.map(({ name, from, to }) => [`phase ${name}`, `${(from / 1000).toFixed(1)} s to ${(to / 1000).toFixed(1)} s`])))}
</tbody></table></section>
<section aria-labelledby="owed-title"><h2 id="owed-title">What was put back</h2>
<p class="${left > 0 ? 'bad' : ''}">${left > 0 ? `${left} of ${owed.length} changes were not put back. Run ordeal clean.` : owed.length === 0 ? 'Nothing was owed.' : `All ${owed.length} changes were put back.`}</p>
<table><tbody>${owed.map(
    ({ debt, settled, error }) =>
      html`<tr class="${settled ? 'good' : 'bad'}"><td class="result"><span class="sign" aria-hidden="true">${settled ? '✓' : '✗'}</span> ${settled ? 'done' : 'not done'}</td><th scope="row">${debt.undo.replaceAll('-', ' ')}<small class="path">${debtText(debt)}${error ? ` ${error}` : ''}</small></th></tr>\n`,
  )}</tbody></table></section>
</div>`;
}

function component({ name, version, args, memoryLimitBytes, unlimited }: ComponentFacts): Markup {
  return html`<tr><th scope="row">${name}</th><td>${version}</td>
<td>${memoryLimitBytes === undefined ? (unlimited ? html`none<small>${unlimited}</small>` : 'none') : format(memoryLimitBytes, 'bytes')}</td>
<td class="flags">${args.length > 3 ? html`<details><summary>${args.length} flags</summary>${args.map(code)}</details>` : args.map(code)}</td></tr>\n`;
}

function code(text: string): Markup {
  return html`<code>${text}</code> `;
}

function pairs(entries: Readonly<Record<string, string>>): Markup[] {
  return Object.entries(entries).map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>\n`);
}
