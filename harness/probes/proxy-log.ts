import { join } from 'node:path';
import { ClusterError, type Probe, type Run } from '../model.ts';
import { alive } from '../process.ts';
import { metricsOf } from './metrics.ts';
import { pollLog } from './poll-log.ts';
import { answerOf, Generations } from './proxy-answers.ts';
import { Obituaries, Sight } from './sight.ts';
import { Sums } from './sums.ts';
import { Tail } from './tail.ts';

const name = 'proxy-log';
const server = 'proxy';
const metrics = metricsOf(name);
/** More are one client: nothing that a client can choose may fill the journal. */
const most = 50;

/** Reads the log of the server `proxy` as it grows, `access.log` in its folder, lines as `proxy-answers.ts` has them: whom it answered what, and why. */
export function proxyLog(): Probe {
  return {
    name,
    metrics,
    unavailable: (cluster) =>
      cluster.components?.some((one) => one.name === server && one.folder !== undefined)
        ? undefined
        : `there is no server ${server} whose log can be read`,
    async observe(cluster, run) {
      const { folder = '', pid = 0, start = '' } = cluster.components?.find((one) => one.name === server) ?? {};
      const log = new Tail(`${server}'s log`, join(folder, 'access.log'));
      const sums = new Sums(run, ['proxy.answers']);
      const sight = new Sight(run, name, new Obituaries(cluster, [server]));
      // What does not grow because nobody writes it is no answer.
      const before = () => {
        const lives = alive({ pid, start });
        return () => {
          if (!lives) throw new ClusterError(server, 'ESRCH', `process ${pid} is gone`);
        };
      };
      return pollLog(run, { name, log, sums, sight, count: counter(sums, run), before });
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
