import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { differences } from '../harness/cluster/readback.ts';
import { createMany } from '../harness/kube/apply.ts';
import { KubeClient, type KubeObject } from '../harness/kube/client.ts';
import { render, renderMany } from '../harness/kube/manifest.ts';
import { rolledOut } from '../harness/kube/rollout.ts';
import { type Gap, isOfCluster, Lookout, watch } from '../harness/kube/watch.ts';
import { type Clock, ClusterError } from '../harness/model.ts';
import { send, serve } from './api-server.ts';

const clock: Clock = { now: () => performance.now(), fromWall: (wall) => wall };
const never = new AbortController().signal;

const status = (reason: string) => ({ kind: 'Status', reason, message: `it is ${reason}` });
const object = (kind: string, name: string): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'x' },
});
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );

describe('the Kubernetes client', () => {
  it('keeps its connections, no more than it may have', async () => {
    await using server = await serve((_, response) => send(response, 200, {}));
    await using client = new KubeClient(server.connection, { signal: never, connections: 3 });
    await Promise.all(Array.from({ length: 60 }, () => client.get('/version')));
    expect(server.connections()).to.be.at.most(3);
  });

  it('says who it is, and reads long lists in pieces', async () => {
    const asked: string[] = [];
    await using server = await serve((request, response) => {
      asked.push(`${request.headers.authorization} ${request.url}`);
      const last = request.url.includes('continue=');
      const metadata = { resourceVersion: '7', ...(last ? {} : { continue: 'more' }) };
      send(response, 200, { metadata, items: [object('Pod', last ? 'b' : 'a')] });
    });
    await using client = new KubeClient(server.connection, { signal: never });
    const { items, resourceVersion } = await client.list('/api/v1/pods');
    expect(items.map(({ metadata }) => metadata.name)).to.deep.equal(['a', 'b']);
    expect(resourceVersion).to.equal('7');
    expect(asked).to.deep.equal([
      'Bearer secret /api/v1/pods?limit=500',
      'Bearer secret /api/v1/pods?limit=500&continue=more',
    ]);
  });

  it('asks below the path of its server, where it has one', async () => {
    const asked: string[] = [];
    await using server = await serve((request, response) => {
      asked.push(request.url);
      send(response, 200, {});
    });
    const connection = { ...server.connection, server: `${server.connection.server}/k8s/clusters/c-1/` };
    await using client = new KubeClient(connection, { signal: never });
    await client.get('/version');
    expect(asked).to.deep.equal(['/k8s/clusters/c-1/version']);
  });

  it('says of an object that was there before whose it is, where that matters', async () => {
    let mark = 'others';
    await using server = await serve((request, response) => {
      if (request.method === 'POST') send(response, 409, status('AlreadyExists'));
      else
        send(response, 200, { ...object('ConfigMap', 'a'), metadata: { name: 'a', labels: { 'ordeal.mark': mark } } });
    });
    await using client = new KubeClient(server.connection, { signal: never });
    const create = () => createMany(client, [object('ConfigMap', 'a')], { signal: never, ours: 'ours' });
    expect(String(await failureOf(create()))).to.match(
      /RefusedError: .*configmaps\/a is there already, and is not ours/,
    );
    mark = 'ours';
    expect(await create()).to.equal(1);
  });

  it('throws what the server said, or why it could not be asked', async () => {
    const refused = await (async () => {
      await using server = await serve((request, response) => {
        if (request.url === '/silent') return;
        if (request.url === '/reset') response.destroy();
        else send(response, 403, status('Forbidden'));
      });
      await using client = new KubeClient(server.connection, { signal: never, timeout: 300 });
      expect(await failureOf(client.get('/x'))).to.include({
        name: 'ClusterError',
        code: 403,
        reason: 'Forbidden: it is Forbidden',
      });
      expect(await failureOf(client.get('/silent'))).to.include({ name: 'ClusterError', code: 'ETIMEDOUT' });
      expect(await failureOf(client.get('/reset'))).to.include({ name: 'ClusterError', code: 'ECONNRESET' });
      return server.connection;
    })();
    await using client = new KubeClient(refused, { signal: never });
    expect(await failureOf(client.get('/x'))).to.include({ name: 'ClusterError', code: 'ECONNREFUSED' });
  });

  it('ends every call when the signal aborts, with its reason', async () => {
    await using server = await serve(() => {});
    const stop = new AbortController();
    await using client = new KubeClient(server.connection, { signal: stop.signal });
    const calls = Array.from({ length: 12 }, () => failureOf(client.get('/x')));
    await sleep(50);
    stop.abort(new Error('enough'));
    for (const call of calls) expect(await call).to.equal(stop.signal.reason);
  });
});

describe('an aborted call', () => {
  it('does not wait for a connection that is just being made', async () => {
    const deaf = createTcpServer(() => {});
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    const stop = new AbortController();
    await using client = new KubeClient(
      { server: url, caFile: '/dev/null', user: 'tester', token: 'secret' },
      { signal: stop.signal },
    );
    const call = failureOf(client.get('/x'));
    await sleep(50);
    const began = performance.now();
    stop.abort(new Error('enough'));
    expect(await call).to.equal(stop.signal.reason);
    expect(performance.now() - began).to.be.below(200);
    deaf.close();
  });
});

describe('creating many objects', () => {
  it('sends nothing before the namespace and its service account exist', async () => {
    const made: string[] = [];
    await using server = await serve(async (_, response, body) => {
      const { kind, metadata } = JSON.parse(body) as KubeObject;
      if (kind !== 'Pod') await sleep(50);
      made.push(`${kind} ${metadata.name}`);
      send(response, 201, {});
    });
    await using client = new KubeClient(server.connection, { signal: never });
    const pods = Array.from({ length: 30 }, (_, index) => object('Pod', `p${index}`));
    expect(await createMany(client, [object('Namespace', 'x'), ...pods], { signal: never })).to.equal(31);
    expect(made.slice(0, 2)).to.deep.equal(['Namespace x', 'ServiceAccount default']);
    expect(made).to.have.length(32);
  });

  it('tries again what may pass, counts what existed, and throws the rest', async () => {
    let tries = 0;
    await using server = await serve((_, response, body) => {
      const { name } = (JSON.parse(body) as KubeObject).metadata;
      if (name === 'busy') tries += 1;
      if (name === 'busy' && tries < 3) send(response, 429, status('TooManyRequests'));
      else if (name === 'old') send(response, 409, status('AlreadyExists'));
      else if (name === 'bad') send(response, 422, status('Invalid'));
      else send(response, 201, {});
    });
    await using client = new KubeClient(server.connection, { signal: never });
    const named = (...names: string[]) => names.map((name) => object('ConfigMap', name));
    expect(await createMany(client, named('busy', 'old', 'new'), { signal: never })).to.equal(3);
    expect(tries).to.equal(3);
    expect(await failureOf(createMany(client, named('new', 'bad'), { signal: never }))).to.include({ code: 422 });
  });

  it('asks the server where unknown kinds live', async () => {
    const paths: string[] = [];
    await using server = await serve((request, response) => {
      paths.push(`${request.method} ${request.url}`);
      const resources = [
        { name: 'widgets/status', kind: 'Widget', namespaced: true },
        { name: 'widgets', kind: 'Widget', namespaced: true },
      ];
      send(response, 200, request.method === 'GET' ? { resources } : {});
    });
    await using client = new KubeClient(server.connection, { signal: never });
    const widget = { ...object('Widget', 'a'), apiVersion: 'example.org/v1' };
    await createMany(client, [widget, widget], { signal: never, concurrency: 1 });
    const create = 'POST /apis/example.org/v1/namespaces/x/widgets';
    expect(paths).to.deep.equal(['GET /apis/example.org/v1', create, create]);
  });
});

describe('the rollout of a workload', () => {
  const deployment = { ...object('Deployment', 'dns'), apiVersion: 'apps/v1' };
  const spec = { replicas: 2, selector: { matchLabels: { app: 'dns' } } };
  const done = { observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2 };
  /** A server that answers with one state after the other, of the Deployment and how many pods there are. */
  const serving = (states: [status: object, pods: number][], asked: string[] = []) =>
    serve((request, response) => {
      asked.push(decodeURIComponent(request.url));
      const [state, pods] = states[0] ?? [{}, 0];
      const items = Array.from({ length: pods }, (_, index) => object('Pod', `p${index}`));
      if (request.url.includes('/pods')) send(response, 200, { metadata: { resourceVersion: '1' }, items });
      else
        send(response, 200, {
          ...deployment,
          metadata: { ...deployment.metadata, generation: 2 },
          spec,
          status: state,
        });
      const moved = request.url.includes('/pods') || state !== done;
      if (moved && states.length > 1) states.shift();
    });

  it('is over when all of its pods are new and available and no former one is left', async () => {
    const states: [object, number][] = [
      [{ ...done, observedGeneration: 1 }, 2],
      [{ ...done, updatedReplicas: 1 }, 2],
      [{ ...done, availableReplicas: 1 }, 2],
      [done, 3],
      [done, 2],
    ];
    const asked: string[] = [];
    await using server = await serving(states, asked);
    await using client = new KubeClient(server.connection, { signal: never });
    await rolledOut(client, deployment, { signal: never });
    expect(states).to.have.length(1);
    expect(asked.at(-1)).to.include('/api/v1/namespaces/x/pods?labelSelector=app=dns');
  });

  it('ends with what is lacking when it does not come about, and waits for nothing that has no pods', async () => {
    await using server = await serving([[done, 3]]);
    await using client = new KubeClient(server.connection, { signal: never });
    const late = await failureOf(rolledOut(client, deployment, { signal: never, patience: 600 }));
    expect(late).to.include({ code: 'ETIMEDOUT', reason: 'not rolled out in 0.6 s: 1 former pods are left' });
    await rolledOut(client, object('ConfigMap', 'a'), { signal: never });
  });
});

describe('rendering objects', () => {
  const template = [
    'apiVersion: v1',
    'kind: Pod',
    'metadata: { name: "p-{{index}}" }',
    'n: {{ index }}',
    `count: \${n}`,
  ].join('\n');

  it('fills in the index and the values, as numbers where they stand for numbers', () => {
    const pods = [...renderMany(template, { n: 5 }, 12)];
    expect(pods).to.have.length(12);
    expect(pods[11]).to.deep.include({ metadata: { name: 'p-11' }, n: 11, count: 5 });
  });

  it('gives every document of a file, in order', () => {
    const text = `${template}\n---\n# nothing\n---\n${template.replace('Pod', 'Job')}`;
    expect(render(text, { n: 1, index: 3 }).map(({ kind }) => kind)).to.deep.equal(['Pod', 'Job']);
  });

  it('locates what is wrong', () => {
    expect(() => render(template, { m: 1, index: 0 })).to.throw(
      /^5:8: unknown value \$\{n\}; expected one of index, m$/,
    );
    expect(() => render('a: [', {})).to.throw(/^1:\d+: /);
    expect(() => render('a: 1', {})).to.throw(/^1:1: no object/);
  });
});

describe('a watch', () => {
  interface Script {
    /** Answers to lists and to watches, in turn; the last one stays. */
    readonly lists: (string[] | number)[];
    readonly watches: ((response: ServerResponse) => void)[];
  }

  const serveWatch = (script: Script, asked: string[]) =>
    serve((request, response) => {
      const turn = <T>(answers: T[]) => (answers.length > 1 ? answers.shift() : answers[0]) as T;
      const query = new URL(request.url, 'http://x').searchParams;
      asked.push(query.has('watch') ? `watch ${query.get('resourceVersion')}` : 'list');
      if (query.has('watch')) return turn(script.watches)(response);
      const list = turn(script.lists);
      if (typeof list === 'number') return send(response, list, status('Gone'));
      return send(response, 200, {
        metadata: { resourceVersion: '10' },
        items: list.map((name) => object('Pod', name)),
      });
    });

  const frame = (type: string, name: string, resourceVersion: string) =>
    `${JSON.stringify({ type, object: { ...object('Pod', name), metadata: { name, namespace: 'x', resourceVersion } } })}\n`;

  async function follow(script: Script, until: number) {
    const asked: string[] = [];
    const gaps: Gap[] = [];
    const seen: string[] = [];
    await using server = await serveWatch(script, asked);
    await using client = new KubeClient(server.connection, { signal: never });
    const stop = new AbortController();
    const options = { clock, onGap: (gap: Gap) => void gaps.push(gap) };
    for await (const event of watch(client, '/api/v1/pods', options, stop.signal)) {
      seen.push(event.type === 'SYNCED' ? 'SYNCED' : `${event.type} ${event.object.metadata.name}`);
      if (seen.length === until) break;
    }
    return { asked, gaps, seen };
  }

  it('gives what exists, then news, and goes on at once where the server stopped', async () => {
    const { asked, gaps, seen } = await follow(
      {
        lists: [['a']],
        watches: [
          (response) => {
            response.write(frame('ADDED', 'b', '11'));
            response.end(frame('BOOKMARK', '', '15'));
          },
          (response) => void response.write(frame('DELETED', 'a', '16')),
        ],
      },
      4,
    );
    expect(seen).to.deep.equal(['ADDED a', 'SYNCED', 'ADDED b', 'DELETED a']);
    expect(asked).to.deep.equal(['list', 'watch 10', 'watch 15']);
    expect(gaps).to.deep.equal([]);
  });

  it('reads the list again when the history is gone, and tells what vanished meanwhile', async () => {
    const gone = `${JSON.stringify({ type: 'ERROR', object: { code: 410, message: 'too old' } })}\n`;
    const { gaps, seen } = await follow(
      {
        lists: [
          ['a', 'b'],
          ['b', 'c'],
        ],
        watches: [(response) => void response.end(gone), () => {}],
      },
      6,
    );
    expect(seen).to.deep.equal(['ADDED a', 'ADDED b', 'SYNCED', 'MODIFIED b', 'ADDED c', 'DELETED a']);
    expect(gaps).to.have.length(1);
    expect(gaps[0]).to.include({ lost: true });
  });

  /** Watches a server that gives one list and one watch, which it breaks; then it answers as told. Ends after `time`. */
  async function afterBreak(answer: (response: ServerResponse) => void, time: number, breaks = true) {
    const gaps: Gap[] = [];
    let watches = 0;
    let tries = 0;
    await using server = await serve((request, response) => {
      if (!request.url.includes('watch')) return send(response, 200, { metadata: { resourceVersion: '1' }, items: [] });
      watches += 1;
      if (watches > 1) {
        tries += 1;
        return answer(response);
      }
      response.write(frame('ADDED', 'a', '11'));
      if (breaks) setTimeout(() => response.destroy(), 50);
    });
    await using client = new KubeClient(server.connection, { signal: never, timeout: 300 });
    const stop = new AbortController();
    const lookout = new Lookout();
    const sees: boolean[] = [];
    const looking = setInterval(() => sees.push(lookout.sees), 50);
    setTimeout(() => stop.abort(), time);
    if (!breaks) setTimeout(() => lookout.drop(clock.now() - 150, 'silent'), 200);
    const options = { clock, lookout, onGap: (gap: Gap) => void gaps.push(gap) };
    for await (const _ of watch(client, '/api/v1/pods', options, stop.signal));
    clearInterval(looking);
    for (const [index, gap] of gaps.entries()) expect(gap.from).to.be.closeTo(gaps[index - 1]?.to ?? gap.from, 30);
    const length = (gaps.at(-1)?.to ?? 0) - (gaps[0]?.from ?? 0);
    return { gaps, tries: () => tries, sees, length };
  }

  it('tells a gap at each failed try, to the very end, when it never comes back, without a storm', async () => {
    const { gaps, tries, sees, length } = await afterBreak(
      (response) => send(response, 403, status('Forbidden')),
      1_800,
    );
    expect(length).to.be.within(1_500, 1_850);
    expect(tries()).to.be.within(3, 5);
    expect(gaps.every(({ explained, code }) => !explained && code === 403)).to.equal(true);
    expect(sees[0]).to.equal(true);
    expect(sees.slice(3)).to.not.include(true);
  });

  it('explains refusals, and no silence or error', async () => {
    const refused = await afterBreak((response) => response.destroy(), 1_200);
    expect(refused.gaps.every(({ explained }) => explained)).to.equal(true);
    expect(refused.length).to.be.greaterThan(1_000);
    for (const answer of [() => undefined, (response: ServerResponse) => send(response, 500, status('Broken'))]) {
      const { gaps, length } = await afterBreak(answer, 1_200);
      expect(gaps.some(({ explained }) => explained)).to.equal(false);
      expect(length).to.be.greaterThan(1_000);
    }
  });

  it('does not take a connection that is closed at once for seeing', async () => {
    const { gaps, tries, length } = await afterBreak((response) => void response.writeHead(200).end(), 1_500);
    expect(gaps.some(({ explained }) => explained)).to.equal(false);
    expect(length).to.be.greaterThan(1_100);
    expect(tries()).to.be.within(3, 5);
  });

  it('connects anew when it is told that it is deaf', async () => {
    const { gaps, tries } = await afterBreak((response) => void response.write(frame('ADDED', 'b', '12')), 600, false);
    expect(tries()).to.equal(1);
    expect(gaps[0]).to.include({ explained: false, code: 'deaf' });
    expect((gaps[0]?.to ?? 0) - (gaps[0]?.from ?? 0)).to.be.within(140, 250);
  });

  it('knows errors of our own', () => {
    for (const code of ['EMFILE', 'EADDRNOTAVAIL', 'closed'])
      expect(isOfCluster(new ClusterError('x', code, 'y'))).to.equal(false);
    expect(isOfCluster(new ClusterError('x', 403, 'y'))).to.equal(true);
  });

  it('throws when it may not look at all', async () => {
    expect(await failureOf(follow({ lists: [403], watches: [] }, 1))).to.include({ code: 403 });
  });
});

describe('reading back', () => {
  const wanted = { flags: { 'watch-cache': 'false', v: '2' }, env: { GOGC: '50' } };

  it('is content with exactly what was asked for', () => {
    const args = ['--watch-cache=false', '--other=1', '--v=2'];
    expect(differences('kube-apiserver', wanted, args, new Map([['GOGC', '50']]))).to.deep.equal([]);
  });

  it('names what was dropped, what is there twice, and what differs', () => {
    const args = ['--v=2', '--v=3'];
    expect(differences('kube-apiserver', wanted, args, new Map([['GOGC', '60']]))).to.deep.equal([
      'kube-apiserver: --watch-cache=false was asked for, the process has no such flag',
      'kube-apiserver: --v=2 was asked for, the process has --v=2 --v=3',
      'kube-apiserver: GOGC=50 was asked for, its environment has 60',
    ]);
  });
});
