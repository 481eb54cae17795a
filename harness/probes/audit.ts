import type { Probe, Run } from '../model.ts';
import { metricsOf } from './metrics.ts';
import { pollLog } from './poll-log.ts';
import { Obituaries, Sight } from './sight.ts';
import { Sums } from './sums.ts';
import { Tail } from './tail.ts';

const name = 'audit';
const metrics = metricsOf(name);

interface Audited {
  readonly stage: string;
  readonly verb: string;
  readonly user?: { readonly username?: string };
  readonly objectRef?: { readonly subresource?: string };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** Requests that last as long as somebody looks say nothing about the server's work. */
const lasting = new Set(['exec', 'attach', 'portforward', 'proxy', 'log']);

/** Reads the audit log as it grows: who asks, how often, and how long the API server works for whom. */
export function audit(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) => (cluster.auditLog ? undefined : 'the audit log cannot be read from here'),
    async observe(cluster, run) {
      const log = new Tail('audit log', cluster.auditLog ?? '');
      const sums = new Sums(run, ['audit.requests', 'audit.query-time']);
      const sight = new Sight(run, name, new Obituaries(cluster, []));
      return pollLog(run, { name, log, sums, sight, count: (line) => count(line, sums, run) });
    },
  };
}

function count(line: string, sums: Sums, run: Run): void {
  const { stage, verb, user, objectRef, requestReceivedTimestamp, stageTimestamp } = JSON.parse(line) as Audited;
  if (stage !== 'ResponseComplete') return;
  const labels = { user: user?.username ?? '', verb };
  const end = millis(stageTimestamp);
  const at = run.clock.fromWall(end);
  sums.add('audit.requests', labels, at, 1);
  if (verb === 'watch' || lasting.has(objectRef?.subresource ?? '')) return;
  sums.add('audit.query-time', labels, at, (end - millis(requestReceivedTimestamp)) / 1000);
}

/** Both stamps are the API server's, in microseconds. */
function millis(timestamp: string): number {
  const fraction = /\.\d{3}(\d{1,3})/.exec(timestamp)?.[1] ?? '';
  return Date.parse(timestamp) + Number(fraction.padEnd(3, '0')) / 1000;
}
