import type { EventBody, Labels, Millis, Run } from '../model.ts';
import { histograms, type Row, series, type Where } from './prometheus.ts';

/** Which metric of ours comes from which metric of the component. */
export interface Source {
  readonly metric: string;
  readonly from: string;
  /** `sum`: of a histogram only what it adds up to, a counter. */
  readonly kind: 'counter' | 'gauge' | 'buckets' | 'sum';
  readonly labels?: readonly string[];
  readonly where?: Where;
}

type Body = Extract<EventBody, { kind: 'sample' | 'buckets' }>;

/**
 * Journals scrapes of /metrics: gauges each time, of the rest only what changed, and how it was at the scrape before, so that
 * each growth has both its ends. What appears later began at zero. Of every metric something is written each time:
 * it was looked at.
 */
export class Scrapes {
  readonly #run: Pick<Run, 'clock' | 'journal'>;
  readonly #sources: readonly Source[];
  readonly #own: Labels;
  readonly #written = new Map<string, Millis>();
  #before = new Map<string, Body>();
  #at: Millis | undefined;

  /** `own`: labels of every sample, for one of several components. */
  constructor(run: Pick<Run, 'clock' | 'journal'>, sources: readonly Source[], own: Labels = {}) {
    this.#run = run;
    this.#sources = sources;
    this.#own = own;
  }

  write(text: string): void {
    const at = this.#run.clock.now();
    const now = new Map<string, Body>();
    for (const source of this.#sources) {
      const series = read(source, text, this.#own);
      const news = series.filter(([key, body]) => source.kind === 'gauge' || this.#changed(key, body));
      for (const [key, body] of news.length > 0 ? news : series.slice(0, 1)) {
        if (source.kind !== 'gauge') this.#writeBefore(key, body);
        this.#run.journal.append(body, at);
        this.#written.set(key, at);
      }
      for (const [key, body] of series) now.set(key, body);
    }
    this.#before = now;
    this.#at = at;
  }

  #changed(key: string, body: Body): boolean {
    const before = this.#before.get(key);
    return before === undefined || total(before) !== total(body);
  }

  #writeBefore(key: string, body: Body): void {
    if (this.#at === undefined || this.#written.get(key) === this.#at) return;
    this.#run.journal.append(this.#before.get(key) ?? empty(body), this.#at);
  }
}

function read(
  { metric, from, kind, labels: keep = [], where }: Source,
  text: string,
  own: Labels,
): readonly (readonly [string, Body])[] {
  const named = (labels: Labels) => {
    const all = { ...own, ...labels };
    return { metric, ...(Object.keys(all).length > 0 && { labels: all }) };
  };
  const bodies: readonly Body[] =
    kind === 'buckets'
      ? histograms(text, from, keep, where).map((h) => ({ kind: 'buckets' as const, ...h, ...named(h.labels) }))
      : values(kind, text, from, keep, where).map(({ labels, value }) => ({
          kind: 'sample' as const,
          ...named(labels),
          value,
        }));
  return bodies.map((body) => [`${metric} ${JSON.stringify(body.labels)}`, body]);
}

function values(kind: Source['kind'], ...[text, from, keep, where]: Parameters<typeof series>): readonly Row[] {
  if (kind !== 'sum') return series(text, from, keep, where);
  return histograms(text, from, keep, where).map(({ labels, sum }) => ({ labels, value: sum }));
}

function empty(body: Body): Body {
  return body.kind === 'sample' ? { ...body, value: 0 } : { ...body, counts: body.counts.map(() => 0), sum: 0 };
}

function total(body: Body): number {
  return body.kind === 'sample' ? body.value : (body.counts.at(-1) ?? 0);
}
