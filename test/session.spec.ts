import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { copyLogs } from '../harness/cluster/logs.ts';
import { type Cluster, InterruptedError, RefusedError, type Run, type Scenario } from '../harness/model.ts';
import type { Stage } from '../harness/run/conductor.ts';
import { readJournal } from '../harness/run/journal.ts';
import { readLedger } from '../harness/run/ledger.ts';
import { session } from '../harness/run/session.ts';
import { redact } from '../harness/secrets.ts';

const temporary = () => mkdtempSync(join(tmpdir(), 'ordeal-test-'));
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

const scenario = {
  id: 'test',
  variant: { name: 'only', what: '', expect: 'limits' },
  source: '',
  parameters: {},
  cluster: {},
  phases: [{ name: 'fault', duration: 60_000 }],
} as unknown as Scenario;

/** A folder that the run owes to remove. */
async function owedFolder(run: Run, name: string): Promise<string> {
  const path = join(run.folder, name);
  const owed = await run.ledger.owe({ undo: 'remove-folder', path, mark: run.mark });
  mkdirSync(path);
  writeFileSync(join(path, '.ordeal'), run.mark);
  owed.done();
  return path;
}

/** A cluster that is a folder, and two faults that are folders too; `seen` says what is there at each step of the end. */
function stageOf(seen: string[], injected: () => void, failing?: () => Promise<void>): (run: Run) => Promise<Stage> {
  return async (run) => {
    const there = () =>
      readdirSync(run.folder)
        .filter((name) => /^(cluster|fault)/.test(name))
        .join(' ');
    const cluster = {
      provider: 'folder',
      async collectLogs(_: string, signal?: AbortSignal) {
        seen.push(`logs: ${there()}, ${signal ? 'bounded' : 'unbounded'}`);
      },
      async [Symbol.asyncDispose]() {
        seen.push(`dispose: ${there()}`);
      },
    } as unknown as Cluster;
    const fault = (name: string) => ({
      spec: { name, fault: name, during: 'fault', after: 0, workers: 1, parameters: {}, deadline: 0 },
      fault: {
        name,
        unavailable: async () => undefined,
        async inject() {
          await owedFolder(run, name);
          if (name === 'fault-2') injected();
          const evidence = async () => ({ real: true, detail: '' });
          return { targets: [], evidence, end: async () => {}, ...(failing && { failing }) };
        },
      },
    });
    return {
      provider: {
        name: 'folder',
        unavailable: async () => undefined,
        async create() {
          await owedFolder(run, 'cluster');
          return cluster;
        },
      },
      probes: [],
      loads: [],
      faults: [fault('fault-1'), fault('fault-2')],
      admit: async () => {},
      prepare: async () => {},
    };
  };
}

describe('the end of a session', function () {
  this.timeout(10_000);

  it('puts back what faults did, then reads the logs, then lets the cluster go, and pays all that is left', async () => {
    const root = temporary();
    const stop = new AbortController();
    const seen: string[] = [];
    const { folder, id } = await session(scenario, {
      places: { runs: join(root, 'runs'), state: join(root, 'state') },
      version: 'test',
      judge: 'limits',
      signal: stop.signal,
      stage: stageOf(seen, () => stop.abort(new InterruptedError('enough'))),
      observer: () => {},
    });
    expect(seen).to.deep.equal(['logs: cluster, bounded', 'dispose: cluster']);
    expect(existsSync(join(folder, 'cluster'))).to.equal(false);
    expect(readLedger(folder).map(({ settled }) => settled)).to.deep.equal([true, true, true]);
    const lines = readFileSync(join(folder, 'ledger.ndjson'), 'utf8').trimEnd().split('\n');
    const states = lines.map((line) => JSON.parse(line) as { id: number; state: string });
    expect(states.filter(({ state }) => state === 'settled').map((line) => line.id)).to.deep.equal([3, 2, 1]);
    expect(readJournal(folder).find(({ kind }) => kind === 'ended')).to.include({ how: 'interrupted' });
    expect(existsSync(join(root, 'state', id))).to.equal(false);
    expect(modeOf(join(folder, 'logs'))).to.equal('700');
  });

  it('comes with an error as soon as a fault says that the run must not go on', async () => {
    const root = temporary();
    const failing = () => Promise.reject(new RefusedError('it listens beyond loopback'));
    const { folder, error } = await session(scenario, {
      places: { runs: join(root, 'runs'), state: join(root, 'state') },
      version: 'test',
      judge: 'limits',
      signal: new AbortController().signal,
      stage: stageOf([], () => undefined, failing),
      observer: () => {},
    });
    expect(error).to.be.instanceOf(RefusedError);
    const ended = readJournal(folder).find(({ kind }) => kind === 'ended');
    expect(ended).to.include({ how: 'error', reason: 'it listens beyond loopback' });
    expect(readLedger(folder).every(({ settled }) => settled)).to.equal(true);
  });
});

describe('what is kept of a text', () => {
  const token = ['eyJhbGciOiJSUzI1NiJ9', 'eyJpc3MiOiJrdWJlcm5ldGVzIn0', `${'c2ln'.repeat(80)}-_x`].join('.');

  it('holds no token of any kind and no key, wherever they stand', () => {
    const key = '-----BEGIN EC PRIVATE KEY-----\nMIIE\n-----END EC PRIVATE KEY-----';
    for (const secret of [token, `ordeal.${'ab'.repeat(24)}`, key]) {
      expect(redact(`a ${secret} z`)).to.equal('a <redacted> z');
      expect(redact(JSON.stringify({ text: `\n${secret}` })))
        .to.contain('<redacted>')
        .and.not.to.contain(secret);
    }
    expect(redact('Authorization: Bearer c29tZS1vcGFxdWUtdG9rZW4')).to.equal('Authorization: Bearer <redacted>');
    expect(redact('the bearer of this; eyJ alone')).to.equal('the bearer of this; eyJ alone');
  });

  it('holds no token that lies across two pieces of a log', async () => {
    const root = temporary();
    // Files are read in pieces of 64 KiB.
    writeFileSync(
      join(root, 'component.log'),
      `${'x'.repeat(63)}\n`.repeat(1023) + `${'y'.repeat(40)} ${token} z\nend`,
    );
    const logs = join(root, 'logs');
    await copyLogs([join(root, 'component.log'), join(root, 'absent.log')], logs);
    expect(readFileSync(join(logs, 'component.log'), 'utf8').slice(-60)).to.match(/y <redacted> z\nend$/);
    expect(modeOf(logs)).to.equal('700');
  });
});
