/**
 * A markdown table of what was measured, from the runs of one scenario: `node bench/figures.ts RUNS_FOLDER SCENARIO`.
 * A row for each threshold, a column for each variant, the least and the greatest value of all complete runs.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../harness/model.ts';

interface Saved {
  readonly scenario: string;
  readonly variant: { readonly name: string };
  readonly status: string;
  readonly findings: readonly Finding[];
}

const [folder = 'runs', scenario = 'list-flood'] = process.argv.slice(2);
const runs = readdirSync(folder)
  .map((id) => join(folder, id, 'verdict.json'))
  .filter((file) => existsSync(file))
  .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Saved)
  .filter((run) => run.scenario === scenario && run.findings.some(({ measured }) => measured !== undefined));
const variants = [...new Set(runs.map(({ variant }) => variant.name))];
const of = (variant: string) => runs.filter((run) => run.variant.name === variant);

function range(variant: string, threshold: string): string {
  const found = of(variant)
    .flatMap(({ findings }) => findings)
    .filter((finding) => finding.threshold === threshold && finding.measured !== undefined)
    .sort((one, other) => (one.value ?? 0) - (other.value ?? 0))
    .map(({ measured }) => measured);
  if (found.length === 0) return '–';
  return found[0] === found.at(-1) ? `${found[0]}` : `${found[0]} … ${found.at(-1)}`;
}

const cell = (text: string) => text.replaceAll('|', '\\|');
const row = (cells: readonly string[]) => console.log(`| ${cells.map(cell).join(' | ')} |`);
row(['', ...variants.map((variant) => `${variant} (${of(variant).length} runs)`)]);
row(['---', ...variants.map(() => '---')]);
row(['passed', ...variants.map((variant) => `${of(variant).filter(({ status }) => status === 'passed').length}`)]);
const thresholds = runs.flatMap(({ findings }) =>
  findings.map(({ role, threshold }) => JSON.stringify([role, threshold])),
);
for (const key of new Set(thresholds)) {
  const [role, threshold] = JSON.parse(key) as [string, string];
  row([`${role}: ${threshold}`, ...variants.map((variant) => range(variant, threshold))]);
}
