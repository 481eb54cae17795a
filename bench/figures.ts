/**
 * Markdown tables of what was measured, from a folder of runs alone.
 * `node bench/figures.ts RUNS…`: every scenario and variant, how many runs of it did what was expected, and the figures of what was judged.
 * `node bench/figures.ts RUNS… SCENARIO`: of one scenario all thresholds, a column for each variant.
 * A figure is the least and the greatest of all complete runs that prove something.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../harness/model.ts';
import type { VerdictFile } from '../reports/json.ts';

export interface Read {
  /** By the time at which they began. */
  readonly runs: readonly VerdictFile[];
  /** Folders with a journal that are not counted, and why. */
  readonly left: readonly string[];
}

/** Reads `RUNS/*` by its verdict.json. Runs that were interrupted or stopped, and those whose cluster never was, are left out and named. */
export function readRuns(...folders: readonly string[]): Read {
  const left: string[] = [];
  const runs = folders
    .flatMap((folder) => readdirSync(folder).map((id) => ({ id, path: join(folder, id) })))
    .filter(({ path }) => ['journal.ndjson', 'verdict.json'].some((name) => existsSync(join(path, name))))
    .flatMap(({ id, path }) => {
      const file = join(path, 'verdict.json');
      if (!existsSync(file)) {
        left.push(`${id}: no verdict.json (ordeal report ${id} writes it)`);
        return [];
      }
      const run = JSON.parse(readFileSync(file, 'utf8')) as VerdictFile;
      const why =
        run.ended === 'interrupted' || run.ended === 'stopped'
          ? run.ended
          : run.cluster === null
            ? 'it had no cluster'
            : undefined;
      if (why !== undefined) left.push(`${id}: ${why}`);
      return why === undefined ? [run] : [];
    });
  const when = ({ started, run }: VerdictFile) => `${started ?? ''} ${run}`;
  runs.sort((one, other) => (when(one) < when(other) ? -1 : when(one) > when(other) ? 1 : 0));
  return { runs, left };
}

export type Count = 'as expected' | 'not' | 'invalid';

/** Whether the run showed what its variant is there to show, whichever of the two was judged then. */
export function counted({ status, variant, signatureShown, limitsHeld }: VerdictFile): Count {
  const shown = variant.expect === 'signature' ? signatureShown : limitsHeld;
  if (status === 'invalid' || shown === null) return 'invalid';
  return shown ? 'as expected' : 'not';
}

/** One row for each variant, apart by where it ran and by its parameters. */
export function wholeTable(runs: readonly VerdictFile[]): string {
  const groups = [...Map.groupBy(runs, keyOf).values()].sort(([one], [other]) =>
    (one?.scenario ?? '') < (other?.scenario ?? '') ? -1 : one?.scenario === other?.scenario ? 0 : 1,
  );
  const head = [
    'scenario',
    'variant',
    'on',
    'expected',
    'runs as expected',
    'not',
    'invalid',
    'judged, least … greatest',
  ];
  const rows = groups.map((group) => {
    const last = group.at(-1);
    if (!last) return [];
    const number = (count: Count) => `${group.filter((run) => counted(run) === count).length}`;
    const expected = last.variant.expect === 'signature' ? 'breaks' : 'holds';
    const named = [last.variant.name, differing(last, groups)].filter(Boolean).join(', ');
    const provider = last.cluster?.provider ?? '';
    const counts = [number('as expected'), number('not'), number('invalid')];
    return [last.scenario, named, provider, expected, ...counts, figures(group, last)];
  });
  return table([head, head.map((_, column) => (column >= 4 && column <= 6 ? '--:' : '---')), ...rows]);
}

const keyOf = ({ scenario, variant, cluster, parameters }: VerdictFile) =>
  JSON.stringify([scenario, variant.name, variant.what, cluster?.provider, parameters]);

/** The parameters that set it apart from other runs of the same variant, and what a suite changed. */
function differing(run: VerdictFile, groups: readonly (readonly VerdictFile[])[]): string {
  const others = groups
    .flatMap(([first]) => first ?? [])
    .filter(({ scenario, variant }) => scenario === run.scenario && variant.name === run.variant.name);
  const parameters = Object.entries(run.parameters)
    .filter(([name, value]) => others.some((other) => other.parameters[name] !== value))
    .map(([name, value]) => `${name}=${value}`);
  const whats = new Set(others.map(({ variant }) => variant.what));
  return [...parameters, ...(whats.size > 1 ? [run.variant.what] : [])].join(', ');
}

/** What is judged of this variant by the newest run's thresholds, of all runs that prove something. */
function figures(group: readonly VerdictFile[], last: VerdictFile): string {
  const role = last.variant.expect === 'signature' ? 'signature' : 'limit';
  const sound = group.filter((run) => counted(run) !== 'invalid');
  const thresholds = last.findings.filter((finding) => finding.role === role).map(({ threshold }) => threshold);
  return thresholds
    .map((threshold) => `${cell(threshold)}: **${cell(range(findingsOf(sound, role, threshold)))}**`)
    .join('<br>');
}

function findingsOf(runs: readonly VerdictFile[], role: Finding['role'], threshold: string): readonly Finding[] {
  return runs.flatMap(({ findings }) => findings.filter((one) => one.role === role && one.threshold === threshold));
}

/** `1 … 3`; of several alternatives each metric that decided by itself. */
function range(findings: readonly Finding[]): string {
  const measured = findings.filter((finding) => finding.measured !== undefined);
  if (measured.length === 0) return '–';
  const metrics = [...Map.groupBy(measured, ({ metric }) => metric)];
  return metrics
    .map(([metric, some]) => {
      const sorted = some.sort((one, other) => (one.value ?? 0) - (other.value ?? 0)).map((one) => one.measured);
      const text = sorted[0] === sorted.at(-1) ? `${sorted[0]}` : `${sorted[0]} … ${sorted.at(-1)}`;
      return metrics.length > 1 ? `${metric} ${text}` : text;
    })
    .join(', ');
}

/** Of one scenario: a row for each threshold, a column for each variant. */
export function scenarioTable(runs: readonly VerdictFile[]): string {
  const variants = [...new Set(runs.map(({ variant }) => variant.name))];
  const of = (variant: string) => runs.filter((run) => run.variant.name === variant);
  const number = (variant: string, count: Count) => of(variant).filter((run) => counted(run) === count).length;
  const rows = new Set(
    runs.flatMap(({ findings }) => findings.map(({ role, threshold }) => JSON.stringify([role, threshold]))),
  );
  return table([
    ['', ...variants.map((variant) => `${variant} (${of(variant).length} runs)`)],
    ['---', ...variants.map(() => '---')],
    ['as expected', ...variants.map((variant) => `${number(variant, 'as expected')}`)],
    ...[...rows].map((key) => {
      const [role, threshold] = JSON.parse(key) as [Finding['role'], string];
      const sound = (variant: string) => of(variant).filter((run) => counted(run) !== 'invalid');
      return [
        cell(`${role}: ${threshold}`),
        ...variants.map((variant) => cell(range(findingsOf(sound(variant), role, threshold)))),
      ];
    }),
  ]);
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const table = (rows: readonly (readonly string[])[]) => rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');

if (import.meta.main) {
  const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();
  const words = process.argv.slice(2);
  const folders = words.filter(isFolder);
  const scenario = words.find((word) => !isFolder(word));
  const { runs, left } = readRuns(...(folders.length > 0 ? folders : ['runs']));
  for (const text of left) console.error(`not counted: ${text}`);
  const one = scenario === undefined ? undefined : runs.filter((run) => run.scenario === scenario);
  process.stdout.write(one === undefined ? wholeTable(runs) : scenarioTable(one));
}
