import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ClusterError,
  type ClusterSpec,
  type Component,
  type ComponentFacts,
  type Link,
  type LinkSpec,
  RefusedError,
  ToolError,
} from '../model.ts';
import type { ProcessId } from '../process.ts';
import { askRelay, relayProgram } from '../relay/ask.ts';
import { markFile } from '../relay/words.ts';
import { pasteable } from '../tools/command.ts';
import { type Deaths, howOf, lastLines } from './deaths.ts';
import type { Ports } from './kwokctl.ts';
import { launch, processesOf } from './launch.ts';
import { launcher } from './launcher.ts';
import { connectedTo } from './proc.ts';
import { PATH } from './start.ts';

/** A relay listens in a moment, a component that is ready has connected; both on a busy machine. */
const PATIENCE = 30_000;
const EVERY = 50;

export interface LinksOptions {
  /** Theirs alone. */
  readonly folder: string;
  /** Of the launchers' records. */
  readonly state: string;
  readonly mark: string;
  readonly deaths: Deaths;
  /** Told when a relay dies. */
  fail(error: ToolError): void;
}

/** Those of the components, and one a link. */
export type LinkPorts = Ports & Readonly<Record<`link/${string}`, number>>;

/** The relays of a cluster's links: each a process of the run, watched as a component is. */
export class Links {
  readonly #specs: readonly LinkSpec[];
  readonly #options: LinksOptions;
  readonly #running: (Component & ProcessId & { readonly facts: ComponentFacts })[] = [];
  #ports: LinkPorts | undefined;

  constructor(specs: readonly LinkSpec[], options: LinksOptions) {
    this.#specs = specs;
    this.#options = options;
  }

  get components(): readonly Component[] {
    return this.#running.map(({ name, pid }) => ({ name, pid }));
  }

  get facts(): readonly ComponentFacts[] {
    return this.#running.map(({ facts }) => facts);
  }

  get logs(): readonly string[] {
    return this.#specs.map(({ name }) => this.#log(name));
  }

  get made(): readonly Link[] {
    return this.#specs.map((spec) => ({ ...spec, folder: this.#folder(spec.name) }));
  }

  /** Of the ports that they need. */
  get names(): readonly `link/${string}`[] {
    return this.#specs.map(({ name }) => `link/${name}` as const);
  }

  /** Starts them, before there is anything that they lead to. Throws ToolError, or the signal's reason. */
  async start(ports: LinkPorts, signal: AbortSignal): Promise<void> {
    this.#ports = ports;
    if (this.#specs.length === 0) return;
    await mkdir(this.#options.folder);
    for (const spec of this.#specs) await this.#startOne(spec, signal);
  }

  /** The port of loopback at which a component reaches another: that of its link, or the other's own. */
  portFor(from: string, to: LinkSpec['to']): number {
    const link = this.#specs.find((one) => one.from === from && one.to === to);
    const port = this.#ports?.[link ? (`link/${link.name}` as const) : to];
    if (port === undefined) throw new Error(`no port from ${from} to ${to}`);
    return port;
  }

  /** As asked, and the API server told to reach etcd by its link; all others learn their ways from their kubeconfigs. */
  through(spec: ClusterSpec): ClusterSpec {
    if (!this.#specs.some(({ to }) => to === 'etcd')) return spec;
    const own = spec.components['kube-apiserver'] ?? { flags: {}, env: {} };
    const etcd = `http://127.0.0.1:${this.portFor('kube-apiserver', 'etcd')}`;
    const server = { ...own, flags: { ...own.flags, 'etcd-servers': etcd } };
    return { ...spec, components: { ...spec.components, 'kube-apiserver': server } };
  }

  /** Throws RefusedError for a component that has no connection through its link, or one that goes another way. */
  async refuseUnused(running: readonly Component[], signal: AbortSignal): Promise<void> {
    for (const { name, from, to, folder } of this.made) {
      const pid = running.find((component) => component.name === from)?.pid;
      if (pid === undefined) throw new RefusedError(`link ${name}: there is no ${from}`);
      const deadline = performance.now() + PATIENCE;
      for (;;) {
        const { connections, bytes, opened } = await askRelay({ folder, mark: this.#options.mark }, { ask: 'status' });
        const seen = connectedTo(pid);
        if (seen.includes(this.#ports?.[to] ?? 0))
          throw new RefusedError(`link ${name}: ${from} reaches ${to} without it`);
        if (connections.open > 0 && bytes.from > 0 && seen.includes(this.portFor(from, to))) break;
        if (performance.now() > deadline)
          throw new RefusedError(`link ${name}: ${from} does not use it (${opened} connections so far)`);
        await sleep(EVERY, undefined, { signal });
      }
    }
  }

  async #startOne({ name, from, to }: LinkSpec, signal: AbortSignal): Promise<void> {
    const { state, mark, deaths } = this.#options;
    const folder = this.#folder(name);
    const log = this.#log(name);
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(folder, markFile), mark, { mode: 0o600 });
    const script = join(folder, '.launch');
    const program = process.execPath;
    const args = [relayProgram, String(this.portFor(from, to)), String(this.#ports?.[to])];
    await writeFile(script, launcher({ component: name, program, folder: state, mark }), { mode: 0o700 });
    const fail = async (how: string) => {
      const details = { command: pasteable({ program, args }), lastLines: await lastLines(log, 20) };
      this.#options.fail(new ToolError(`link ${name} ${how}`, details));
    };
    const late = setTimeout(() => void fail(`took no connections within ${PATIENCE / 1_000} s`), PATIENCE);
    try {
      await launch({ name, script, args, env: { PATH, ORDEAL_MARK: mark }, log });
      const processes = await processesOf(state, name, signal);
      void deaths.of(name).then((death) => fail(`died: ${howOf(death)}`));
      deaths.watch({ name, log, ...processes });
      const { version } = process;
      this.#running.push({ name, ...processes.child, facts: { name, version, pid: processes.child.pid, args } });
      while (!(await this.#answers(folder))) await sleep(EVERY, undefined, { signal });
    } finally {
      clearTimeout(late);
    }
  }

  /** It opens its control socket when it takes connections. */
  async #answers(folder: string): Promise<boolean> {
    try {
      await askRelay({ folder, mark: this.#options.mark }, { ask: 'status' });
      return true;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      return false;
    }
  }

  readonly #folder = (name: string) => join(this.#options.folder, name);
  readonly #log = (name: string) => join(this.#options.folder, `${name}.log`);
}
