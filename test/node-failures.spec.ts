import { expect } from 'chai';
import type { EventBody, Finding, JournalEvent, Threshold, Verdict } from '../harness/model.ts';
import { failureKinds, failureMetrics } from '../harness/verdict/failure-metrics.ts';
import { nodeFailures } from '../harness/verdict/failures.ts';
import { judge } from '../harness/verdict/judge.ts';
import { condition, kernelLines, kindEvents, log, type Story, workers } from './fixtures/journals/kind.events.ts';
import { kindScenario } from './fixtures/journals/kind.scenario.ts';
import { listFlood } from './fixtures/journals/list-flood.ts';
import { hostile, hugeReport } from './fixtures/journals/odd.ts';

const [victim, other] = workers;
const at = (t: number, body: EventBody): JournalEvent => ({ t, ...body });
const sample = (t: number, metric: string, value: number, labels = {}): JournalEvent => {
  return at(t, { kind: 'sample', metric, value, labels: { node: victim, ...labels } });
};
/** A healthy cluster, and what else happened. */
const befell = (...more: JournalEvent[]) => nodeFailures(kindEvents('healthy', more));
const pod = (t: number, reason: string, name: string): JournalEvent => {
  const labels = { node: victim, namespace: 'x', pod: name, reason };
  return at(t, { kind: 'seen', what: 'pod', subject: `x/${name}`, detail: `${reason}: low on memory`, labels });
};
const blind = (source: string, from: number, t: number, explained = false): JournalEvent =>
  at(t, { kind: 'blind', source, from, reason: 'it hung', explained });

describe('node failures', () => {
  it('are none where nodes were well, whatever the cluster or the journal', () => {
    expect(nodeFailures(kindEvents('healthy'))).to.deep.equal([]);
    expect(nodeFailures(listFlood('vulnerable').events)).to.deep.equal([]);
    expect(nodeFailures([])).to.deep.equal([]);
  });

  it('a stopped kubelet is one: from the fault to the notice to Ready again', () => {
    const [failure, ...more] = nodeFailures(kindEvents('stop-kubelet'));
    expect(more).to.deep.equal([]);
    expect(failure).to.deep.include({
      node: victim,
      what: 'not-ready',
      first: { at: 65_310, sign: 'stop-kubelet injected; kubelet is not active' },
      detected: { at: 114_050, sign: 'Ready: True → Unknown (NodeStatusUnknown)' },
      faultEnded: 164_900,
      back: 166_700,
    });
    expect(failure?.evidence.map(({ signature }) => signature)).to.deep.equal(['kubelet stopped', 'kubelet started']);
  });

  it('shown by a fault before it is told to be done are still its own', () => {
    const told = (event: JournalEvent) =>
      event.kind === 'injected' || (event.kind === 'seen' && event.labels?.['sign'] === 'injected');
    const late = kindEvents('stop-kubelet').map((event) => (told(event) ? { ...event, t: event.t + 2_500 } : event));
    const [failure] = nodeFailures(late);
    expect(failure?.first.at).to.be.lessThan(65_310 + 2_500);
    expect(failure?.first.sign).to.equal('stop-kubelet injected; kubelet is not active');
    expect(failure).to.have.property('faultEnded', 164_900);
  });

  it('many kills by the kernel are one, counted, with a line of each kind; a kubelet among the victims is one more', () => {
    const [down, kills, ...more] = nodeFailures(kindEvents('memory-stress'));
    expect(more).to.deep.equal([]);
    expect(kills).to.deep.include({
      what: 'oom-kill',
      first: { at: 65_310, sign: 'memory-hog injected; 14 OOM kills' },
    });
    expect(kills?.detected?.sign).to.equal('hog: OOMKilled, exit 137');
    expect(kills?.evidence.map(({ line }) => line.split(' ')[0])).to.include.members(['memhog', 'kubelet']);
    expect(down?.what).to.equal('kubelet-down');
    expect(down).not.to.have.any.keys('detected', 'faultEnded');
    expect(down?.back).to.equal(95_009);
  });

  it('without a fault begin with the earliest line that tells of them', () => {
    const lease = log('kubelet', 'failed to update lease', 'E0714 controller.go: failed to update lease');
    const [failure] = befell(
      at(80_000, lease),
      at(95_000, condition(victim, 'True', 'Unknown', 'NodeStatusUnknown')),
      at(120_000, condition(victim, 'Unknown', 'True', 'KubeletReady')),
    );
    expect(failure?.first.at).to.equal(80_000);
    expect(failure?.evidence).to.have.length(1);
    expect(failure).not.to.have.property('faultEnded');
  });

  it('go on where nothing says that they ended', () => {
    const until = kindEvents('healthy').filter(({ kind, t }) => kind !== 'sample' || t < 95_000);
    const [failure] = nodeFailures([...until, at(95_000, condition(victim, 'True', 'False', 'KubeletNotReady'))]);
    expect(failure).to.include({ what: 'not-ready' }).and.not.to.have.property('back');
  });

  it('of two nodes are two, and one after the other are two', () => {
    const spell = (node: string, from: number) => [
      at(from, condition(node, 'True', 'False', 'x')),
      at(from + 5_000, condition(node, 'False', 'True', 'x')),
    ];
    const found = befell(...spell(victim, 70_000), ...spell(other, 71_000), ...spell(victim, 150_000));
    expect(found.map(({ node, first }) => [node, first.at])).to.deep.equal([
      [victim, 70_000],
      [other, 71_000],
      [victim, 150_000],
    ]);
  });

  it('are not made of a node that only starts, of one question without an answer, or of a lone log line', () => {
    expect(befell(at(90_000, condition('new', 'absent', 'False', 'KubeletNotReady')))).to.deep.equal([]);
    expect(befell(sample(90_100, 'kubelet.up', 0))).to.deep.equal([]);
    expect(befell(at(90_000, log('kubelet', 'PLEG is not healthy', 'PLEG is not healthy')))).to.deep.equal([]);
    expect(
      befell(at(41_000, condition(victim, 'True', 'False', 'x')), at(42_000, condition(victim, 'False', 'True', 'x'))),
    ).to.deep.equal([]);
  });

  it('name pressure, and what was evicted for it', () => {
    const found = befell(
      at(90_000, condition(victim, 'False', 'True', 'KubeletHasInsufficientMemory', 'MemoryPressure')),
      pod(86_000, 'Evicted', 'a'),
      pod(96_000, 'Evicted', 'b'),
      pod(97_000, 'Restarted', 'c'),
    );
    expect(found.map(({ what, first, detected, back }) => [what, first.sign, detected?.at, back])).to.deep.equal([
      ['eviction', '2 pods evicted', 86_000, 96_000],
      ['memory-pressure', 'MemoryPressure: False → True (KubeletHasInsufficientMemory)', 90_000, undefined],
    ]);
  });

  it('tell a container that met its own limit from a node without memory', () => {
    const lines = (limit: string) =>
      kernelLines(9, 'hog', limit).map(([name, line]) => at(80_000, log('kernel', name, line)));
    expect(
      befell(...lines('/docker/8f/kubelet/kubepods/burstable/pod7/c1'), pod(81_000, 'OOMKilled', 'hog'))[0]?.what,
    ).to.equal('container-oom');
    expect(befell(...lines('/docker/8f'))[0]).to.deep.include({
      what: 'oom-kill',
      first: { at: 80_000, sign: '1 OOM kill' },
    });
    const victims = (limit: string) => sample(80_000, 'node.oom-victims', 2, { victim: 'pod', limit });
    expect(befell(victims('pod'))[0]).to.deep.include({
      what: 'container-oom',
      first: { at: 80_000, sign: '2 OOM kills' },
    });
    expect(befell(victims('node'))[0]?.what).to.equal('oom-kill');
    const cut = log('kernel', 'oom-kill', 'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpu');
    const labelled = cut.kind === 'seen' ? { ...cut, labels: { ...cut.labels, limit: 'pod' } } : cut;
    expect(befell(at(80_000, labelled))[0]).to.include({ what: 'container-oom' });
  });

  it("are not made of what the nodes' common kernel did to others", () => {
    const [, , killed] = kernelLines(7, 'stranger', '/system.slice/x');
    expect(befell(at(80_000, log('kernel', killed?.[0] ?? '', killed?.[1] ?? '', 'host')))).to.deep.equal([]);
  });

  it('take the proof of a fault for the sight of it where nobody could see the node', () => {
    const frozen = (real: boolean) => {
      const seen = kindEvents('healthy').filter((event) => {
        const ofVictim = event.kind === 'sample' && event.labels?.['node'] === victim;
        return !(ofVictim && event.metric !== 'node.ready' && event.t > 65_300 && event.t < 85_000);
      });
      return nodeFailures([
        ...seen,
        at(65_300, { kind: 'injected', fault: 'freeze-node', targets: [victim] }),
        at(84_800, { kind: 'evidenced', fault: 'freeze-node', real, detail: 'every process is frozen' }),
        at(84_900, { kind: 'recovered', fault: 'freeze-node' }),
      ]);
    };
    expect(frozen(false)).to.deep.equal([]);
    expect(frozen(true)).to.have.length(1);
    expect(frozen(true)[0]).to.include({ what: 'node-down', back: 84_900 }).and.not.to.have.property('detected');
  });

  it('survive hostile text and thousands of nodes', () => {
    const [failure] = befell(
      at(80_000, { ...condition(hostile, 'True', 'False', hostile) }),
      at(80_500, log('kernel', hostile, hostile, hostile)),
    );
    expect(failure).to.include({ node: hostile, what: 'not-ready' });
    expect(nodeFailures(hugeReport().events)).to.have.length(900);
  });

  it('have only kinds that are told beforehand', () => {
    const found = (['stop-kubelet', 'memory-stress'] as Story[]).flatMap((story) => nodeFailures(kindEvents(story)));
    for (const { what } of found) expect(failureKinds).to.include(what);
  });
});

describe('thresholds on node failures', () => {
  type Given = Partial<Omit<Threshold, 'is'>> & { is: string };

  function limit(story: Story, given: Given, change: (events: JournalEvent[]) => JournalEvent[] = (all) => all) {
    const [, op = '<=', value = '0', unit = ''] = /^(\S+) ([\d.]+)(s?)$/.exec(given.is) ?? [];
    const threshold: Threshold = {
      text: 'it',
      metric: 'node-failures',
      take: 'count',
      during: 'run',
      line: 1,
      ...given,
      is: { op: op as '<=', value: Number(value), unit: unit ? 'seconds' : 'count' },
    };
    const evidence: Threshold = {
      ...threshold,
      metric: 'nodes.ready',
      take: 'max',
      labels: {},
      is: { op: '>=', value: 1, unit: 'count' },
    };
    const { per: _, ...proof } = evidence;
    const scenario = { ...kindScenario(story), evidence: [proof], limits: [threshold] };
    const verdict = judge(scenario, change(kindEvents(story)), 'limits');
    const finding = verdict.findings.find(({ role }) => role === 'limit');
    if (!finding) throw new Error('no finding');
    return { verdict, finding };
  }
  const status = (...given: Parameters<typeof limit>): Finding['status'] => limit(...given).finding.status;
  const result = (...given: Parameters<typeof limit>): Verdict['status'] => limit(...given).verdict.status;
  const detected = (is: string, more: Partial<Given> = {}): Given => ({
    metric: 'node-failure.detected-after',
    take: 'max',
    is,
    ...more,
  });

  it('count them: none is 0 where somebody watched all the time', () => {
    expect(limit('healthy', { is: '== 0' }).finding).to.include({ status: 'met', value: 0 });
    expect(limit('healthy', { is: '== 0', per: 'node' }).finding.status).to.equal('met');
    expect(limit('stop-kubelet', { is: '== 0' }).finding).to.include({ status: 'unmet', value: 1, at: 65_310 });
    expect(status('stop-kubelet', { is: '== 0', labels: { what: 'oom-kill' } })).to.equal('met');
    expect(status('memory-stress', { is: '>= 1', labels: { what: 'oom-kill', node: victim } })).to.equal('met');
    expect(status('memory-stress', { is: '== 0', labels: { node: other } })).to.equal('met');
  });

  it('do not take blindness for health', () => {
    const none = { is: '== 0' };
    for (const source of ['nodes', 'pods'])
      expect(
        result('healthy', none, (all) => [...all, blind(source, 80_000, 110_000)]),
        source,
      ).to.equal('invalid');
    expect(result('healthy', none, (all) => [...all, blind('nodes', 80_000, 110_000, true)])).to.equal('passed');
    // Two look for kills: one of them suffices.
    expect(result('healthy', none, (all) => [...all, blind('node-logs', 80_000, 110_000)])).to.equal('passed');
    const both = [blind('node-logs', 80_000, 110_000), blind('node', 80_000, 110_000)];
    expect(result('healthy', none, (all) => [...all, ...both])).to.equal('invalid');
    expect(status('stop-kubelet', none, (all) => [...all, ...both])).to.equal('unmet');
  });

  it('are unmeasured where nobody watches for that kind', () => {
    const deaf = (all: JournalEvent[]) => all.filter((event) => event.kind !== 'observing' || event.source === 'nodes');
    const { finding } = limit('healthy', { is: '== 0', labels: { what: 'oom-kill' } }, deaf);
    expect(finding.status).to.equal('unmeasured');
    expect(finding.detail).to.equal('nobody watched for oom-kill: that takes node.oom-victims or node.oom-kills');
    expect(status('healthy', { is: '== 0', labels: { what: 'not-ready' } }, deaf)).to.equal('met');
    expect(status('healthy', { is: '== 0', labels: { what: 'not-redy' } })).to.equal('unmeasured');
    expect(status('healthy', { is: '== 0' }, (all) => all.filter(({ kind }) => kind !== 'observing'))).to.equal(
      'unmeasured',
    );
  });

  it('time a single one', () => {
    expect(limit('stop-kubelet', detected('<= 60s')).finding).to.include({ status: 'met', value: 48.74, samples: 1 });
    expect(status('stop-kubelet', detected('<= 40s'))).to.equal('unmet');
    expect(status('stop-kubelet', detected('<= 60s', { take: 'p99', during: 'fault', per: 'node' }))).to.equal('met');
    expect(status('stop-kubelet', detected('<= 60s', { take: 'mean', labels: { what: 'not-ready' } }))).to.equal('met');
    const back: Given = { metric: 'node-failure.back-after', take: 'max', is: '<= 5s' };
    expect(limit('stop-kubelet', back).finding).to.include({ status: 'met', value: 1.8 });
  });

  it('on a time have nothing to measure where nothing failed', () => {
    const { finding, verdict } = limit('healthy', detected('<= 60s', { labels: { what: 'not-ready' } }));
    expect(finding).to.include({ status: 'unmeasured', detail: 'no node failure (not-ready) began in run' });
    expect(verdict.status).to.equal('invalid');
    expect(status('healthy', { metric: 'node-failure.undetected', is: '== 0' })).to.equal('met');
    expect(status('stop-kubelet', detected('<= 60s', { during: 'recovery' }))).to.equal('unmeasured');
  });

  it('do not forget what was never noticed', () => {
    const { finding } = limit('memory-stress', { metric: 'node-failure.undetected', is: '== 0', per: 'what' });
    expect(finding).to.include({ status: 'unmet', value: 1, detail: 'what kubelet-down' });
    const open = limit('memory-stress', detected('<= 60s', { labels: { what: 'kubelet-down' } })).finding;
    expect(open.status).to.equal('unmeasured');
    expect(open.detail).to.contain(`never noticed: kubelet-down of ${victim}`);
    // It went on unnoticed for longer than the limit: that is known.
    expect(status('memory-stress', detected('<= 20s', { labels: { what: 'kubelet-down' } }))).to.equal('unmet');
  });

  it('do not forget what never came back', () => {
    const dead = (all: JournalEvent[]) =>
      all.filter((event) => event.t < 160_000 || !('labels' in event) || event.labels?.['node'] !== victim);
    const back = (is: string): Given => ({ metric: 'node-failure.back-after', take: 'max', is });
    expect(limit('stop-kubelet', back('<= 30s'), dead).finding).to.include({
      status: 'unmet',
      measured: 'at least 40.1 s',
    });
    expect(status('stop-kubelet', back('<= 50s'), dead)).to.equal('unmeasured');
  });

  it('are promised', () => {
    expect(failureMetrics.map(({ name }) => name)).to.deep.equal([
      'node-failures',
      'node-failure.undetected',
      'node-failure.detected-after',
      'node-failure.back-after',
    ]);
  });
});
