import type { LoadSpec, Millis } from '../../model.ts';
import { complaintsOffered, exitText, longestSilence, seconds, slack } from '../complaints.ts';
import type { Merge } from './merge.ts';
import type { Voice } from './voice.ts';

/** A node's clock may differ from ours by this much: k6's samples have its times. */
const clockMayDiffer: Millis = 1_000;
/** The way from a pod to us takes no longer than this at its quickest; what is beyond is the clock's. */
const longestWay: Millis = 1_000;
/** All begin together: none may be later or earlier than this. */
const late: Millis = 1_000;

/** How the container of a pod ended; undefined where that is not known. */
export interface PodEnd {
  readonly exitCode?: number;
  /** Of the kubelet or the API: `OOMKilled`, `gone`… */
  readonly reason: string;
}

export interface Offered {
  readonly spec: LoadSpec;
  /** The moment at which all had to begin, in milliseconds since 1970. */
  readonly begin: number;
  readonly duration: Millis;
  /** By index; holds nothing for those of which nothing is known. */
  readonly ends: ReadonlyMap<number, PodEnd>;
}

/** Why a load that pods offered together proves nothing; empty when it was offered as asked. */
export function podComplaints(merge: Merge, { spec, begin, duration, ends }: Offered): readonly string[] {
  const found = merge.voices.flatMap((voice, pod) =>
    [...mistaken(voice, pod), ...complaintsOf(voice, begin, duration, ends.get(pod))].map(
      (reason) => `pod ${pod}: ${reason}`,
    ),
  );
  return [...found, ...complaintsOffered(merge.tally, spec.requests)].map((reason) => `load ${spec.name}: ${reason}`);
}

/** Each has a segment of its own: one offered twice and another not at all would add up to the whole. */
function mistaken({ hello }: Voice, pod: number): string[] {
  return hello === undefined || hello.index === String(pod) ? [] : [`it says that it is pod ${hello.index}`];
}

function complaintsOf(voice: Voice, begin: number, duration: Millis, podEnd: PodEnd | undefined): string[] {
  const { begun, end, lag, silence } = voice;
  const found: string[] = [];
  if (voice.broken !== undefined) found.push(voice.broken);
  const ended = howEnded(voice, duration, podEnd);
  if (ended !== undefined) {
    const tail = voice.log.lines.length > 0 ? `: ${voice.log.lines.join(' | ')}` : '';
    found.push(`${ended}${tail}`);
  }
  const off = (begun ?? begin) - begin;
  if (Math.abs(off) > late) found.push(`it began ${seconds(Math.abs(off))} ${off > 0 ? 'late' : 'early'}`);
  if (silence > longestSilence) found.push(`k6 was silent for ${seconds(silence)}: frozen, or starved`);
  if (lag < -clockMayDiffer) found.push(`the clock of its node is ahead of ours by ${seconds(-lag)} or more`);
  if (end && lag > clockMayDiffer + longestWay) found.push(`the clock of its node is ${seconds(lag)} behind ours`);
  const bound = voice.judge.verdict();
  return bound === undefined ? found : [...found, bound];
}

function howEnded({ begun, end }: Voice, duration: Millis, podEnd: PodEnd | undefined): string | undefined {
  const exit = podEnd?.exitCode
    ? `${exitText(podEnd.exitCode)}${podEnd.reason ? `, ${podEnd.reason}` : ''}`
    : undefined;
  if (end?.failure) return `k6 ended early: ${end.failure}${exit === undefined ? '' : ` (${exit})`}`;
  if (exit !== undefined) return exit;
  if (!end)
    return `it fell silent before the end of the load (${podEnd?.reason || 'its log ended, or was not to be had'})`;
  if (begun === undefined) return 'it never began';
  if (end.wall - begun < duration - slack)
    return `k6 ended after ${seconds(end.wall - begun)}, of ${seconds(duration)} asked for`;
  return undefined;
}
