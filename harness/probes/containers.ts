import type { Labels, Run } from '../model.ts';
import { Growth } from './growth.ts';
import { type Row, series } from './prometheus.ts';

const labels = ['namespace', 'pod', 'container', 'id'];
const counted = [
  { metric: 'container.oom-events', from: 'container_oom_events_total' },
  { metric: 'container.cpu.throttled', from: 'container_cpu_cfs_throttled_periods_total' },
];

/** The containers of one node as cAdvisor sees them, summed by what they belong to. */
export class Containers {
  readonly #run: Pick<Run, 'journal'>;
  readonly #node: string;
  readonly #growth = new Map(counted.map(({ metric }) => [metric, new Growth()]));
  readonly #apps = new Map<string, Labels>();

  constructor(run: Pick<Run, 'journal'>, node: string) {
    this.#run = run;
    this.#node = node;
  }

  write(text: string, appOf: (namespace: string, pod: string) => string): void {
    const ofRow = ({ labels: { namespace = '', pod = '' } }: Row) => ({
      node: this.#node,
      namespace,
      app: appOf(namespace, pod),
    });
    const memory = rows(text, 'container_memory_working_set_bytes');
    // What is no longer there uses none.
    for (const row of memory) this.#apps.set(JSON.stringify(ofRow(row)), ofRow(row));
    this.#sum(
      'container.memory',
      memory.map((row) => [ofRow(row), row.value]),
      [...this.#apps.values()],
    );
    for (const { metric, from } of counted) {
      const there = new Map(rows(text, from).map((row) => [JSON.stringify(row.labels), row]));
      const grown = this.#growth.get(metric)?.since(new Map([...there].map(([key, { value }]) => [key, value])));
      const growths = [...(grown ?? [])].flatMap(([key, by]): [Labels, number][] => {
        const row = there.get(key);
        return row ? [[ofRow(row), by]] : [];
      });
      this.#sum(metric, growths, [{ node: this.#node }]);
    }
  }

  #sum(metric: string, values: readonly (readonly [Labels, number])[], atLeast: readonly Labels[]): void {
    const sums = new Map(atLeast.map((each) => [JSON.stringify(each), { labels: each, value: 0 }]));
    for (const [each, value] of values) {
      const key = JSON.stringify(each);
      sums.set(key, { labels: each, value: (sums.get(key)?.value ?? 0) + value });
    }
    for (const sum of sums.values()) this.#run.journal.append({ kind: 'sample', metric, ...sum });
  }
}

/** Of containers only: cAdvisor also has their pods, sandboxes and parents. */
function rows(text: string, metric: string): readonly Row[] {
  return series(text, metric, labels).filter((row) => row.labels['container'] && row.labels['container'] !== 'POD');
}
