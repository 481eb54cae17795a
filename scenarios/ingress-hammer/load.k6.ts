import { sleep } from 'k6';
import http from 'k6/http';
import { clearInterval, setInterval } from 'k6/timers';

/**
 * Clients of an ingress. Each virtual user is one: it asks at its pace, whether it has been answered or not (hammer, others), or holds a
 * stream of events (subscribers). What others ask after `settled` seconds is called `others-after`.
 */
interface Parameters {
  readonly client: 'hammer' | 'others' | 'subscribers';
  /** Requests a second of all of them, and how many they are. */
  readonly hammerRate: number;
  readonly hammerConnections: number;
  readonly othersRate: number;
  readonly othersConnections: number;
  readonly settled: number;
  /** Of the ingress; where it is empty, that of the server beside the cluster. */
  readonly url: string;
}

/** Longer than the proxy may take: two backends, five seconds each. */
const timeout = '20s';

const parameters: Parameters = JSON.parse(__ENV['ORDEAL_PARAMETERS'] ?? '{}');
const servers: Record<string, Record<string, string>> = JSON.parse(__ENV['ORDEAL_SERVERS'] ?? '{}');
const { client, settled } = parameters;
const url = parameters.url || `http://${servers['proxy']?.['http']}`;
const hammers = client === 'hammer';
const clients = hammers ? parameters.hammerConnections : parameters.othersConnections;
const rate = hammers ? parameters.hammerRate : parameters.othersRate;
const duration = 1000 * Number(__ENV['ORDEAL_DURATION']);

export const options = {
  discardResponseBodies: true,
  // So the log of the ingress tells who asked.
  userAgent: client,
  scenarios: {
    clients: { executor: 'per-vu-iterations', vus: clients, iterations: 1, maxDuration: `${duration / 1000 + 25}s` },
  },
};

export default async function play(): Promise<void> {
  const began = Date.now();
  if (client === 'subscribers') listen(began + duration);
  else await ask(began);
}

/** A page that shows news as they come; it connects again when it is cut off. */
function listen(end: number): void {
  for (;;) {
    const seconds = Math.floor((end - Date.now()) / 1000);
    if (seconds < 1) return;
    http.get(`${url}/events?for=${seconds}s`, { timeout: '120s', tags: { name: 'events' } });
    sleep(0.2);
  }
}

async function ask(began: number): Promise<void> {
  const asked = new Set<Promise<void>>();
  // Not all at the same moment.
  sleep(((__VU % clients) / clients) * (clients / rate));
  await new Promise<void>((resolve) => {
    const timer = setInterval(
      () => {
        const since = Date.now() - began;
        if (since >= duration) {
          clearInterval(timer);
          resolve();
          return;
        }
        const name = !hammers && since >= 1000 * settled ? 'others-after' : client;
        const one: Promise<void> = http
          .asyncRequest('GET', `${url}/`, null, { timeout, tags: { name } })
          .then(() => void asked.delete(one));
        asked.add(one);
      },
      (1000 * clients) / rate,
    );
  });
  await Promise.all(asked);
}
