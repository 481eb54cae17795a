import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../harness/cluster/ports.ts';
import { type Cluster, ClusterError, type Run } from '../../harness/model.ts';
import { type Asked, askRelay, relayProgram } from '../../harness/relay/ask.ts';
import { markFile, type Request, type Status, socketFile } from '../../harness/relay/words.ts';
import { Fuse, type Ground, otherMark } from './ground.ts';

/**
 * A link whose relay is a process of its own, as on an embedded cluster, and another run's that is slow. What ours is told goes
 * through a gate in its folder, which loses it, or the answer, when the harness is dead.
 */
export async function startLink({ folder, mark }: Run): Promise<Ground> {
  const fuse = new Fuse();
  const far = createServer((socket) => void socket.on('error', () => socket.destroy()).pipe(socket));
  far.listen(0, '127.0.0.1');
  await once(far, 'listening');
  const { port } = far.address() as AddressInfo;
  const [ours, theirs] = await Promise.all([
    startRelay({ folder: join(folder, 'relay'), mark }, port),
    startRelay({ folder: join(folder, '..', `${mark}-theirs`), mark: otherMark }, port),
  ]);
  await askRelay(theirs, { ask: 'break', id: 'theirs', within: 600_000, order: { fault: 'slow-link', latency: 1 } });
  const gate = join(folder, 'cluster', 'links', 'one');
  let behind: Asked = ours;
  const closing = await startGate(gate, async ({ mark, ...request }) => {
    if (request.ask === 'status' || fuse.burn()) {
      const said = await askRelay({ ...behind, mark }, request).catch(refusal);
      if (!fuse.dead) return said;
    }
    return undefined;
  });
  const served = async (relay: Relay) => {
    const { fault } = await askRelay(relay, { ask: 'status' });
    return fault ? `${fault.what} is in force` : `${await echoed(relay.port)} is passed on`;
  };
  const links = [{ name: 'one', from: 'kwok-controller', to: 'kube-apiserver', folder: gate }];
  return {
    cluster: { provider: 'embedded', name: 'linked', links } as unknown as Cluster,
    world: async () => `ours: ${await served(ours)}\ntheirs: ${await served(theirs)}`,
    get deeds() {
      return fuse.deeds;
    },
    cut: (at, edge) => fuse.cut(at, edge),
    revive: () => fuse.revive(),
    giveAway() {
      behind = theirs;
    },
    async [Symbol.asyncDispose]() {
      await closing();
      for (const { child } of [ours, theirs]) child.kill('SIGKILL');
      far.close();
      for (const { folder } of [ours, theirs]) rmSync(folder, { recursive: true });
    },
  };
}

type Relay = Asked & { readonly port: number; readonly child: ChildProcess };

async function startRelay(asked: Asked, far: number): Promise<Relay> {
  mkdirSync(asked.folder);
  writeFileSync(join(asked.folder, markFile), asked.mark);
  const { port } = await freePorts(['port']);
  const args = [relayProgram, String(port), String(far)];
  const child = spawn(process.execPath, args, { cwd: asked.folder, stdio: 'ignore' });
  // Its socket is there a moment before it listens.
  const answers = () =>
    askRelay(asked, { ask: 'status' }).then(
      () => true,
      () => false,
    );
  for (let round = 0; !(await answers()); round++) {
    if (round === 2_000 || child.exitCode !== null) throw new Error('the relay does not answer');
    await sleep(10);
  }
  return { ...asked, port, child };
}

type Answer = Status | { readonly error: string };

/** Answers in a relay's place; hangs up where there is no answer. Resolves with what closes it. */
async function startGate(
  folder: string,
  answer: (request: Request & { readonly mark: string }) => Promise<Answer | undefined>,
): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true });
  const server = createServer({ allowHalfOpen: true }, (near) => {
    near.on('error', () => near.destroy());
    near.setEncoding('utf8').once('data', async (line: string) => {
      const said = await answer(JSON.parse(line));
      if (said) near.end(`${JSON.stringify(said)}\n`);
      else near.destroy();
    });
  });
  // A path may be too long for a socket's address.
  const handle = await open(folder);
  server.listen(`/proc/self/fd/${handle.fd}/${socketFile}`);
  await once(server, 'listening');
  return async () => {
    await new Promise((resolve) => server.close(resolve));
    await handle.close();
  };
}

function refusal(error: unknown): Answer {
  if (error instanceof ClusterError && error.code === 'refused') return { error: error.reason };
  throw error;
}

/** What comes back from a link that is whole. */
async function echoed(port: number): Promise<string> {
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.write('hello');
  const [data] = await once(socket, 'data');
  socket.destroy();
  return String(data);
}
