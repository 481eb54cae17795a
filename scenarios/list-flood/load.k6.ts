import { sleep } from 'k6';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { clearInterval, setInterval } from 'k6/timers';

/**
 * The controller of the incident: many lookups at once of the pods that belong to one group of nodes.
 * `mode: list` asks the API server each time; `mode: informer` lists once, then watches and looks up in memory.
 */
interface Parameters {
  readonly clients: number;
  /** "" for the newest state, "0" for whatever the API server's cache holds. */
  readonly resourceVersion: string;
  readonly mode: 'list' | 'informer';
}

interface Pod {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

/** As many groups as pod.yaml has labels. */
const groups = 300;
/** Pause of a client that is alone, in seconds: a steady pace, not a flood. */
const pace = 0.1;
/** Not beyond gracefulStop: k6 measures no request that it has to break off. */
const timeout = '10s';

const parameters: Parameters = JSON.parse(__ENV['ORDEAL_PARAMETERS'] ?? '{}');
if (!['list', 'informer'].includes(parameters.mode))
  throw new Error(`mode ${parameters.mode}: expected list or informer`);
const pods = `${__ENV['ORDEAL_SERVER']}/api/v1/namespaces/list-flood/pods`;
const headers = { Authorization: `Bearer ${__ENV['ORDEAL_TOKEN']}` };
const lookups = new Counter('lookups');

export const options = {
  discardResponseBodies: true,
  scenarios: {
    controller: {
      executor: 'constant-vus',
      vus: parameters.clients,
      duration: `${__ENV['ORDEAL_DURATION']}s`,
      gracefulStop: '11s',
    },
  },
};

/** What this client knows in informer mode; each virtual user has its own. */
const known = new Map<string, Pod>();
let synced: string | undefined;

export default async function controller(): Promise<void> {
  if (parameters.mode === 'informer') {
    await inform();
    return;
  }
  http.get(url({ labelSelector: selector(__VU * 7919 + __ITER), resourceVersion: parameters.resourceVersion }), {
    headers,
    timeout,
    tags: { name: 'list' },
  });
  if (parameters.clients === 1) sleep(pace);
}

async function inform(): Promise<void> {
  if (synced === undefined) list();
  if (synced === undefined) {
    sleep(1);
    return;
  }
  const watch = url({
    labelSelector: selector(__VU),
    resourceVersion: synced,
    watch: '1',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '5',
  });
  const answering = setInterval(() => lookups.add(known.size > 0 ? 1 : 0), 100);
  const answer = await http.asyncRequest('GET', watch, null, {
    headers,
    timeout,
    responseType: 'text',
    tags: { name: 'watch' },
  });
  clearInterval(answering);
  if (answer.status === 200) follow(String(answer.body ?? ''));
  else synced = undefined;
}

function list(): void {
  const answer = http.get(url({ labelSelector: selector(__VU), resourceVersion: '0' }), {
    headers,
    timeout,
    responseType: 'text',
    tags: { name: 'list' },
  });
  if (answer.status !== 200) return;
  const { items, metadata } = JSON.parse(String(answer.body)) as {
    items: Pod[];
    metadata: { resourceVersion: string };
  };
  known.clear();
  for (const pod of items) known.set(pod.metadata.name, pod);
  synced = metadata.resourceVersion;
}

/** Applies what a watch told; a watch that ran out of history means a new list. */
function follow(body: string): void {
  for (const line of body.split('\n')) {
    if (line === '') continue;
    const { type, object } = JSON.parse(line) as { type: string; object: Pod };
    if (type === 'ERROR') {
      synced = undefined;
      return;
    }
    synced = object.metadata.resourceVersion;
    if (type === 'DELETED') known.delete(object.metadata.name);
    else if (type !== 'BOOKMARK') known.set(object.metadata.name, object);
  }
}

function selector(index: number): string {
  return `nodegroup=group-${index % groups}`;
}

function url(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== '');
  return `${pods}?${pairs.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&')}`;
}
