import { access, copyFile, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Cluster,
  type Component,
  type Fault,
  type FaultKind,
  type FaultSpec,
  type Injected,
  type Millis,
  RefusedError,
  type Run,
} from '../model.ts';
import { alive, childrenOf, type ProcessId } from '../process.ts';
import { givenAmount, givenText } from './parameter.ts';

/** A server has its new workers by then, on a busy machine too, or it did not take the file. */
const patience: Millis = 15_000;
const look: Millis = 20;

/** What a controller of ingresses does when the endpoints of a service change: it writes the list anew, and has its proxy read it. */
export const reloadServer: FaultKind = {
  name: 'reload-server',
  help: 'a file of a server is replaced by others of its files, one after the other, and SIGHUP has it read again each time (nginx: new workers, the old ones are to end)',
  endangers: 'control-plane',
  parameters: {
    server: { type: 'text', help: 'one of `cluster.servers`' },
    file: { type: 'text', help: 'the one of its files that is replaced' },
    by: { type: 'text', help: 'those of its files that take its place, in their order, separated by blanks' },
    every: { type: 'duration', help: 'from one replacement to the next', default: 4_000, least: 1_000 },
  },
  elsewhere: true,
  make,
};

interface Reload {
  readonly file: string;
  readonly after: Millis;
  readonly workers: readonly ProcessId[];
}

function make(spec: FaultSpec): Fault {
  const [name, file] = [givenText(spec, 'server'), givenText(spec, 'file')];
  const others = givenText(spec, 'by').split(/\s+/).filter(Boolean);
  const every = givenAmount(spec, 'every');
  return {
    name: spec.name,
    async unavailable(cluster) {
      const found = serverOf(cluster, name);
      if (typeof found === 'string') return found;
      for (const one of [file, ...others]) {
        if (one !== basename(one) || !(await isThere(join(found.folder, one)))) return `${name} has no file ${one}`;
      }
      return undefined;
    },
    async inject(cluster, run) {
      const found = serverOf(cluster, name);
      if (typeof found === 'string') throw new RefusedError(`fault ${spec.name}: ${found}`);
      return reloading(new Reloads(found, file, run), others, every, cluster, run);
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

type Server = Component & ProcessId & { readonly folder: string };

function serverOf(cluster: Cluster, name: string): Server | string {
  const component = cluster.components?.find((one) => one.name === name);
  if (component?.folder === undefined || component.start === undefined) return `this cluster has no server ${name}`;
  return { ...component, start: component.start, folder: component.folder };
}

/** Begins at once; the undo is that of the run: the server and its folder are the run's own. */
async function reloading(
  reloads: Reloads,
  files: readonly string[],
  every: Millis,
  cluster: Cluster,
  run: Run,
): Promise<Injected> {
  const ending = new AbortController();
  const signal = AbortSignal.any([run.signal, ending.signal]);
  const [first = '', ...rest] = files;
  const reload = async (file: string) => {
    await reloads.take(file, signal);
    cluster.refuseOpenSockets?.();
  };
  await reload(first);
  const others = (async () => {
    for (const file of rest) {
      await sleep(every, undefined, { signal });
      await reload(file);
    }
  })();
  const failure = others.then(
    () => undefined,
    (error: unknown) => (signal.aborted ? undefined : error),
  );
  return {
    targets: [reloads.server],
    // A file that was not taken is a matter of the evidence; what it opened is not.
    async failing() {
      if ((await failure) !== undefined) cluster.refuseOpenSockets?.();
    },
    async evidence() {
      ending.abort();
      const failed = await failure;
      cluster.refuseOpenSockets?.();
      const { done } = reloads;
      const told = done.map(({ file, after, workers }) => `${file}: ${workers.length} new workers after ${after} ms`);
      const wrong = failed === undefined ? [] : [failed instanceof Error ? failed.message : String(failed)];
      return {
        real: wrong.length === 0 && done.length === files.length,
        detail: [`${done.length} of ${files.length} reloads of ${reloads.server}`, ...told, ...wrong].join('; '),
      };
    },
    async end() {
      ending.abort();
      await failure;
    },
  };
}

class Reloads {
  readonly #server: Server;
  readonly #file: string;
  readonly #run: Run;
  readonly done: Reload[] = [];

  constructor(server: Server, file: string, run: Run) {
    this.#server = server;
    this.#file = file;
    this.#run = run;
  }

  get server(): string {
    return this.#server.name;
  }

  /** Throws RefusedError when the server is gone, or does not take the file. */
  async take(file: string, signal: AbortSignal): Promise<void> {
    const { name, pid, folder } = this.#server;
    const { clock, journal } = this.#run;
    const path = join(folder, this.#file);
    await copyFile(join(folder, file), `${path}.new`);
    await rename(`${path}.new`, path);
    signal.throwIfAborted();
    if (!alive(this.#server)) throw new RefusedError(`${name} (process ${pid}) is gone`);
    const before = childrenOf(pid);
    const began = clock.now();
    process.kill(pid, 'SIGHUP');
    const fresh = () => childrenOf(pid).filter(({ pid: one }) => !before.some(({ pid: other }) => one === other));
    while (fresh().length === 0) {
      if (clock.now() - began > patience) throw new RefusedError(`${name} began no worker after it got ${file}`);
      await sleep(look, undefined, { signal });
    }
    // Its workers begin together.
    await sleep(look, undefined, { signal });
    const workers = fresh();
    const after = Math.round(clock.now() - began);
    this.done.push({ file, after, workers });
    const detail = `${this.#file} is now ${file}; ${workers.length} new workers, ${before.length} are to end`;
    journal.append({ kind: 'seen', what: 'other', subject: name, detail }, began);
  }
}
