import type { Evidence } from './targets.ts';
import type { Quota } from './throttle-script.ts';

/** A sample of one control group: its clock in seconds, then cumulative counts. */
interface Sample {
  readonly at: number;
  readonly counts: readonly number[];
}

const saturatedFor = 10;
const slowdown = 2;
/** A group that did nothing for a moment may do the first of a burst at once. */
const share = 0.8;

/** Synced writes, in seconds each, of so many bytes: before the quota came and under it. */
interface Canary {
  readonly name: string;
  readonly block: number;
  readonly before: readonly number[];
  readonly during: readonly number[];
}

/**
 * Real when a throttled control group was served 95 % of its quota or more for ten seconds in all, every group still has the quota,
 * and a canary under the same quota needed as long for a synced write as the quota allows at best, and twice as long as before.
 */
export function throttleEvidence(samples: string, quota: Quota, canary: Canary, checked: string): Evidence {
  const busiest = [...bySeries(samples, canary.name)]
    .map(([group, series]) => ({ group, seconds: saturation(series, quota) }))
    .reduce((most, one) => (one.seconds > most.seconds ? one : most), { group: 'none', seconds: 0 });
  const [before, during] = [median(canary.before), median(canary.during)];
  const { iops = Infinity, bytesPerSecond = Infinity } = quota;
  const least = share / Math.min(iops, bytesPerSecond / canary.block);
  const slowed = canary.before.length > 0 && canary.during.length > 0 && during >= Math.max(slowdown * before, least);
  const notHeld = unheld(checked, canary.name);
  const seconds = (value: number) => (Number.isNaN(value) ? 'unknown' : `${(value * 1000).toPrecision(3)} ms`);
  return {
    real: busiest.seconds >= saturatedFor && slowed && notHeld === undefined,
    detail:
      `quota used up for ${busiest.seconds.toFixed(0)} s by ${busiest.group}, ` +
      `a synced write of the canary takes ${seconds(during)} (${seconds(before)} before, ${seconds(least)} at least under the quota)` +
      (notHeld === undefined ? '' : `; not in force: ${notHeld}`),
  };
}

/** Which limit is not there, if any; of the lines of `check`. */
function unheld(checked: string, canary: string): string | undefined {
  const lines = checked.split('\n');
  const missing = lines.find((line) => line.startsWith('unheld '));
  if (missing !== undefined) return missing.slice('unheld '.length).trim();
  const held = lines.filter((line) => line.startsWith('held '));
  if (!held.some((line) => line.includes(canary))) return 'no limit of the canary';
  return held.some((line) => !line.includes(canary)) ? undefined : 'no limit of kubelet, runtime or containers';
}

/** Seconds a write, of the lines of the canary. */
export const pacesOf = (lines: string): readonly number[] =>
  lines
    .split('\n')
    .map((line) => /^(\d+) (\d+)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, micros, writes]) => Number(micros) / 1e6 / Number(writes));

function bySeries(samples: string, canary: string): ReadonlyMap<string, Sample[]> {
  const series = new Map<string, Sample[]>();
  for (const line of samples.split('\n')) {
    const [at, group, ...counts] = line.split(' ');
    if (!group || counts.length !== 4 || group.includes(canary)) continue;
    const known = series.get(group) ?? [];
    known.push({ at: Number(at), counts: counts.map(Number) });
    series.set(group, known);
  }
  return series;
}

/**
 * Seconds for which a group was served at its quota. The kernel counts what is asked for (v1) or served (v2); what was asked for beyond
 * the quota waits and is served later, at the quota.
 */
function saturation(series: readonly Sample[], quota: Quota): number {
  const limits = [quota.iops, quota.iops, quota.bytesPerSecond, quota.bytesPerSecond];
  const waiting = [0, 0, 0, 0];
  let seconds = 0;
  for (const [index, { at, counts }] of series.entries()) {
    const former = series[index - 1];
    if (!former) continue;
    const time = at - former.at;
    const full = limits.map((limit, which) => {
      if (limit === undefined) return false;
      const asked = (waiting[which] ?? 0) + (counts[which] ?? 0) - (former.counts[which] ?? 0);
      const served = Math.min(asked, limit * time);
      waiting[which] = asked - served;
      return time > 0 && served >= 0.95 * limit * time;
    });
    if (full.includes(true)) seconds += time;
  }
  return seconds;
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
