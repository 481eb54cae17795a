import { z } from 'zod';
import type { StopRule } from '../model.ts';
import { check } from './checks.ts';
import type { Complaints } from './complaints.ts';
import { dimensionOf } from './dimension.ts';
import { decided, parseFloor, parseIs } from './is.ts';
import type { Surroundings } from './thresholds.ts';
import { asWritten, find, itemsOf, offsetOf, type Tree } from './tree.ts';
import { line, texts } from './words.ts';

const ruleSchema = z.strictObject({
  metric: line,
  labels: texts.optional(),
  over: line.optional(),
  is: line,
  floor: z.union([z.string(), z.number()]).optional(),
});

/** A share of fewer than this says nothing. */
const leastOfShare = 100;

/** The rules under `stop`; what is wrong becomes complaints and is left out. */
export function stopRules(tree: Tree, around: Surroundings): StopRule[] {
  const outage = find(tree, ['api-outage']);
  const blind = find(tree, ['halt-blind-after']);
  if (outage?.kind === 'scalar' && outage.value === true && blind) {
    const expected = 'one of the two: with an API outage the switch is out of sight on purpose';
    around.complaints.add(blind.at, { what: '"halt-blind-after" beside "api-outage: true"', expected });
  }
  return itemsOf(tree, 'stop').flatMap((item) => rule(item, around) ?? []);
}

function rule(item: Tree, around: Surroundings): StopRule | undefined {
  const tree = asWritten(item, ['labels', '*']);
  const given = check(ruleSchema, tree, around.complaints);
  if (!given || tree.kind !== 'map') return undefined;
  const { metric, labels, over } = given;
  const before = around.complaints.size;
  const complain = (key: string, complaint: Parameters<Complaints['add']>[1]) =>
    around.complaints.add(offsetOf(tree, [key]), complaint);

  for (const [key, name] of [
    ['metric', metric],
    ['over', over],
  ] as const) {
    if (!around.known?.derived.some((spec) => spec.name === name)) continue;
    complain(key, { what: `"${name}" is known only when the run is over`, expected: 'what a probe or a load says' });
  }
  const gauge = around.metrics?.get(metric)?.spec.kind === 'gauge';
  if (gauge && over !== undefined) {
    complain('over', { what: `${metric} is a gauge, which has no share`, expected: 'it where both are counted' });
    return undefined;
  }
  const asked = { metric, ...(labels && { labels }), ...(over !== undefined && { over }), is: given.is };
  const dimension = around.metrics
    ? dimensionOf({ ...asked, take: gauge ? 'last' : 'count', during: 'run' }, tree, {
        ...around,
        metrics: around.metrics,
      })
    : undefined;
  if (dimension?.kind === 'wrong') return undefined;
  if (over !== undefined && dimension && dimension.kind !== 'count') {
    complain('over', { what: `${metric} over ${over} is no share of what was counted`, expected: 'counts' });
    return undefined;
  }
  const kind = over === undefined ? dimension?.kind : 'ratio';
  const is = parseIs(given.is, kind);
  if (typeof is === 'string' || 'times' in is) {
    const what = typeof is === 'string' ? is : `"${given.is}" compares with a phase, of which a rule knows nothing`;
    complain('is', { what, ...(typeof is === 'string' ? {} : { expected: 'a value of its own' }) });
    return undefined;
  }
  const why = decided(is, over === undefined ? dimension?.most : undefined, kind);
  if (why) complain('is', { what: `"${given.is}" ${why}`, expected: 'a comparison that can go both ways' });
  let floor: number | undefined;
  if (over !== undefined) {
    const least = parseFloor(given.floor ?? leastOfShare, 'count');
    if (typeof least === 'string') complain('floor', { what: least });
    else floor = least;
  } else if (given.floor !== undefined) {
    complain('floor', { what: 'a floor without a share', expected: 'it only beside "over"' });
  }
  if (around.complaints.size > before) return undefined;
  return {
    text: textOf(given),
    metric,
    ...(labels && { labels }),
    ...(over !== undefined && { over }),
    is,
    ...(floor !== undefined && { floor }),
    line: around.complaints.line(tree.at),
  };
}

/** One line for people: `list.failures / list.requests > 5%`. */
function textOf({ metric, labels, over, is }: z.output<typeof ruleSchema>): string {
  const filter = Object.entries(labels ?? {}).map(([label, value]) => `${label}=${value}`);
  return [`${metric}${filter.length ? `{${filter.join(', ')}}` : ''}`, over && `/ ${over}`, is.trim()]
    .filter(Boolean)
    .join(' ');
}
