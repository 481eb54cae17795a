import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Component, type ComponentFacts, type Death, type ServerSpec, ToolError } from '../model.ts';
import { alive, type ProcessId } from '../process.ts';
import { redact } from '../secrets.ts';
import { fill } from '../template.ts';
import { pasteable } from '../tools/command.ts';
import { type Deaths, howOf, lastLines } from './deaths.ts';
import { launch, processesOf } from './launch.ts';
import { launched, launcher } from './launcher.ts';
import type { Limits } from './limits.ts';
import { freePorts } from './ports.ts';
import { serverArgs, serverVersion } from './server-programs.ts';
import { answers } from './server-ready.ts';
import { PATH } from './start.ts';
import type { Tools } from './write.ts';

/** For one: a CoreDNS that reads a large cluster first, on busy cores. */
export const PATIENCE = 30_000;
const EVERY = 50;
const LINES = 20;

export interface ServersOptions {
  /** Theirs alone. */
  readonly folder: string;
  /** Of the launchers' records. */
  readonly state: string;
  readonly mark: string;
  readonly tools: Tools;
  readonly deaths: Deaths;
}

/** What is known when the API server answers. */
export interface Given {
  /** The text of an identity's kubeconfig. */
  kubeconfig(user: string): string;
  readonly limits: ReadonlyMap<string, Limits>;
  /** Throws RefusedError when a process of the run can be reached from another machine. */
  refuseOpenSockets(): void;
}

/** The programs beside a cluster: what they were given, where they listen, which processes they are. */
export class Servers {
  readonly #specs: readonly ServerSpec[];
  readonly #options: ServersOptions;
  readonly #ports = new Map<string, Record<string, string>>();
  readonly #running: (Component & ProcessId & { readonly facts: ComponentFacts })[] = [];
  readonly #failing = new AbortController();

  constructor(specs: readonly ServerSpec[], options: ServersOptions) {
    this.#specs = specs;
    this.#options = options;
  }

  /** By server and port, `127.0.0.1:12345`. */
  get addresses(): Readonly<Record<string, Readonly<Record<string, string>>>> {
    return Object.fromEntries(this.#ports);
  }

  get components(): readonly Component[] {
    return this.#running.map(({ facts: _, ...component }) => component);
  }

  get facts(): readonly ComponentFacts[] {
    return this.#running.map(({ facts }) => facts);
  }

  get logs(): readonly string[] {
    return this.#specs.map(({ name }) => this.#log(name));
  }

  /**
   * Starts them in their order, each when the one before is ready. Throws ToolError, also for one that is dead when the last is ready,
   * RefusedError for one that listens beyond loopback, or the signal's reason.
   */
  async start(given: Given, signal: AbortSignal): Promise<void> {
    if (this.#specs.length === 0) return;
    const names = this.#specs.flatMap(({ name, ports }) => ports.map((port) => `${name}.${port}`));
    const ports = await freePorts(names);
    for (const { name, ports: own } of this.#specs)
      this.#ports.set(name, Object.fromEntries(own.map((port) => [port, `127.0.0.1:${ports[`${name}.${port}`]}`])));
    await mkdir(this.#options.folder);
    const either = AbortSignal.any([signal, this.#failing.signal]);
    try {
      for (const spec of this.#specs) await this.#startOne(spec, given, either);
      // Why a dead one is dead is known in a moment.
      while (!this.#running.every(alive)) await sleep(EVERY, undefined, { signal: either });
    } catch (error) {
      throw either.aborted ? either.reason : error;
    }
  }

  async #startOne(spec: ServerSpec, given: Given, signal: AbortSignal): Promise<void> {
    const { name, ready } = spec;
    const { kubeconfig, limits } = given;
    const { tools, state, mark, deaths } = this.#options;
    const folder = join(this.#options.folder, name);
    const program = tools(spec.program);
    const values = this.#valuesFor(spec, folder);
    await mkdir(folder);
    if (spec.as !== undefined) await writeFile(this.#kubeconfig(folder), kubeconfig(spec.as), { mode: 0o600 });
    for (const [file, text] of Object.entries(spec.files)) await writeFile(join(folder, file), fill(text, values));
    const { group, cpuGroup, ...taken } = limits.get(name) ?? {};
    const script = join(folder, '.launch');
    const starting = { component: name, program, folder: state, mark };
    const text = launcher({ ...starting, ...(group && { group }), ...(cpuGroup && { cpuGroup }) });
    await writeFile(script, text, { mode: 0o700 });
    const asked = Object.entries(spec.env).map(([key, value]) => [key, fill(value, values)]);
    const env = { HOME: folder, PATH, TZ: 'UTC', ...Object.fromEntries(asked) };
    const version = await serverVersion(spec.program, program, { ...env, ORDEAL_MARK: mark }, signal);
    const filled = spec.args.map((argument) => fill(argument, values));
    const args = serverArgs(spec.program, filled, version);
    const fail = async (how: string) => {
      const details = { command: pasteable({ program, args }), lastLines: await lastLines(this.#log(name), LINES) };
      this.#failing.abort(new ToolError(`${name} ${how}`, details));
    };
    const silent = `did not answer on its port ${ready.port} within ${PATIENCE / 1_000} s`;
    const late = setTimeout(() => void fail(silent), PATIENCE);
    try {
      const child = await launch({ name, script, args, env: { ...env, ORDEAL_MARK: mark }, log: this.#log(name) });
      child.once('exit', () => {
        if (!launched(state, name)) void fail('was not started: its launcher ended');
      });
      const processes = await processesOf(state, name, signal);
      const facts = { name, version, pid: processes.child.pid, args: args.map(redact), ...taken };
      const { cpus } = taken;
      this.#running.push({ name, ...processes.child, folder, ...(cpus !== undefined && { cpus }), facts });
      let was = 'while it started';
      void deaths.of(name).then((death) => fail(`died ${was}: ${endOf(death)}`));
      deaths.watch({ name, log: this.#log(name), ...processes, ...(group && { group }) });
      const address = this.#ports.get(name)?.[ready.port] ?? '';
      while (!(await answers(address, ready.path, signal))) await sleep(EVERY, undefined, { signal });
      signal.throwIfAborted();
      was = 'although it had been ready';
    } finally {
      clearTimeout(late);
    }
    given.refuseOpenSockets();
  }

  #valuesFor({ name, files }: ServerSpec, folder: string): ReadonlyMap<string, string> {
    const port = (address: string) => address.slice(address.indexOf(':') + 1);
    const own = Object.entries(this.#ports.get(name) ?? {});
    const all = [...this.#ports].flatMap(([server, ports]) =>
      Object.entries(ports).map(([one, address]) => [`port.${server}.${one}`, port(address)] as const),
    );
    return new Map([
      ...all,
      ...own.map(([one, address]) => [`port.${one}`, port(address)] as const),
      ...Object.keys(files).map((file) => [`file.${file}`, join(folder, file)] as const),
      ['folder', folder],
      ['kubeconfig', this.#kubeconfig(folder)],
    ]);
  }

  readonly #kubeconfig = (folder: string) => join(folder, '.kubeconfig');
  readonly #log = (name: string) => join(this.#options.folder, `${name}.log`);
}

/** A program that goes on in the background has ended, as far as its launcher can see. */
const endOf = (death: Death) =>
  death.exitCode === 0 ? 'exit 0 (a server must stay in the foreground; nginx: daemon off)' : howOf(death);
