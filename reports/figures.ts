/** Moments and limits as people read them; values by the verdict's own `format`. */

import { format } from '../harness/format.ts';
import type { Is, Millis } from '../harness/model.ts';

/** `52.3 s` since the start of the run. */
export function moment(at: Millis): string {
  return `${(at / 1000).toFixed(1)} s`;
}

/** `3:07` of whole seconds. */
export function clock(at: Millis): string {
  const seconds = Math.max(0, Math.round(at / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** The limit of a threshold without its metric: `<= 1 s`, `>= 5x steady`. */
export function limitText(is: Is): string {
  return 'times' in is ? `${is.op} ${format(is.times, 'times')} ${is.of}` : `${is.op} ${format(is.value, is.unit)}`;
}
