import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { JournalEvent } from '../../harness/model.ts';
import { Ordeal, phase } from './ordeal.ts';

const servers = fileURLToPath(new URL('scenarios/servers', import.meta.url));

type Of<Kind extends JournalEvent['kind']> = Extract<JournalEvent, { kind: Kind }>;
const of = <Kind extends JournalEvent['kind']>(events: readonly JournalEvent[], kind: Kind) =>
  events.filter((event): event is Of<Kind> => event.kind === kind);
const sum = (events: readonly JournalEvent[], metric: string) =>
  of(events, 'sample')
    .filter((sample) => sample.metric === metric)
    .reduce((total, { value }) => total + value, 0);

describe('servers beside the embedded cluster', function () {
  this.timeout(300_000);

  it('are part of the cluster: started in order, told to the load, watched, kept in the logs, and gone afterwards', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('run', servers);
    expect(code, err + out).to.equal(0);
    const [cluster] = of(ordeal.events, 'cluster');
    const found = cluster?.components.slice(-2) ?? [];
    expect(found.map(({ name }) => name)).to.deep.equal(['upstream', 'coredns']);
    for (const { name, version, args } of found) {
      expect(version).to.match(/^\d+\.\d+\.\d+/);
      expect(args).to.deep.equal(['-conf', join(ordeal.folder, 'cluster', 'servers', name, 'Corefile')]);
      expect(readFileSync(join(ordeal.folder, 'logs', `${name}.log`), 'utf8')).to.include('CoreDNS-');
    }
    const tools = of(ordeal.events, 'tool').map(({ name }) => name);
    expect(tools.filter((name) => name === 'coredns')).to.have.length(1);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('that die while they start end the run with what they said', async () => {
    const ordeal = new Ordeal();
    const { code, err } = await ordeal.run('run', servers, '--set', 'bind=nowhere');
    expect(code).to.not.equal(0);
    expect(err).to.include('upstream died while it started: exit 1').and.to.include('nowhere');
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('that never answer end the run too', async () => {
    const ordeal = new Ordeal();
    const { code, err } = await ordeal.run('run', servers, '--set', 'ready=/nothing');
    expect(code).to.not.equal(0);
    expect(err).to.include('upstream did not answer on its port ready within 30 s').and.to.include('CoreDNS-');
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('that can be reached from another machine are refused', async () => {
    const ordeal = new Ordeal();
    const { code, err } = await ordeal.run('run', servers, '--set', 'bind=0.0.0.0');
    expect(code).to.equal(2);
    expect(err).to.match(/not on loopback only:\n.*upstream listens on \S*0:\d+/);
    expect(ordeal.residue()).to.deep.equal([]);
  });
});

describe('dns-ndots-fanout', function () {
  this.timeout(300_000);

  it('is not passed when CoreDNS is killed: failures are told, and nothing hangs', async () => {
    const ordeal = new Ordeal();
    const asked = ['dns-ndots-fanout', '--variant', 'ndots-2', '--set', 'clients=50'];
    const { ran } = ordeal.start('run', ...asked);
    await ordeal.until(phase('fault'));
    await ordeal.until((event) => event.kind === 'sample' && event.metric === 'load.vus' && event.value === 50);
    const { pid } = of(ordeal.events, 'cluster')[0]?.components.find(({ name }) => name === 'coredns') ?? {};
    process.kill(pid ?? 0, 'SIGKILL');
    const { code, out } = await ran;
    expect(code, out).to.be.oneOf([1, 3]);
    const { events } = ordeal;
    expect(sum(events, 'resolver_failures')).to.be.above(0);
    expect(of(events, 'seen').some(({ what, subject }) => what === 'death' && subject === 'coredns')).to.equal(true);
    expect(of(events, 'ended')[0]?.how).to.equal('completed');
    expect(ordeal.residue()).to.deep.equal([]);
    expect(existsSync(join(ordeal.folder, 'report.html'))).to.equal(true);
  });
});
