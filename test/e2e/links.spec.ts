import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { JournalEvent } from '../../harness/model.ts';
import { liar } from './liar.ts';
import { Ordeal, phase } from './ordeal.ts';
import { first, tool } from './sabotage.ts';

const links = fileURLToPath(new URL('scenarios/links', import.meta.url));
const names = ['node-agents', 'controllers', 'scheduler', 'storage'];

type Of<Kind extends JournalEvent['kind']> = Extract<JournalEvent, { kind: Kind }>;
const of = <Kind extends JournalEvent['kind']>(events: readonly JournalEvent[], kind: Kind) =>
  events.filter((event): event is Of<Kind> => event.kind === kind);

describe('links of the embedded cluster', function () {
  this.timeout(600_000);

  it('carry what the components say, are broken by faults that are real, watched, kept in the logs, and gone afterwards', async () => {
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.run('run', links, '--json');
    expect(code, out + err).to.equal(0);
    const { events } = ordeal;
    const relays = of(events, 'cluster')[0]?.components.filter(({ name }) => names.includes(name)) ?? [];
    expect(relays.map(({ name }) => name)).to.deep.equal(names);
    const told = of(events, 'evidenced').map(({ fault, real, detail }) => ({ fault, real, detail }));
    for (const { fault, real, detail } of told) expect(real, `${fault}: ${detail}`).to.equal(true);
    expect(told.map(({ fault }) => fault)).to.have.members(['black-hole', 'slow-link', 'reset-connections']);
    for (const name of names)
      expect(readFileSync(join(ordeal.folder, 'logs', `${name}.log`), 'utf8')).to.include(
        'takes connections on 127.0.0.1',
      );
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('that die are told as a component is, and a run whose fault was to break them proves nothing', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start('run', links);
    await ordeal.until(phase('steady'));
    const relay = of(ordeal.events, 'cluster')[0]?.components.find(({ name }) => name === 'node-agents');
    process.kill(relay?.pid ?? 0, 'SIGKILL');
    expect((await ran).code).to.equal(3);
    const deaths = of(ordeal.events, 'seen').filter(({ what }) => what === 'death');
    expect(deaths.map(({ subject }) => subject)).to.include('node-agents');
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('that a component does not use are refused', async () => {
    // Its kubeconfig is exchanged for one that leads to the API server itself.
    const astray = `for a in "$@"; do case "$a" in --kubeconfig=*) file=\${a#*=};; esac; done
if [ -n "$file" ]; then
  direct=$(sed -n 's/.*"server": "\\(.*\\)".*/\\1/p' "$(dirname "$file")/admin.kubeconfig")
  sed -i "s#https://127.0.0.1:[0-9]*#$direct#" "$file"
fi
exec ${await tool('kube-scheduler')} "$@"`;
    const ordeal = new Ordeal(first('kube-scheduler', astray));
    const { code, err } = await ordeal.run('run', links);
    expect(err).to.include('link scheduler: kube-scheduler reaches kube-apiserver without it');
    expect(code).to.equal(2);
    expect(ordeal.residue()).to.deep.equal([]);
  });

  it('are put back by clean when the harness is killed while one of them is broken', async () => {
    const ordeal = new Ordeal();
    const { process: harness, ran } = ordeal.start('run', links);
    await ordeal.until((event) => event.kind === 'injected' && event.fault === 'black-hole');
    ordeal.kill(harness, 'watchdog');
    await ran;
    expect((await ordeal.run('clean')).code).to.equal(0);
    expect(ordeal.residue()).to.deep.equal([]);
  });
});

describe('notready-storm', function () {
  this.timeout(600_000);

  it('proves nothing when the relay only says that it is broken, and forwards all the time', async () => {
    const ordeal = new Ordeal();
    const { ran } = ordeal.start('run', 'notready-storm', '--variant', 'no-health-check', '--json');
    await ordeal.until(phase('steady'));
    await using _ = await liar(join(ordeal.folder, 'cluster', 'links', 'node-agents'));
    const { code, out, err } = await ran;
    expect(code, out + err).to.equal(3);
    expect(JSON.parse(out)).to.include({ status: 'invalid', signatureShown: false });
    expect(ordeal.reasons.join('\n')).to.include('black-hole');
    expect(ordeal.residue()).to.deep.equal([]);
    expect(existsSync(join(ordeal.folder, 'report.html'))).to.equal(true);
  });
});
