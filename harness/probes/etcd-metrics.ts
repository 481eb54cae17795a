import type { Millis, Probe } from '../model.ts';
import { scrapeHttp } from './http-scrape.ts';
import { metricsOf } from './metrics.ts';
import { poll } from './poll.ts';
import { Scrapes, type Source } from './scrape.ts';
import { Obituaries, Sight } from './sight.ts';

const name = 'etcd-metrics';
const metrics = metricsOf(name);
const each: Millis = 1_000;
const promises = () => [{ metrics, every: each }];

const sources: readonly Source[] = [
  { metric: 'etcd.db.size', from: 'etcd_mvcc_db_total_size_in_bytes', kind: 'gauge' },
  { metric: 'etcd.db.in-use', from: 'etcd_mvcc_db_total_size_in_use_in_bytes', kind: 'gauge' },
  { metric: 'etcd.fsync.duration', from: 'etcd_disk_wal_fsync_duration_seconds', kind: 'buckets' },
  { metric: 'etcd.commit.duration', from: 'etcd_disk_backend_commit_duration_seconds', kind: 'buckets' },
  { metric: 'etcd.leader-changes', from: 'etcd_server_leader_changes_seen_total', kind: 'counter' },
  { metric: 'etcd.range.total', from: 'etcd_mvcc_range_total', kind: 'counter' },
];

/** GET /metrics of etcd each second, over its plain client port on this machine. */
export function etcdMetrics(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) => (cluster.endpoints?.etcd ? undefined : "etcd's own port cannot be reached from here"),
    async observe(cluster, run) {
      const url = new URL('/metrics', cluster.endpoints?.etcd);
      const scrapes = new Scrapes(run, sources);
      const sight = new Sight(run, name, new Obituaries(cluster, ['etcd']));
      const look = async () => {
        const text = await scrapeHttp(url, run.signal);
        return () => scrapes.write(text);
      };
      return poll(run, run.signal, { source: name, every: each, promises, sight, look });
    },
  };
}
