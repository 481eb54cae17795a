import { expect } from 'chai';
import { KubeClient } from '../harness/kube/client.ts';
import { countRequests } from '../harness/run/requests.ts';
import { costOf, costText } from '../reports/cost.ts';
import { markdown } from '../reports/markdown.ts';
import { summary } from '../reports/terminal.ts';
import { send, serve } from './api-server.ts';
import { listFlood } from './fixtures/journals/list-flood.ts';

const never = new AbortController().signal;
const agent = 'ordeal/1.2.3 (run some-run)';

describe('what the harness asks of an API server', function () {
  this.timeout('1m');

  it('says from which run it comes, and is counted by identity', async () => {
    const agents = new Set<string | undefined>();
    await using server = await serve((request, response) => {
      agents.add(request.headers['user-agent']);
      send(response, 200, {});
    });
    const requests = countRequests(agent);
    await using client = new KubeClient({ ...server.connection, requests }, { signal: never });
    await Promise.all([client.get('/version'), client.text('/metrics'), client.create('/api/v1/pods', {})]);
    expect([...agents]).to.deep.equal([agent]);
    expect(requests.counts).to.deep.equal({ [server.connection.user]: 3 });
    expect(requests.waited).to.equal(0);
  });

  it('is held to 50 a second for each identity, after the first hundred', async () => {
    const requests = countRequests(agent);
    const started = performance.now();
    await Promise.all(Array.from({ length: 125 }, () => requests.admit('ordeal:one', never, true)));
    expect(performance.now() - started).to.be.within(450, 5_000);
    expect(requests.waited).to.be.greaterThan(450);
    const { waited } = requests;
    await requests.admit('ordeal:other', never, true);
    expect(requests.waited).to.equal(waited);
  });

  it('does not hold what the scenario itself asks for', async () => {
    const requests = countRequests(agent);
    for (let times = 0; times < 5_000; times += 1) await requests.admit('ordeal:harness', never, false);
    expect(requests.waited).to.equal(0);
    expect(requests.counts).to.deep.equal({ 'ordeal:harness': 5_000 });
  });

  it('does not wait beyond the end of the run', async () => {
    const requests = countRequests(agent);
    for (let times = 0; times < 100; times += 1) await requests.admit('one', never, true);
    const stop = new AbortController();
    const late = Array.from({ length: 500 }, () => requests.admit('one', stop.signal, true).catch(String));
    stop.abort('it is over');
    expect((await Promise.all(late)).filter((end) => end === 'it is over').length).to.be.greaterThan(450);
  });

  it('is one line of each report: how many, by whom, and the share of the time that requests took', () => {
    const report = listFlood('vulnerable');
    const counted = { 'ordeal:api-canary': 400, 'ordeal:nodes': 7, 'ordeal:harness': 3100, 'ordeal:events': 2 };
    const t = 100_000;
    const events = [
      { t: 5, kind: 'sample', metric: 'audit.query-time', labels: { user: 'ordeal:nodes', verb: 'list' }, value: 1 },
      { t: 5, kind: 'sample', metric: 'audit.query-time', labels: { user: 'flooder', verb: 'list' }, value: 3 },
      { t, kind: 'asked', requests: counted, waited: 1500, agent },
    ] as const;
    const asked = { ...report, events };
    const cost = costOf(asked);
    const line =
      '3,509 requests to the API server (35.1/s): harness 3,100, api-canary 400, nodes 7 and 1 others; 25% of its request time; 1.5 s waited at 50/s for each';
    expect(cost && costText(cost)).to.equal(line);
    expect(markdown(asked)).to.include('ordeal itself: 3,509 requests to the API server');
    expect(summary(asked, { color: false, columns: 100 })).to.include('Itself');
    expect(costOf({ ...report, events: [] })).to.equal(undefined);
  });
});
