import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import { Resolver } from 'k6/x/resolver';

/** The containers of the incident: each looks a name up again and again, as a client does that opens connections. */
interface Parameters {
  readonly clients: number;
  readonly name: string;
  /** Seconds between two lookups of a client. */
  readonly every: number;
  readonly ndots: number;
  /** Beside an embedded cluster: names of the servers that are asked begin so. */
  readonly servers: string;
}

const parameters: Parameters = JSON.parse(__ENV['ORDEAL_PARAMETERS'] ?? '{}');
const beside: Record<string, Record<string, string>> = JSON.parse(__ENV['ORDEAL_SERVERS'] ?? '{}');
/** Queries that were answered, whatever the answer: what the server must have counted too. */
const answered = new Counter('answered');
/** How much later than it should a client asks: more than a little, and k6 itself was short of CPU. */
const lag = new Trend('lag', true);

export const options = {
  scenarios: {
    containers: {
      executor: 'constant-vus',
      vus: parameters.clients,
      duration: `${__ENV['ORDEAL_DURATION']}s`,
      gracefulStop: '25s',
    },
  },
};

const resolvers = Object.keys(beside).length > 0 ? besideCluster() : [inPod()];

/** A pod knows one address of the service, and kube-proxy takes each of its sockets to one of the pods behind it. */
function besideCluster(): Resolver[] {
  const search = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];
  const addresses = Object.entries(beside).flatMap(([name, { dns }]) =>
    name.startsWith(parameters.servers) && dns !== undefined ? [dns] : [],
  );
  if (addresses.length === 0) throw new Error(`no server is called ${parameters.servers}…`);
  return addresses.map((address) => new Resolver({ servers: [address], search, ndots: parameters.ndots }));
}

/** Whoever starts it elsewhere must not ask the world's name servers. */
function inPod(): Resolver {
  const resolver = Resolver.fromFile('/etc/resolv.conf', { ndots: parameters.ndots });
  if (resolver.options.search.length !== 3 || !resolver.options.search.includes('svc.cluster.local'))
    throw new Error(`expected a pod's three search domains, got ${resolver.options.search.join(' ') || 'none'}`);
  return resolver;
}

export default function container(): void {
  // Containers do not start in the same millisecond.
  const pause = parameters.every * (__ITER === 0 ? Math.random() : 0.5 + Math.random());
  const due = Date.now() + 1_000 * pause;
  sleep(pause);
  lag.add(Math.max(0, Date.now() - due));
  const resolver = resolvers[Math.floor(Math.random() * resolvers.length)];
  const { queries } = resolver?.lookup(parameters.name) ?? { queries: [] };
  answered.add(queries.filter(({ rcode }) => rcode !== undefined && rcode !== '').length);
}
