import { expect } from 'chai';
import { load, variantsOf } from '../harness/commands/find.ts';
import type { Criterion, Threshold } from '../harness/model.ts';

const shipped = (id: string) => new URL(`../scenarios/${id}`, import.meta.url).pathname;
const expected = async (id: string) =>
  (await variantsOf(shipped(id), 'embedded')).map(({ name, expect: what }) => `${name}: ${what}`);
const texts = (criteria: readonly Criterion[]) => criteria.map((one) => ('any' in one ? 'any' : one.text));
const phase = ({ phases }: { readonly phases: readonly { name: string; duration: number }[] }, name: string) =>
  phases.find((one) => one.name === name)?.duration ?? Number.NaN;

describe('the scenarios that take nodes and scheduling away', () => {
  it('notready-storm: one link, two clients that differ in their health check, thresholds for as many nodes as there are', async () => {
    expect(await expected('notready-storm')).to.deep.equal(['no-health-check: signature', 'health-check: limits']);
    const few = await load(shipped('notready-storm'), { variant: 'no-health-check', set: { nodes: '20' } });
    expect(few.faults.map(({ fault, parameters }) => [fault, parameters])).to.deep.equal([
      ['black-hole', { link: 'node-agents' }],
    ]);
    expect(few.cluster.components['kwok-controller']?.env).to.deep.equal({ HTTP2_READ_IDLE_TIMEOUT_SECONDS: '0' });
    expect(few.signature.slice(0, 2).map((one) => (one as Threshold).is)).to.deep.equal([
      { op: '>=', value: 18, unit: 'count' },
      { op: '>=', value: 18, unit: 'count' },
    ]);
    const sound = await load(shipped('notready-storm'), { variant: 'health-check', set: {} });
    expect(sound.cluster.components['kwok-controller']?.env).to.deep.equal({});
  });

  it('cert-expiry: each of two certificates ends within the fault, unless somebody renews it before', async () => {
    const variants = ['client: signature', 'client-renewed: limits', 'serving: signature', 'serving-renewed: limits'];
    expect(await expected('cert-expiry')).to.deep.equal(variants);
    for (const [variant, whose, renewed] of [
      ['client', 'node-agents', false],
      ['client-renewed', 'node-agents', true],
      ['serving', 'api-server', false],
      ['serving-renewed', 'api-server', true],
    ] as const) {
      const scenario = await load(shipped('cert-expiry'), { variant, set: {} });
      const certificates = Object.entries(scenario.cluster.certificates ?? {});
      expect(certificates.map(([name]) => name)).to.deep.equal([whose]);
      expect(JSON.stringify(certificates).includes('20000'), variant).to.equal(renewed);
      const before = phase(scenario, 'warmup') + phase(scenario, 'steady');
      expect(55_000).to.be.within(before, before + phase(scenario, 'fault'));
      expect(texts(scenario.evidence)[0]).to.contain(`certificate.expiries{whose=${whose}} during fault >= 1`);
    }
  });

  it('scheduling-burst: what is compared changes places; a rate is one only while pods wait for that scheduler', async () => {
    const variants = ['all-nodes: signature', 'part: limits', 'default-qps: signature'];
    expect(await expected('scheduling-burst')).to.deep.equal(variants);
    const [all, part, qps] = await Promise.all(
      ['all-nodes', 'part', 'default-qps'].map((variant) => load(shipped('scheduling-burst'), { variant, set: {} })),
    );
    expect([all, part, qps].map((one) => [one?.parameters['scheduler'], one?.parameters['reference']])).to.deep.equal([
      ['all-nodes', 'part'],
      ['part', 'all-nodes'],
      ['part', 'all-nodes'],
    ]);
    expect(texts(qps?.evidence ?? [])).to.include('last of pods.unbound{scheduler=part} during fault >= 1');
  });
});
