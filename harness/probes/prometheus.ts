import type { Labels } from '../model.ts';

export interface Row {
  readonly labels: Labels;
  readonly value: number;
}

export interface Buckets {
  readonly labels: Labels;
  /** Upper bounds, the last one +Inf as null. */
  readonly bounds: readonly (number | null)[];
  /** Cumulative. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Of all label values only these. */
export type Where = Readonly<Record<string, readonly string[]>>;

/**
 * The series of one metric in Prometheus' text format, summed over all labels but `keep`.
 * Jumps to the metric's lines: the texts are megabytes, and all but a few lines are of no use.
 */
export function series(text: string, name: string, keep: readonly string[], where: Where = {}): readonly Row[] {
  const sums = new Map<string, Row>();
  for (const line of lines(text, name, where)) {
    const row = parse(line);
    const labels = pick(row.labels, keep);
    const key = JSON.stringify(labels);
    sums.set(key, { labels, value: (sums.get(key)?.value ?? 0) + row.value });
  }
  return [...sums.values()];
}

/** The histograms of one metric, summed over all labels but `keep`. */
export function histograms(text: string, name: string, keep: readonly string[], where: Where = {}): readonly Buckets[] {
  const found = new Map<string, { readonly labels: Labels; readonly counts: Map<number, number>; sum: number }>();
  for (const line of lines(text, name, where)) {
    const row = parse(line);
    const labels = pick(row.labels, keep);
    const key = JSON.stringify(labels);
    const histogram = found.get(key) ?? { labels, counts: new Map<number, number>(), sum: 0 };
    found.set(key, histogram);
    const le = row.labels['le'];
    if (le !== undefined) histogram.counts.set(numberOf(le), (histogram.counts.get(numberOf(le)) ?? 0) + row.value);
    else if (line.startsWith(`${name}_sum`)) histogram.sum += row.value;
  }
  return [...found.values()].map(({ labels, counts, sum }) => {
    const sorted = [...counts].sort(([a], [b]) => a - b);
    return {
      labels,
      bounds: sorted.map(([bound]) => (bound === Number.POSITIVE_INFINITY ? null : bound)),
      counts: sorted.map(([, count]) => count),
      sum,
    };
  });
}

/** The lines of one metric, which stand together behind its `# TYPE` line: of a histogram buckets, sum and count. */
function* lines(text: string, name: string, where: Where): Generator<string> {
  const wanted = Object.entries(where).map(([label, values]) => values.map((value) => `${label}="${value}"`));
  const type = text.indexOf(`# TYPE ${name} `);
  if (type < 0) return;
  for (let from = text.indexOf('\n', type) + 1; from > 0 && text.startsWith(name, from); ) {
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end < 0 ? undefined : end);
    if (wanted.every((any) => any.some((pair) => line.includes(pair)))) yield line;
    from = end + 1;
  }
}

function parse(line: string): Row {
  const open = line.indexOf('{');
  const close = open < 0 ? line.indexOf(' ') - 1 : line.lastIndexOf('}');
  const labels = Object.fromEntries(
    [...(open < 0 ? '' : line.slice(open, close)).matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key = '', value = '']) => [
        key,
        value.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
      ],
    ),
  );
  const [value = ''] = line
    .slice(close + 1)
    .trim()
    .split(' ');
  return { labels, value: numberOf(value) };
}

function numberOf(text: string): number {
  return text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text);
}

function pick(labels: Labels, keep: readonly string[]): Labels {
  return Object.fromEntries(keep.map((key) => [key, labels[key] ?? '']));
}
