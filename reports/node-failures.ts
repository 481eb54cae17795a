/** Node failures in words, the same in every report. Node, signs and lines are as the cluster wrote them: each renderer makes them inert. */

import { format } from '../harness/format.ts';
import type { Millis, NodeFailure, Report } from '../harness/model.ts';
import { factsOf } from './facts.ts';

/** Done and over at once: nothing comes back from it. */
const deeds = /^(oom-kill|container-oom|eviction)$/;

export interface FailureText {
  readonly node: string;
  readonly what: string;
  readonly at: Millis;
  readonly sign: string;
  /** `48.7 s`, or `never` where Kubernetes did not notice. */
  readonly detected: string;
  readonly detectedBy: string | undefined;
  /** `1.8 s`, or `not back`; counted `from` the fault's end or the first sign, of kills and evictions to the last one. */
  readonly back: string;
  readonly from: string;
  /** `back after 1.8 s`, `the last after 36 s`, `not back`. */
  readonly over: string;
}

/** Both in seconds; null: it did not happen. */
export function timesOf({ first, detected, faultEnded, back }: NodeFailure): {
  readonly detectedAfter: number | null;
  readonly backAfter: number | null;
} {
  const since = (from: Millis, to: Millis | undefined) => (to === undefined ? null : Math.max(0, to - from) / 1000);
  return { detectedAfter: since(first.at, detected?.at), backAfter: since(faultEnded ?? first.at, back) };
}

export function failureTexts({ verdict }: Pick<Report, 'verdict'>): FailureText[] {
  return verdict.nodeFailures.map((failure) => {
    const { detectedAfter, backAfter } = timesOf(failure);
    const deed = deeds.test(failure.what);
    const back = backAfter === null ? (deed ? 'going on' : 'not back') : format(backAfter, 'seconds');
    const since = failure.faultEnded === undefined ? 'after the first sign' : 'after the fault ended';
    return {
      node: failure.node,
      what: failure.what,
      at: failure.first.at,
      sign: failure.first.sign,
      detected: detectedAfter === null ? 'never' : format(detectedAfter, 'seconds'),
      detectedBy: failure.detected?.sign,
      back,
      from: backAfter === null ? '' : deed ? `the last, ${since}` : since,
      over: backAfter === null ? back : `${deed ? 'the last' : 'back'} after ${back}`,
    };
  });
}

/** `2 node failures: 1 not-ready, 1 oom-kill`. */
export function failureCount({ verdict: { nodeFailures } }: Pick<Report, 'verdict'>): string {
  const kinds = [...Map.groupBy(nodeFailures, ({ what }) => what)].map(([what, some]) => `${some.length} ${what}`);
  const count = nodeFailures.length;
  return `${count} node ${count === 1 ? 'failure' : 'failures'}: ${kinds.join(', ')}`;
}

export interface FaultText {
  readonly name: string;
  readonly targets: string;
  readonly from: Millis;
  readonly to: Millis;
  /** Undefined: nothing was said of it. */
  readonly real: boolean | undefined;
  readonly proof: string;
}

/** The faults that were injected: into what, and what shows that they were real. */
export function faultTexts(report: Report): FaultText[] {
  return factsOf(report).faults.map(({ name, from, to, targets, real, proof }) => {
    const some = targets.slice(0, 4).join(', ');
    const more = targets.length > 4 ? ` and ${targets.length - 4} more` : '';
    return { name, from, to, real, targets: `${some}${more}`, proof };
  });
}
