import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Run } from '../../harness/model.ts';
import { childrenOf, marked, type ProcessId, standing } from '../../harness/process.ts';
import { countSignals, Fuse, type Ground, otherMark } from './ground.ts';

/** Told something, it becomes another program that carries no mark. */
const program = 'echo ready; read -r _; exec env -i sleep 600';

/** A process of an embedded cluster, and another run's that stands still. */
export async function startComponent({ mark }: Run): Promise<Ground> {
  const fuse = new Fuse();
  const [ours, theirs] = await Promise.all([begin(mark), begin(otherMark)]);
  const stop = async ({ child, id }: Started) => {
    child.kill('SIGSTOP');
    await until(() => standing(id)?.stopped === true, 'it stands still');
  };
  await stop(theirs);
  const signals = countSignals(ours.id.pid, fuse);
  const state = ({ id }: Started) => {
    const is = standing(id);
    if (!is) return 'gone';
    return is.stopped ? 'stands still' : 'runs';
  };
  return {
    cluster: { provider: 'embedded', components: [{ name: 'etcd', ...ours.id }] } as unknown as Cluster,
    world: () => `ours: ${state(ours)}\ntheirs: ${state(theirs)}`,
    get deeds() {
      return fuse.deeds;
    },
    cut: (at, edge) => fuse.cut(at, edge),
    revive: () => fuse.revive(),
    async giveAway() {
      ours.child.kill('SIGCONT');
      ours.child.stdin?.write('go\n');
      await until(() => !marked(mark).includes(ours.id.pid), 'it carries no mark');
      await stop(ours);
    },
    async [Symbol.asyncDispose]() {
      signals[Symbol.dispose]();
      for (const { child } of [ours, theirs]) child.kill('SIGKILL');
    },
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly id: ProcessId;
}

async function begin(mark: string): Promise<Started> {
  const env = { ...process.env, ORDEAL_MARK: mark };
  const child = spawn('sh', ['-c', program], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const id = childrenOf(process.pid).find(({ pid }) => pid === child.pid);
  if (!id) throw new Error('it is gone');
  return { child, id };
}

async function until(what: () => boolean, name: string): Promise<void> {
  for (let round = 0; !what(); round++) {
    if (round === 2_000) throw new Error(`never: ${name}`);
    await sleep(10);
  }
}
