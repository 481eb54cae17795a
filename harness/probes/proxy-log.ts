import type { Probe, Run } from '../model.ts';
import { metricsOf } from './metrics.ts';
import { pollLog } from './poll-log.ts';
import { accessLog, proxyBeside, server, unavailableProxy } from './proxy.ts';
import { answerOf, Generations } from './proxy-answers.ts';
import { Obituaries, Sight } from './sight.ts';
import { Sums } from './sums.ts';

const name = 'proxy-log';
/** More are one client: nothing that a client can choose may fill the journal. */
const most = 50;

/** The access log of the proxy, which its configuration writes in the format that `answerOf` reads. */
export function proxyLog(): Probe {
  return {
    name,
    metrics: metricsOf(name),
    unavailable: unavailableProxy,
    async observe(cluster, run) {
      const sums = new Sums(run, ['proxy.answers']);
      const sight = new Sight(run, name, new Obituaries(cluster, [server]));
      const options = { name, ...accessLog(cluster, run, name), sums, sight, count: counter(sums, run) };
      const watching = pollLog(run, options);
      // A pod is created by the run, when its probes observe already.
      return proxyBeside(cluster) ? watching : { ended: watching.then(({ ended }) => ended) };
    },
  };
}

function counter(sums: Sums, run: Run) {
  const generations = new Generations();
  const clients = new Set<string>();
  return (line: string) => {
    const { wall, client, status, cause, generation } = answerOf(line);
    if (clients.size < most) clients.add(client);
    const labels = {
      client: clients.has(client) ? client : 'more',
      status: String(status),
      cause,
      worker: generations.of(generation),
    };
    sums.add('proxy.answers', labels, run.clock.fromWall(wall), 1);
  };
}
