import type { Cluster, Link, Millis, Probe, Run } from '../model.ts';
import { askRelay } from '../relay/ask.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import { Obituaries, Sight } from './sight.ts';

const name = 'links';
const metrics = metricsOf(name);
const each: Millis = 1_000;
const patience: Millis = 5_000;

/** What the relays of the cluster's links count, each second. */
export function links(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) => (cluster.links?.length ? undefined : 'this cluster has no links'),
    async observe(cluster, run) {
      const watching = await Promise.all((cluster.links ?? []).map((link) => observeOne(link, cluster, run)));
      return { ended: Promise.all(watching.map(({ ended }) => ended)).then(() => undefined) };
    },
  };
}

/** What explains the silence of one relay says nothing of the others. */
function observeOne(link: Link, cluster: Cluster, run: Run) {
  const source = `${name}/${link.name}`;
  const sight = new Sight(run, source, new Obituaries(cluster, [link.name]));
  const sample = (metric: string, value: number, labels = {}) =>
    run.journal.append({ kind: 'sample', metric, labels: { link: link.name, ...labels }, value });
  const look = async () => {
    const status = await askRelay({ folder: link.folder, mark: run.mark }, { ask: 'status' }, patience);
    return () => {
      for (const [state, count] of Object.entries(status.connections)) sample('link.connections', count, { state });
      for (const [direction, bytes] of Object.entries(status.bytes)) sample('link.bytes', bytes, { direction });
      sample('link.opened', status.opened);
      sample('link.stuck-bytes', status.stuckBytes);
      sample('link.resets', status.resets);
    };
  };
  const promises = () => [{ metrics, every: each }];
  return poll(run, run.signal, { source, every: each, promises, sight, look });
}
