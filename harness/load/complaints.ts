import type { Millis } from '../model.ts';
import type { Tally } from './tally.ts';

/** How k6 ended, beside its measurements. All times on the run's clock. */
export interface Ending {
  readonly load: string;
  readonly requests: readonly string[];
  readonly duration: Millis;
  readonly started: Millis;
  /** When its first output came. */
  readonly first: Millis | undefined;
  readonly ended: Millis;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why we ended it ourselves. */
  readonly stopped: string | undefined;
  /** The longest time between two of its lines. */
  readonly silence: Millis;
  readonly lastLines: readonly string[];
}

/** k6 speaks each second; when it was silent for longer than this in mid-run, it was frozen or starved. */
export const longestSilence: Millis = 5_000;
/** A load may end this much before its time: k6 measures from its own start, and reports once a second. */
export const slack: Millis = 3_000;
/** More dropped iterations than this share: k6 ran short of virtual users, and offered less than was asked for. */
const droppedShare = 0.01;

const exits: Readonly<Record<number, string>> = {
  99: 'a threshold of the script',
  100: 'setup timed out',
  101: 'teardown timed out',
  104: 'invalid options',
  105: 'stopped from outside',
  107: 'an exception in the script',
  108: 'the script aborted itself',
  109: 'k6 crashed',
};

/** Why a load proves nothing; empty when it was offered as asked. */
export function complaints(ending: Ending, tally: Tally): readonly string[] {
  const found: string[] = [];
  const tail = ending.lastLines.length > 0 ? `: ${ending.lastLines.join(' | ')}` : '';
  const after = `after ${seconds(ending.ended - ending.started)}`;
  if (ending.stopped !== undefined) found.push(`${ending.stopped}${tail}`);
  else if (ending.signal !== null) found.push(`k6 was killed by ${ending.signal} ${after}${tail}`);
  else if (ending.exitCode !== 0) {
    found.push(`${exitText(ending.exitCode)} ${after}${tail}`);
  }
  if (found.length === 0) {
    const due = (ending.first ?? ending.started) + ending.duration - slack;
    if (ending.ended < due) found.push(`k6 ended ${after}, of ${seconds(ending.duration)} asked for${tail}`);
    else if (tally.last !== undefined && tally.last < due)
      found.push(`k6 sent its last sample ${seconds(ending.ended - tally.last)} before it ended`);
  }
  if (ending.silence > longestSilence) found.push(`k6 was silent for ${seconds(ending.silence)}: frozen, or starved`);
  found.push(...complaintsOffered(tally, ending.requests));
  return found.map((reason) => `load ${ending.load}: ${reason}`);
}

/** What is wrong with the load itself, whoever offered it. */
export function complaintsOffered(tally: Tally, requests: readonly string[]): readonly string[] {
  const { totals } = tally;
  const found: string[] = [];
  const silent = requests.filter((name) => !tally.asked.has(name));
  if (tally.last === undefined) found.push('k6 sent no samples');
  else if (silent.length > 0) found.push(`k6 made no request named ${silent.join(', ')}`);
  if (totals.succeeded === 0 && totals.wrong > totals.requests / 2)
    found.push(
      `none of ${totals.requests} requests succeeded, most were answered ${tally.commonest}: the load is wrong`,
    );
  const begun = totals.iterations + totals.dropped;
  if (totals.dropped > droppedShare * begun)
    found.push(`k6 dropped ${totals.dropped} of ${begun} iterations: too few virtual users`);
  return found;
}

/** `k6 exited with code 107 (an exception in the script)`. */
export function exitText(code: number | null): string {
  const why = exits[code ?? -1];
  return `k6 exited with code ${code}${why ? ` (${why})` : ''}`;
}

export function seconds(time: Millis): string {
  return `${(time / 1000).toFixed(1)} s`;
}
