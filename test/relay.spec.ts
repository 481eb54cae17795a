import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { freePorts } from '../harness/cluster/ports.ts';
import { faults } from '../harness/faults/table.ts';
import {
  type Cluster,
  type ClusterError,
  type Debt,
  type FaultSpec,
  type Injected,
  type JournalEvent,
  RefusedError,
  type Run,
} from '../harness/model.ts';
import { links } from '../harness/probes/links.ts';
import { askRelay, relayProgram } from '../harness/relay/ask.ts';
import { markFile, type Order, type Status } from '../harness/relay/words.ts';
import { startClock } from '../harness/run/clock.ts';
import { undo } from '../harness/run/undo.ts';
import { liar } from './e2e/liar.ts';

const mark = 'feedfacefeedface';
const long = 60_000;

/** One end of a connection: what it heard, and how it ended. */
class End {
  readonly socket: Socket;
  text = '';
  how: 'open' | 'ended' | 'reset' = 'open';

  constructor(socket: Socket) {
    this.socket = socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      this.text += data;
    });
    socket.on('end', () => {
      if (this.how === 'open') this.how = 'ended';
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNRESET') this.how = 'reset';
    });
  }

  async hears(text: string): Promise<void> {
    await until(() => this.text.includes(text), `"${text}"`);
  }
}

async function until(what: () => boolean | Promise<boolean>, name: string): Promise<void> {
  for (let round = 0; round < 2_000; round++) {
    if (await what()) return;
    await sleep(10);
  }
  throw new Error(`never: ${name}`);
}

describe('a relay', function () {
  this.timeout(60_000);
  let run: string;
  let folder: string;
  let child: ChildProcess;
  let far: Server;
  let port: number;
  /** Of the far end, which says back what it hears. */
  let arrived: End[];
  let ends: End[];

  beforeEach(async () => {
    // Longer than the address of a socket may be.
    run = join(mkdtempSync(join(tmpdir(), 'ordeal-relay-')), 'x'.repeat(120));
    folder = join(run, 'cluster', 'links', 'one');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, markFile), mark);
    arrived = [];
    ends = [];
    far = createServer((socket) => {
      arrived.push(new End(socket));
      socket.on('data', (data) => socket.write(data));
    });
    const ports = await freePorts(['near', 'far']);
    port = ports.near;
    far.listen(ports.far, '127.0.0.1');
    await once(far, 'listening');
    child = spawn(process.execPath, [relayProgram, String(port), String(ports.far)], { cwd: folder, stdio: 'ignore' });
    // Its socket is there a moment before it listens.
    const answers = () =>
      askRelay(asked(), { ask: 'status' }).then(
        () => true,
        () => false,
      );
    await until(answers, 'it answers');
  });

  afterEach(async () => {
    for (const { socket } of [...ends, ...arrived]) socket.destroy();
    far.close();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(join(run, '..'), { recursive: true });
  });

  const asked = () => ({ folder, mark });
  const status = (): Promise<Status> => askRelay(asked(), { ask: 'status' });
  const restore = (): Promise<Status> => askRelay(asked(), { ask: 'restore' });
  const broken = (order: Order, within = long): Promise<Status> =>
    askRelay(asked(), { ask: 'break', id: randomBytes(4).toString('hex'), within, order });

  function connect(): End {
    const end = new End(createConnection({ host: '127.0.0.1', port }));
    ends.push(end);
    return end;
  }

  async function talking(): Promise<End> {
    const end = connect();
    end.socket.write('hello');
    await end.hears('hello');
    return end;
  }

  describe('that is whole', () => {
    it('passes bytes and ends on as they are, and counts them', async () => {
      const end = await talking();
      const bytes = randomBytes(3_000_000).toString('hex');
      end.socket.end(bytes);
      await until(() => end.how === 'ended', 'the end');
      expect(end.text).to.equal(`hello${bytes}`);
      const { bytes: counted, opened, stuckBytes, resets } = await status();
      expect(counted).to.deep.equal({ to: 6_000_005, from: 6_000_005 });
      expect({ opened, stuckBytes, resets }).to.deep.equal({ opened: 1, stuckBytes: 0, resets: 0 });
      await until(async () => (await status()).connections.open === 0, 'the connection is over');
    });

    it('does not take connections for an end that takes none', async () => {
      far.close();
      const end = connect();
      await until(() => end.how !== 'open', 'refused');
      expect(end.how).to.equal('reset');
    });

    it('does nothing for who does not know its mark, and says why', async () => {
      const stranger = askRelay({ folder, mark: 'deadbeefdeadbeef' }, { ask: 'restore' });
      const error = await stranger.then(
        () => expect.fail('it obeyed'),
        (error: ClusterError) => error,
      );
      expect(error.message).to.include('link one: refused not the mark of this run');
    });
  });

  describe('that is a black hole', () => {
    it('keeps open what is open, for ever, and serves what is new when it has ended', async () => {
      const [old, leaving] = [await talking(), await talking()];
      expect((await broken({ fault: 'black-hole' })).connections).to.deep.equal({ open: 0, stuck: 2, waiting: 0 });
      old.socket.write('lost');
      const fresh = connect();
      fresh.socket.write('late');
      await until(async () => (await status()).stuckBytes === 4, 'the bytes are stuck');
      arrived[0]?.socket.end('farewell');
      await until(async () => (await status()).stuckBytes === 12, 'those of the far end too');
      await until(async () => (await status()).connections.waiting === 1, 'the new one waits');
      expect([old.text, old.how, fresh.text, arrived.length]).to.deep.equal(['hello', 'open', '', 2]);

      expect((await restore()).fault).to.equal(undefined);
      await fresh.hears('late');
      old.socket.write('still lost');
      await until(async () => (await status()).stuckBytes === 22, 'it is a black hole still');
      expect([old.text, old.how]).to.deep.equal(['hello', 'open']);
      await talking();

      old.socket.end();
      leaving.socket.destroy();
      await until(async () => (await status()).connections.stuck === 0, 'until they are closed');
      expect((await status()).connections).to.deep.equal({ open: 2, stuck: 0, waiting: 0 });
    });

    it('serves again when its deadline has come, whoever lives', async () => {
      await broken({ fault: 'black-hole' }, 300);
      const end = connect();
      end.socket.write('late');
      await end.hears('late');
      expect((await status()).fault).to.equal(undefined);
    });

    it('is not broken twice at once', async () => {
      await broken({ fault: 'black-hole' });
      const again = await broken({ fault: 'slow-link', latency: 10 }).catch((error: Error) => error.message);
      expect(again).to.include('black-hole is in force already');
    });
  });

  describe('that is slow', () => {
    it('holds all bytes for its latency, each way, in their order', async () => {
      const end = await talking();
      await broken({ fault: 'slow-link', latency: 200 });
      const began = performance.now();
      for (const letter of 'abcdef') {
        end.socket.write(letter);
        await sleep(5);
      }
      await end.hears('abcdef');
      // A timer may be a moment early, never more.
      expect(performance.now() - began).to.be.above(395);
      const { delayed } = await status();
      expect(delayed.seconds / delayed.pieces).to.be.above(0.19);
    });

    it('passes no more than its bandwidth, and at once what it held when it has ended', async () => {
      const end = await talking();
      const began = performance.now();
      await broken({ fault: 'slow-link', bytesPerSecond: 100_000 });
      const text = 'x'.repeat(2_000_000);
      end.socket.write(text);
      await until(async () => (await status()).delayed.queued > 0, 'what waits for its turn');
      const { bytes, delayed } = await status();
      // One piece may be on its way before its time is over.
      expect(bytes.to).to.be.below(((performance.now() - began) / 1_000) * 100_000 + 70_000);
      expect(delayed.queued).to.be.above(0);
      await restore();
      await end.hears(text);
    });
  });

  describe('that resets', () => {
    it('resets what is open at both ends, and serves what is new', async () => {
      const old = [await talking(), await talking()];
      expect(await broken({ fault: 'reset-connections' })).to.deep.include({ resets: 2 });
      await until(() => [...old, ...arrived].every(({ how }) => how === 'reset'), 'reset');
      await talking();
    });

    it('does so again and again where it is told so, until it is restored', async () => {
      await broken({ fault: 'reset-connections', every: 100 });
      for (let times = 0; times < 3; times++) {
        const end = connect();
        await until(() => end.how === 'reset', 'reset');
      }
      await restore();
      const end = await talking();
      await sleep(300);
      expect(end.how).to.equal('open');
    });

    it('frees who is in a black hole', async () => {
      const end = await talking();
      await broken({ fault: 'black-hole' });
      await restore();
      await broken({ fault: 'reset-connections' });
      await until(() => end.how === 'reset', 'reset');
    });
  });

  describe('the debt of a link', () => {
    const debt = (path = folder): Debt => ({ undo: 'restore-link', path, mark });

    it('is paid by restoring it, as often as you like, also where nothing was done', async () => {
      await undo(debt(), { folder: run });
      await broken({ fault: 'black-hole' });
      await undo(debt(), { folder: run });
      await undo(debt(), { folder: run });
      expect((await status()).fault).to.equal(undefined);
      await talking();
    });

    it('is paid when its relay or its folder is gone', async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await undo(debt(), { folder: run });
      rmSync(folder, { recursive: true });
      await undo(debt(), { folder: run });
    });

    it('is none of ours beyond the folder of the run, by whatever way', async () => {
      const refused = async (path: string, below?: string) =>
        undo(debt(path), below === undefined ? {} : { folder: below }).then(
          () => expect.fail('it was done'),
          ({ message }: Error) => message,
        );
      expect(await refused(folder)).to.include('not ours');
      expect(await refused(folder, join(run, 'other'))).to.include('not ours');
      symlinkSync(folder, join(run, 'link'));
      expect(await refused(join(run, 'link'), run)).to.include('symbolic link');
      expect(await refused(join(run, '..', 'x'), run)).to.include('not ours');
    });

    it('stays on the books when the relay stands still', async () => {
      child.kill('SIGSTOP');
      const error = await undo(debt(), { folder: run }).catch((error: Error) => error.message);
      child.kill('SIGCONT');
      expect(error).to.include('no answer within');
    });
  });

  describe('as a fault', () => {
    const events: JournalEvent[] = [];
    let owed: Debt[];
    let told: string[];

    const cluster = () =>
      ({ links: [{ name: 'one', from: 'kwok-controller', to: 'kube-apiserver', folder }] }) as unknown as Cluster;
    const runOf = (signal = new AbortController().signal): Run => ({
      id: 'x',
      folder: run,
      mark,
      clock: startClock(),
      journal: { append: (body, t = 0) => void events.push({ t, ...body } as JournalEvent) },
      ledger: {
        async owe(debt) {
          expect((await status()).fault, 'owed before it is done').to.equal(undefined);
          owed.push(debt);
          return { done: () => void told.push('done'), settle: () => undo(debt, { folder: run }) };
        },
      },
      signal,
    });
    const specOf = (fault: string, parameters: FaultSpec['parameters'] = {}): FaultSpec => ({
      name: fault,
      fault,
      during: 'fault',
      after: 0,
      workers: 0,
      parameters: { link: 'one', ...parameters },
      deadline: long,
    });
    const made = (fault: string, parameters: FaultSpec['parameters'] = {}) =>
      faults.get(fault)?.make(specOf(fault, parameters)) ?? expect.fail(`no fault ${fault}`);
    const inject = (fault: string, parameters: FaultSpec['parameters'] = {}): Promise<Injected> =>
      made(fault, parameters).inject(cluster(), runOf());

    beforeEach(() => {
      events.length = 0;
      owed = [];
      told = [];
    });

    it('owes its undo, does its deed, and is over when it is ended, twice too', async () => {
      const end = await talking();
      const injected = await inject('black-hole');
      expect(injected.targets).to.deep.equal(['one']);
      expect(owed).to.deep.equal([{ undo: 'restore-link', path: folder, mark }]);
      expect(told).to.deep.equal(['done']);
      end.socket.write('lost');
      await until(async () => (await status()).stuckBytes > 0, 'stuck');
      const { real, detail } = await injected.evidence();
      expect(real, detail).to.equal(true);
      expect(detail).to.include('link one: 1 connections caught, 1 of them still open; 4 bytes went into them');
      await injected.end();
      await injected.end();
      expect((await status()).fault).to.equal(undefined);
    });

    it('black-hole: is not real without connections, without bytes, or when another hand restored it', async () => {
      const none = await inject('black-hole');
      expect(await none.evidence()).to.deep.include({ real: false });
      await none.end();
      const end = await talking();
      const silent = await inject('black-hole');
      expect(await silent.evidence()).to.deep.include({ real: false });
      end.socket.write('lost');
      await until(async () => (await status()).stuckBytes > 0, 'stuck');
      expect(await silent.evidence()).to.deep.include({ real: true });
      await restore();
      expect((await silent.evidence()).detail).to.include('no longer in force');
    });

    it('is not real when the relay is dead', async () => {
      const dead = await inject('black-hole');
      child.kill('SIGKILL');
      await once(child, 'exit');
      const { real, detail } = await dead.evidence();
      expect(real).to.equal(false);
      expect(detail).to.include('the evidence cannot be read: link one: ECONNREFUSED');
    });

    it('is not real when the relay only says that it broke, and forwards all the time', async () => {
      const end = await talking();
      await using _ = await liar(folder);
      const injected = await inject('black-hole');
      end.socket.write('through');
      await end.hears('through');
      expect(await injected.evidence()).to.deep.include({ real: false });
      await injected.end();
    });

    it('slow-link: is real when bytes were late, and when there were more than the bandwidth', async () => {
      const end = await talking();
      const late = await inject('slow-link', { latency: 50 });
      expect(await late.evidence()).to.deep.include({ real: false });
      end.socket.write('late');
      await end.hears('late');
      expect((await late.evidence()).real).to.equal(true);
      await late.end();
      const narrow = await inject('slow-link', { bandwidth: 50_000 });
      end.socket.write('x');
      await end.hears('x');
      expect((await narrow.evidence()).real, 'nobody asked for more').to.equal(false);
      end.socket.write('y'.repeat(1_000_000));
      await sleep(3_000);
      const { real, detail } = await narrow.evidence();
      expect(real, detail).to.equal(true);
      await narrow.end();
    });

    it('reset-connections: is real when there was what to reset', async () => {
      const none = await inject('reset-connections');
      expect((await none.evidence()).real).to.equal(false);
      await none.end();
      await talking();
      const some = await inject('reset-connections');
      expect(await some.evidence()).to.deep.include({ real: true });
      await some.end();
    });

    it('is done to its end when the run is aborted in the middle of it, and is then on the books', async () => {
      const abort = new AbortController();
      const here = runOf(abort.signal);
      const ledger: Run['ledger'] = {
        owe: (debt) => {
          abort.abort(new Error('enough'));
          return here.ledger.owe(debt);
        },
      };
      await made('black-hole').inject(cluster(), { ...here, ledger });
      expect(told).to.deep.equal(['done']);
      expect((await status()).fault?.what).to.equal('black-hole');
    });

    it('is refused where there is no such link, where another is in force, and where it slows nothing down', async () => {
      const nowhere = { provider: 'embedded', name: 'none' } as unknown as Cluster;
      expect(await made('black-hole').unavailable(nowhere)).to.equal('this cluster has no link one');
      expect(await made('black-hole').unavailable(cluster())).to.equal(undefined);
      const refused = async (work: () => unknown) => {
        try {
          await work();
        } catch (error) {
          expect(error).to.be.instanceOf(RefusedError);
          return String(error);
        }
        return expect.fail('it was not refused');
      };
      expect(await refused(() => made('black-hole').inject(nowhere, runOf()))).to.include('no link one');
      await inject('black-hole');
      expect(await refused(() => inject('slow-link', { latency: 10 }))).to.include(
        'black-hole is in force on link one',
      );
      expect(owed).to.have.length(1);
      expect(await refused(() => made('slow-link'))).to.include('expected a latency or a bandwidth');
    });

    it('is sampled each second by the probe, which explains its silence by the death of the relay', async () => {
      await talking();
      const ending = new AbortController();
      const death = Promise.withResolvers<never>();
      const watched = { ...cluster(), components: [{ name: 'one', pid: child.pid ?? 0 }], death: () => death.promise };
      const probe = links();
      expect(probe.unavailable({} as Cluster)).to.equal('this cluster has no links');
      const { ended } = await probe.observe(watched as unknown as Cluster, runOf(ending.signal));
      const samples = events.flatMap((event) => (event.kind === 'sample' ? [event] : []));
      const promised = events.find((event) => event.kind === 'observing');
      expect(promised?.metrics.map(({ name }) => name)).to.have.members([
        ...new Set(samples.map(({ metric }) => metric)),
      ]);
      expect(samples.map(({ metric, labels, value }) => ({ metric, labels, value }))).to.deep.include({
        metric: 'link.connections',
        labels: { link: 'one', state: 'open' },
        value: 1,
      });
      child.kill('SIGKILL');
      await until(() => events.some((event) => event.kind === 'blind'), 'blind');
      expect(events.find((event) => event.kind === 'blind')).to.deep.include({ source: 'links/one', explained: true });
      ending.abort();
      await ended;
    });
  });
});
