/** report.html: one self-contained file. */
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Report, Reporter } from '../../harness/model.ts';
import { factsOf } from '../facts.ts';
import { visible } from '../text.ts';
import { failures, injections } from './failures.ts';
import { happeningsOf, lanesOf } from './lanes.ts';
import { document, html } from './markup.ts';
import { findings, opening, timeline } from './page.ts';
import { panelsOf } from './panels.ts';
import { streamsOf } from './streams.ts';
import { asItWas, surroundings, users } from './tables.ts';
import { queryTimeOf } from './users.ts';

/** What the client's scripts get: plain data, every text made visible. */
export function pageData(report: Report) {
  const facts = factsOf(report);
  const streams = streamsOf(report.events);
  const { rows, left } = happeningsOf(facts);
  return {
    end: facts.end / 1000,
    phases: facts.phases.map(({ name, from, to }) => ({ name: visible(name), from: from / 1000, to: to / 1000 })),
    panels: panelsOf(report, facts, streams),
    ...lanesOf(report, facts, streams),
    failures: report.verdict.nodeFailures.map(({ first }) => ({ at: first.at / 1000 })),
    happenings: rows,
    left,
    findings: report.verdict.findings.map(({ metric, at, phase, threshold }) => ({
      metric,
      phase,
      threshold: visible(threshold),
      ...(at !== undefined && { at: at / 1000 }),
    })),
  };
}

export async function reportPage(report: Report): Promise<string> {
  const facts = factsOf(report);
  const chart = join(createRequire(import.meta.url).resolve('uplot'), '..');
  const [styles, scripts] = await Promise.all([
    texts([
      join(chart, 'uPlot.min.css'),
      ...['theme.css', 'page.css', 'tables.css', 'failures.css', 'timeline.css', 'lanes.css', 'narrow.css'].map(client),
    ]),
    texts([
      join(chart, 'uPlot.iife.min.js'),
      ...['view.js', 'paint.js', 'panels.js', 'lanes.js', 'page.js'].map(client),
    ]),
  ]);
  return document({
    title: `${report.verdict.status}: ${report.scenario.id} · ${report.scenario.variant.name}`,
    styles,
    scripts,
    data: pageData(report),
    body: html`<main>
${opening(report, facts)}
${findings(report)}
${failures(report)}
${injections(report)}
${timeline()}
${users(queryTimeOf(facts, streamsOf(report.events)))}
${asItWas(report)}
${surroundings(report, facts)}
</main>`,
  });
}

/** Static parts of the page, read beside this file so that they work unbuilt and published. */
export function client(name: string): URL {
  return new URL(`./client/${name}`, import.meta.url);
}

export function texts(paths: readonly (string | URL)[]): Promise<string[]> {
  return Promise.all(paths.map((path) => readFile(path, 'utf8')));
}

export const htmlReport: Reporter = {
  name: 'html',
  async write(report, folder) {
    const path = join(folder, 'report.html');
    await writeFile(path, await reportPage(report));
    return [path];
  },
};
