/** Whether a cluster that is not the run's own was left as it was, in words; the same in every report. */
import type { Difference, Report, Residue } from '../harness/model.ts';
import type { Paint, Style } from './paint.ts';
import type { Tone } from './story.ts';
import { plain, wrapped } from './text.ts';

export interface ResidueTexts {
  readonly tone: Tone;
  readonly headline: string;
  readonly lines: readonly { readonly tone: Tone; readonly text: string }[];
}

const why: Record<NonNullable<Difference['ours']>, string> = {
  mark: "it carries the run's mark",
  written: 'ordeal wrote it',
  touched: 'the run touched it',
  unreadable: 'nobody knows what it is',
};

export function residueTexts({ residue }: Pick<Report, 'residue'>): ResidueTexts | undefined {
  if (residue === undefined) return undefined;
  const { differences, failed, more, unread, dirty } = residue;
  const ours = differences.filter((difference) => difference.ours !== undefined);
  const others = differences.length - ours.length + more;
  const lines = [
    ...differences.map((difference) => ({
      tone: difference.ours ? ('bad' as const) : ('plain' as const),
      text: `${differenceText(difference)} (${difference.ours ? why[difference.ours] : 'changed by somebody else meanwhile, or by us: look'})`,
    })),
    ...(more > 0 ? [{ tone: 'plain' as const, text: `${more} more, none of them known to be the run's` }] : []),
    ...unread.map((text) => ({ tone: 'void' as const, text: `not compared: ${text}` })),
  ];
  return { tone: dirty ? 'bad' : 'good', headline: headline(residue, ours.length, others), lines: failed ? [] : lines };
}

function headline({ objects, kinds, nodes, failed, unread }: Residue, ours: number, others: number): string {
  if (failed !== undefined) return `nobody knows whether the cluster is as it was before: ${failed}`;
  const looked = `${objects} objects of ${kinds} kinds${nodes > 0 ? ` and ${nodes} ${nodes === 1 ? 'node' : 'nodes'}` : ''} compared`;
  const unknown = unread.length > 0 ? `; ${unread.length} could not be read` : '';
  const left = ours > 0 ? `left: ${ours} ${ours === 1 ? 'difference' : 'differences'}` : 'nothing of the run is left';
  return `${looked}: ${left}${others > 0 ? `; ${others} changed by somebody else meanwhile, or by us: look` : ''}${unknown}`;
}

/** `Node worker, taint a:NoSchedule: was absent, is set`. */
export function differenceText({ node, kind, name, what, was, is }: Difference): string {
  const where = node === undefined ? '' : `on ${node}: `;
  return `${where}${[kind, name].filter(Boolean).join(' ')}${what === undefined ? '' : `, ${what}`}: was ${was}, is ${is}`;
}

const styles: Record<Tone, Style> = { good: 'green', bad: 'red', void: 'yellow', plain: 'dim' };
const signs: Record<Tone, string> = { good: '✓', bad: '✗', void: '?', plain: '–' };
const mostLines = 20;

/** For a terminal. */
export function residueLines(report: Report, width: number, paint: Paint): string[] {
  const told = residueTexts(report);
  if (told === undefined) return [];
  const { tone, headline, lines } = told;
  const more = lines.length - mostLines;
  const painted = (of: Tone, text: string) =>
    wrapped(`${signs[of]} ${plain(text)}`, width - 12).map((line) => paint(styles[of], line));
  const list = lines.slice(0, mostLines).flatMap((line) => painted(line.tone, line.text));
  const [first = '', ...rest] = [
    ...painted(tone, headline),
    ...list,
    ...(more > 0 ? [`and ${more} more, in the report`] : []),
  ];
  return [`  ${paint('dim', 'As it was ')}${first}`, ...rest.map((line) => `            ${line}`)];
}
