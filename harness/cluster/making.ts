import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMany } from '../kube/apply.ts';
import { KubeClient } from '../kube/client.ts';
import {
  type Cluster,
  type ClusterSpec,
  type Component,
  type ComponentName,
  type Debt,
  type Owed,
  type Run,
  ToolError,
} from '../model.ts';
import { pasteable } from '../tools/command.ts';
import { Certificates } from './certificates.ts';
import { Deaths, howOf, lastLines, lastOfEach } from './deaths.ts';
import { settleAll } from './debts.ts';
import { endpointsOf, serverOf } from './endpoints.ts';
import { ADMIN, Identities } from './identities.ts';
import * as kwokctl from './kwokctl.ts';
import { processesOf } from './launch.ts';
import { type Limits, limitAll } from './limits.ts';
import { Links } from './links.ts';
import { copyLogs } from './logs.ts';
import { freePorts } from './ports.ts';
import { notesOn, type Running, readBack, refuseOpenSockets } from './readback.ts';
import { componentsReady, nodesReady, PATIENCE, patienceFor } from './ready.ts';
import { Servers } from './servers.ts';
import { startByKwokctl } from './start.ts';
import { type Tools, writeFiles } from './write.ts';

/** One try to make a cluster. What it changes is owed first; `undo` pays it. */
export class Making {
  #spec: ClusterSpec;
  readonly #run: Run;
  readonly #tools: Tools;
  readonly #names: readonly ComponentName[];
  readonly #files: kwokctl.Files;
  readonly #identities: Identities;
  readonly #deaths: Deaths;
  readonly #debts: Owed[] = [];
  #limits: ReadonlyMap<string, Limits> = new Map();
  readonly #running: Running[] = [];
  readonly #failing = new AbortController();
  readonly #servers: Servers;
  readonly #links: Links;
  readonly #certificates: Certificates;

  /** Throws a `RefusedError` for identities that must not be. */
  constructor(spec: ClusterSpec, run: Run, tools: Tools) {
    this.#spec = spec;
    this.#run = run;
    this.#tools = tools;
    this.#names = kwokctl.componentsOf(spec);
    this.#files = kwokctl.files(join(run.folder, 'cluster'));
    this.#identities = new Identities(spec.identities);
    this.#deaths = new Deaths(run, this.#files.state);
    this.#certificates = new Certificates(spec.certificates, this.#files, run);
    const { servers: folder, links, state } = this.#files;
    const shared = { state, mark: run.mark, deaths: this.#deaths };
    const fail = (error: ToolError) => this.#failing.abort(error);
    this.#links = new Links(spec.links ?? [], { ...shared, folder: links, fail });
    this.#servers = new Servers(spec.servers ?? [], { ...shared, folder, tools });
  }

  /** Throws `ToolError` when something does not start, `RefusedError` when it is not as asked, the run's reason when that is aborted. */
  async make(): Promise<Cluster> {
    const { clock, journal, signal } = this.#run;
    const began = clock.now();
    const interrupted = () => this.#failing.abort(signal.reason);
    signal.addEventListener('abort', interrupted, { once: true });
    const deadline = setTimeout(() => void this.#late(), patienceFor(this.#spec));
    try {
      signal.throwIfAborted();
      await this.#prepare();
      const ports = await freePorts([...kwokctl.PORTS, ...this.#links.names]);
      await this.#links.start(ports, this.#failing.signal);
      this.#spec = this.#links.through(this.#spec);
      const whose = { spec: this.#spec, mark: this.#run.mark, tools: this.#tools, identities: this.#identities };
      await writeFiles({ ...whose, ports, links: this.#links, made: this.#files, memory: this.#limits });
      for (const name of this.#names) void this.#follow(name).catch((error) => this.#failing.abort(error));
      await Promise.all([
        startByKwokctl(this.#tools('kwokctl'), this.#files, whose.mark, this.#failing.signal),
        this.#certificates.open(this.#failing.signal),
      ]);
      await this.#becomeReady(ports);
      journal.append({ kind: 'progress', text: `cluster ready in ${((clock.now() - began) / 1_000).toFixed(1)} s` });
      return this.#cluster(ports);
    } catch (error) {
      throw this.#failing.signal.aborted ? this.#failing.signal.reason : error;
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener('abort', interrupted);
      this.#failing.abort(new Error('the cluster is made'));
    }
  }

  /** Keeps the logs where a folder is given, then pays every debt, last in, first out. Throws the first failure when all was tried. */
  async undo(logs?: string): Promise<void> {
    this.#deaths[Symbol.dispose]();
    this.#certificates[Symbol.dispose]();
    if (logs !== undefined) await this.#keepLogs(logs);
    await settleAll(this.#debts);
  }

  /** Owes all that will be there, in the order in which it must not be undone: processes end first. */
  async #prepare(): Promise<void> {
    const { mark } = this.#run;
    const { folder, bin, state } = this.#files;
    const owed = await this.#owe({ undo: 'remove-folder', path: folder, mark });
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(folder, '.ordeal'), mark);
    owed.done();
    await Promise.all([mkdir(bin), mkdir(state)]);
    const { components, servers = [] } = this.#spec;
    const own = this.#names.map((name) => ({ name, memoryBytes: components[name]?.memoryBytes }));
    this.#limits = await limitAll([...own, ...servers], mark, (debt) => this.#owe(debt));
    (await this.#owe({ undo: 'end-processes', mark })).done();
  }

  async #owe(debt: Debt): Promise<Owed> {
    const owed = await this.#run.ledger.owe(debt);
    this.#debts.push(owed);
    return owed;
  }

  /** Waits until the component's launcher has started it, and from then on for its death. */
  async #follow(name: ComponentName): Promise<void> {
    const processes = await processesOf(this.#files.state, name, this.#failing.signal);
    const { group, ...memory } = this.#limits.get(name) ?? {};
    const log = this.#files.log(name);
    this.#running.push({ name, ...processes.child, ...memory });
    void this.#deaths.of(name).then(async (death) => {
      const details = { command: this.#reading(name), lastLines: await lastLines(log, 20) };
      this.#failing.abort(new ToolError(`${name} died while the cluster started: ${howOf(death)}`, details));
    });
    this.#deaths.watch({ name, log, ...processes, ...(group && { group }) });
  }

  async #becomeReady(ports: kwokctl.Ports): Promise<void> {
    const { signal } = this.#failing;
    const connection = this.#connection(ADMIN, ports);
    await using admin = new KubeClient(connection, { signal, connections: 20, paced: false });
    // Rights can be given before the API server calls itself ready; who needs them must not start before.
    await createMany(admin, this.#identities.rights(), { signal, patience: PATIENCE });
    await this.#certificates.begin(new URL(serverOf(ports)), signal);
    await writeFile(this.#files.gate, '');
    await Promise.all([
      componentsReady(admin, this.#names, ports, signal),
      nodesReady(admin, this.#spec.nodes, this.#run.clock, signal),
    ]);
    while (this.#running.length < this.#names.length) await sleep(20, undefined, { signal });
    this.#running.sort((one, other) => this.#names.indexOf(one.name) - this.#names.indexOf(other.name));
    const own = await readBack(this.#running, this.#spec, this.#files, ports, { admin, connection, signal });
    await this.#links.refuseUnused(this.#running, signal);
    const kubeconfig = (user: string) => this.#identities.kubeconfig(user, serverOf(ports), this.#files.ca);
    await this.#servers.start({ kubeconfig, limits: this.#limits, refuseOpenSockets: this.#refuseOpenSockets }, signal);
    this.#refuseOpenSockets();
    const components = [...own, ...this.#links.facts, ...this.#servers.facts];
    const notes = notesOn(this.#spec, own);
    this.#run.journal.append({ kind: 'cluster', provider: 'embedded', name: this.#run.id, components, notes });
  }

  readonly #refuseOpenSockets = () => refuseOpenSockets(this.#run.mark, this.#components);

  get #components(): readonly Component[] {
    const own = this.#running.map(({ name, pid, start }) => ({ name, pid, start }));
    return [...own, ...this.#links.components, ...this.#servers.components];
  }

  async #late(): Promise<void> {
    const tails = await lastOfEach(this.#logs, 4);
    const what = `the cluster was not ready within ${patienceFor(this.#spec) / 1_000} s`;
    this.#failing.abort(new ToolError(what, { command: this.#reading('kube-apiserver'), lastLines: tails }));
  }

  /** How to read a log that `create` keeps when it fails. */
  #reading(name: ComponentName): string {
    return pasteable({ program: 'tail', args: [join(this.#run.folder, 'logs', `${name}.log`)] });
  }

  #keepLogs(folder: string): Promise<void> {
    return copyLogs([...this.#logs, this.#files.auditLog], folder);
  }

  get #logs(): readonly string[] {
    return [...this.#names.map(this.#files.log), ...this.#links.logs, ...this.#servers.logs];
  }

  #connection(user: string, ports: kwokctl.Ports) {
    const { requests } = this.#run;
    return {
      server: serverOf(ports),
      caFile: this.#files.ca,
      user,
      token: this.#identities.token(user),
      ...(requests && { requests }),
    };
  }

  #cluster(ports: kwokctl.Ports): Cluster {
    const made = this.#files;
    return {
      provider: 'embedded',
      name: this.#run.id,
      kubeconfig: made.kubeconfig('admin'),
      connect: (user) => this.#connection(user, ports),
      components: this.#components,
      servers: this.#servers.addresses,
      links: this.#links.made,
      refuseOpenSockets: this.#refuseOpenSockets,
      death: (component) => this.#deaths.of(component),
      endpoints: endpointsOf(this.#names, made, ports),
      ...(this.#certificates.wanted.length > 0 && { certificates: this.#certificates.issued }),
      auditLog: made.auditLog,
      collectLogs: (folder) => this.#keepLogs(folder),
      [Symbol.asyncDispose]: () => this.undo(),
    };
  }
}
