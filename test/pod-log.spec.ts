import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { KubeClient } from '../harness/kube/client.ts';
import { isOfCluster, isRefusal } from '../harness/kube/watch.ts';
import type { Clock, ClusterError } from '../harness/model.ts';
import { PodLog } from '../harness/probes/pod-log.ts';
import { remarksOf } from '../harness/probes/proxy.ts';
import { send, serve } from './api-server.ts';

const pods = '/api/v1/namespaces/default/pods';
const never = new AbortController().signal;

async function scene(phases: readonly string[] = ['Running']) {
  const time = { now: 0 };
  const clock: Clock = { now: () => time.now, fromWall: (wall) => wall };
  const opened = Promise.withResolvers<ServerResponse>();
  const items = phases.map((phase, index) => ({ metadata: { name: `proxy-${index}` }, status: { phase } }));
  const server = await serve((request, response) => {
    if (!request.url.includes('/log')) return send(response, 200, { metadata: {}, items });
    expect(request.url).to.equal(`${pods}/proxy-${phases.indexOf('Running')}/log?follow=true`);
    response.writeHead(200).flushHeaders();
    opened.resolve(response);
  });
  const client = new KubeClient(server.connection, { signal: never });
  const log = new PodLog(client, clock, pods, 'app=proxy');
  return {
    log,
    time,
    opened: opened.promise,
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const why = (lines: Promise<unknown>) =>
  lines.then(
    (came) => expect.fail(`it gave ${came}`),
    (error: unknown) => `${(error as { code: string }).code}: ${(error as Error).message}`,
  );

async function until(log: PodLog, count: number): Promise<string[]> {
  const all: string[] = [];
  for (let tries = 0; tries < 200 && all.length < count; tries++) {
    all.push(...(await log.lines()));
    await sleep(10);
  }
  return all;
}

describe('the log of a pod', () => {
  it('is followed from its first line, in whole lines, and ends quietly when nobody wants it any more', async () => {
    await using it = await scene(['Succeeded', 'Running']);
    expect(await it.log.lines()).to.deep.equal([]);
    const response = await it.opened;
    response.write('one\ntw');
    expect(await until(it.log, 1)).to.deep.equal(['one']);
    response.write('o\n\nthree\n');
    expect(await until(it.log, 2)).to.deep.equal(['two', 'three']);
    await it.log.close();
    expect(await it.log.lines()).to.deep.equal([]);
  });

  it('is nothing where no such pod runs, or several do', async () => {
    for (const phases of [[], ['Pending'], ['Running', 'Running']]) {
      await using it = await scene(phases);
      expect(await why(it.log.lines())).to.match(/ENOENT.*app=proxy.*not one that runs/);
    }
  });

  it('is not believed any more when it broke off: what came before is given, then it fails for ever', async () => {
    await using it = await scene();
    await it.log.lines();
    (await it.opened).end('last\n');
    expect(await until(it.log, 1)).to.deep.equal(['last']);
    await sleep(50);
    for (const _ of [1, 2]) expect(await why(it.log.lines())).to.match(/lost.*it ended/);
  });

  it('is missing without an explanation, also where the server closed the connection', async () => {
    await using it = await scene();
    await it.log.lines();
    (await it.opened).socket?.destroy();
    await sleep(50);
    const error = await it.log.lines().catch((caught: unknown) => caught as ClusterError);
    expect(String(error)).to.match(/it broke off/);
    expect(isOfCluster(error)).to.equal(true);
    expect(isRefusal(error as ClusterError)).to.equal(false);
  });

  it('is no log of ours when a line has no end', async () => {
    await using it = await scene();
    await it.log.lines();
    (await it.opened).write('x'.repeat(70_000));
    await sleep(100);
    expect(await why(it.log.lines())).to.match(/lost.*longer than any of ours/);
  });

  it('is not believed while nothing comes for five seconds', async () => {
    await using it = await scene();
    await it.log.lines();
    it.time.now = 4_900;
    expect(await it.log.lines()).to.deep.equal([]);
    it.time.now = 5_100;
    expect(await why(it.log.lines())).to.match(/deaf/);
    (await it.opened).write('late\n');
    await sleep(50);
    expect(await it.log.lines()).to.deep.equal(['late']);
    expect(await it.log.lines()).to.deep.equal([]);
  });

  it('has the remarks of the controller between lines of the proxy', () => {
    const said = { ordeal: 'workers', at: 1.5, pods: 2, workers: [{ pid: 7, ending: true, connections: 3 }] };
    expect(remarksOf(['{"at":1}', JSON.stringify(said), 'x'])).to.deep.equal([said]);
    for (const wrong of ['{"ordeal":"workers","workers":[', '{"ordeal":"workers","workers":5}', '{"ordeal":"more"}'])
      expect(() => remarksOf([wrong]), wrong).to.throw(/none of ours: .*ordeal/);
  });
});
