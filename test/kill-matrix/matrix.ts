/**
 * Kills the harness at every line of its ledger and at moments between: `npm run kill-matrix -- [FILE] [--only NAME] [--random N] [--table]`.
 * Each cell's outcome is a line of FILE (kill-matrix.ndjson); what stands there is not played again. Prints the table; exit 1 where
 * something was left.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Kill, type Outcome, playKilled, playWhole } from './cell.ts';
import { killsOf, nameOf, plays, textOf } from './plays.ts';
import { startTheirs } from './theirs.ts';

type Line =
  | { readonly play: string; readonly whole: { readonly lines: number; readonly seconds: number } }
  | ({ readonly play: string; readonly cell: string; readonly whom: Kill['whom']; readonly at?: number } & Outcome);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, random: { type: 'string', default: '15' }, table: { type: 'boolean' } },
});
const [file = 'kill-matrix.ndjson'] = positionals;
const lines: Line[] = existsSync(file)
  ? readFileSync(file, 'utf8')
      .split('\n')
      .filter((text) => text !== '')
      .map((text) => JSON.parse(text) as Line)
  : [];
const write = (line: Line) => {
  lines.push(line);
  appendFileSync(file, `${JSON.stringify(line)}\n`);
};

if (!values.table) {
  const chosen = plays.filter((play) => nameOf(play).includes(values.only ?? ''));
  await using theirs = chosen.some(({ cluster }) => cluster === 'kubeconfig') ? await startTheirs() : undefined;
  for (const play of chosen) {
    const name = nameOf(play);
    const known = lines.find((line) => line.play === name && 'whole' in line);
    const whole = known && 'whole' in known ? known.whole : await playWhole(play, theirs);
    if (!known) write({ play: name, whole });
    for (const kill of killsOf({ ...whole, random: Number(values.random) })) {
      const cell = textOf(kill);
      if (lines.some((line) => line.play === name && 'cell' in line && line.cell === cell)) continue;
      const outcome = await playKilled(play, kill, theirs);
      if ('line' in kill && !outcome.killed) {
        process.exitCode = 1;
        console.log(`${name}, ${cell}: nobody was killed`);
        continue;
      }
      write({ play: name, cell, whom: kill.whom, ...('at' in kill && { at: kill.at }), ...outcome });
      console.log(`${name}, ${cell}: ${outcome.residue.join('; ') || 'nothing left'}`);
      // It takes no other run until somebody has looked.
      if (play.cluster === 'kubeconfig' && outcome.residue.length > 0) break;
    }
  }
}

console.log('| played | kills at a line | at a moment | of them with the watchdog | something left |');
console.log('| --- | --: | --: | --: | --: |');
for (const name of plays.map(nameOf)) {
  const cells = lines.flatMap((line) => (line.play === name && 'cell' in line && line.killed ? [line] : []));
  const left = cells.filter(({ residue }) => residue.length > 0).length;
  const [moments, both] = [cells.filter(({ at }) => at !== undefined), cells.filter(({ whom }) => whom === 'both')];
  const counts = [cells.length - moments.length, moments.length, both.length, left];
  console.log(`| ${name} | ${counts.join(' | ')} |`);
}
if (lines.some((line) => 'cell' in line && line.residue.length > 0)) process.exitCode = 1;
