import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster, Run } from '../../harness/model.ts';
import { childrenOf, marked } from '../../harness/process.ts';
import { countSignals, Fuse, otherMark } from './ground.ts';

/** On SIGHUP it begins a worker, as nginx does. */
const program = `process.on('SIGHUP', () => require('node:child_process').spawn('sleep', ['600']));
setInterval(() => {}, 1000);
console.log('ready');`;

/** A server beside an embedded cluster, owed as such a cluster owes it: the run's folder holds its files, the run's mark its processes. */
export interface Server extends AsyncDisposable {
  readonly cluster: Cluster;
  /** Of what it is told: a signal is a change. */
  readonly fuse: Fuse;
  /** It dies, and takes no file any more. */
  kill(): Promise<void>;
  /** What is left of the run, and what became of others, one a line. */
  world(): string;
}

export async function startServer(run: Run): Promise<Server> {
  const path = join(run.folder, 'cluster');
  const folder = join(path, 'proxy');
  (await run.ledger.owe({ undo: 'remove-folder', path, mark: run.mark })).done();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(path, '.ordeal'), run.mark);
  for (const name of ['pods.conf', 'more.conf']) writeFileSync(join(folder, name), name);
  (await run.ledger.owe({ undo: 'end-processes', mark: run.mark })).done();
  const [ours, theirs] = await Promise.all([begin(run.mark), begin(otherMark)]);
  const started = childrenOf(process.pid).find(({ pid }) => pid === ours.pid);
  const fuse = new Fuse();
  const signals = countSignals(ours.pid ?? 0, fuse);
  return {
    fuse,
    cluster: { components: [{ name: 'proxy', folder, ...started }] } as unknown as Cluster,
    async kill() {
      const gone = once(ours, 'exit');
      ours.kill('SIGKILL');
      await gone;
    },
    world: () =>
      [
        ...(existsSync(path) ? [path] : []),
        ...marked(run.mark).map((pid) => `process ${pid}`),
        `${marked(otherMark).length} processes of others`,
      ].join('\n'),
    async [Symbol.asyncDispose]() {
      signals[Symbol.dispose]();
      ours.kill('SIGKILL');
      theirs.kill('SIGKILL');
    },
  };
}

async function begin(mark: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', program], {
    env: { ...process.env, ORDEAL_MARK: mark },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  return child;
}
