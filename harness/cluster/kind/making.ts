import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Cluster,
  type ClusterSpec,
  type Debt,
  type Node,
  type Owed,
  RefusedError,
  type Run,
} from '../../model.ts';
import { dockerNode } from '../../node/docker-node.ts';
import { settleAll } from '../debts.ts';
import { type Accounts, accountsOf } from './accounts.ts';
import { type Environment, type KindCli, STANDARD } from './cli.ts';
import { type Ground, kubeletConfiguration } from './config.ts';
import { type Entered, enter } from './enter.ts';
import { type Archives, loadImages } from './images.ts';
import { keepLogs } from './logs.ts';
import { groundOf, machinesOf } from './machines.ts';
import { createOwn, findKubeconfig } from './own.ts';
import { refusals } from './refusals.ts';
import { readShape, workersOf } from './shape.ts';

export interface KindOptions {
  /** Path of the kind CLI. */
  readonly kind: string;
  /** Of the nodes; obligatory unless the cluster is there already. */
  readonly image?: { readonly reference: string; readonly kubernetes?: string };
  readonly archives: Archives;
  /** A cluster of the user's: used as it is, never deleted. */
  readonly existing?: string;
  /** Where docker is found and how its daemon is reached: PATH, HOME and the DOCKER_ variables. */
  readonly env?: Environment;
}

/** One try to make a cluster, or to move into one. What it changes is owed first; `undo` pays it. */
export class Making {
  readonly #spec: ClusterSpec;
  readonly #run: Run;
  readonly #options: KindOptions;
  readonly #env: Environment;
  readonly #cli: KindCli;
  readonly #name: string;
  readonly #kubeconfig: string;
  readonly #accounts: Accounts;
  readonly #debts: Owed[] = [];
  #nodes: readonly Node[] = [];

  /** Throws a `RefusedError` for identities that must not be. */
  constructor(spec: ClusterSpec, run: Run, options: KindOptions) {
    this.#spec = spec;
    this.#run = run;
    this.#options = options;
    this.#name = options.existing ?? `ordeal-${run.mark}`;
    this.#accounts = accountsOf(spec.identities, run.mark, { admin: this.#own });
    const { kind: program, env = STANDARD } = options;
    this.#env = { ...env, ORDEAL_MARK: run.mark };
    this.#cli = { program, folder: join(run.folder, 'cluster'), mark: run.mark, env };
    this.#kubeconfig = join(this.#cli.folder, 'kubeconfig');
  }

  get #own(): boolean {
    return this.#options.existing === undefined;
  }

  /** Throws `ToolError` when something does not start, `RefusedError` when it is not as asked, the run's reason when that is aborted. */
  async make(): Promise<Cluster> {
    const { clock, journal, signal } = this.#run;
    const began = clock.now();
    signal.throwIfAborted();
    const reasons = await refusals(this.#spec, { own: this.#own });
    if (reasons.length > 0) throw new RefusedError(reasons.join('\n'));
    const image = this.#options.image?.reference ?? '';
    const ground = await groundOf(image, this.#env, signal);
    await this.#prepare();
    const to = { cli: this.#cli, name: this.#name, kubeconfig: this.#kubeconfig, signal };
    if (this.#own) await createOwn({ ...to, spec: this.#spec, ground, image });
    else await findKubeconfig(to.cli, to.name, to.kubeconfig, signal);
    this.#nodes = await this.#findNodes();
    const reached = await this.#enter(ground);
    journal.append({ kind: 'cluster', provider: 'kind', name: this.#name, ...reached.facts });
    journal.append({ kind: 'progress', text: `cluster ready in ${((clock.now() - began) / 1_000).toFixed(1)} s` });
    return this.#cluster(reached);
  }

  /** Keeps the logs where a folder is given, then pays every debt, last in, first out. Throws the first failure when all was tried. */
  async undo(logs?: string): Promise<void> {
    if (logs !== undefined) await this.#keepLogs(logs, this.#run.signal);
    await settleAll(this.#debts);
  }

  /** Owes all that will be there, in the order in which it must not be undone: processes end first, then containers go. */
  async #prepare(): Promise<void> {
    const { mark } = this.#run;
    const { folder } = this.#cli;
    const owed = await this.#owe({ undo: 'remove-folder', path: folder, mark });
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(folder, '.ordeal'), mark);
    owed.done();
    if (this.#own) {
      (await this.#owe({ undo: 'remove-network', name: this.#name, mark })).done();
      (await this.#owe({ undo: 'remove-containers', mark })).done();
    }
    (await this.#owe({ undo: 'end-processes', mark })).done();
  }

  async #owe(debt: Debt): Promise<Owed> {
    const owed = await this.#run.ledger.owe(debt);
    this.#debts.push(owed);
    return owed;
  }

  async #findNodes(): Promise<readonly Node[]> {
    const machines = await machinesOf(this.#name, this.#env, this.#run.signal);
    const strangers = machines.filter(({ mark }) => mark !== (this.#own ? this.#run.mark : ''));
    if (strangers.length > 0) {
      throw new RefusedError(`the kind cluster ${this.#name} belongs to another run of ordeal: ${strangers[0]?.mark}`);
    }
    const workers = machines.filter(({ role }) => role === 'worker').length;
    const wanted = workersOf(await readShape(this.#spec.kind?.shape ?? ''));
    if (workers < wanted) {
      throw new RefusedError(`the kind cluster ${this.#name} has ${workers} workers, ${wanted} were asked for`);
    }
    return Promise.all(machines.map((machine) => dockerNode({ ...machine, env: this.#env })));
  }

  async #enter(ground: Ground): Promise<Entered> {
    const { signal, folder } = this.#run;
    const [control] = this.#nodes;
    if (control === undefined) throw new RefusedError(`there is no kind cluster ${this.#name}`);
    const debts = this.#own ? [] : this.#accounts.debts(control);
    for (const debt of debts) (await this.#owe(debt)).done();
    const images = this.#spec.kind?.images ?? [];
    return enter({
      spec: this.#spec,
      kubelet: this.#own ? kubeletConfiguration(this.#spec, ground) : (this.#spec.kind?.kubelet ?? {}),
      existing: !this.#own,
      nodes: this.#nodes,
      accounts: this.#accounts,
      kubeconfig: this.#kubeconfig,
      caFile: join(this.#cli.folder, 'ca.crt'),
      logs: join(folder, 'logs'),
      loading: loadImages(this.#cli, this.#name, images, this.#options.archives, signal),
      signal,
    });
  }

  /** Of those nodes that are there, ready or not; of a cluster that was refused, none. */
  async #keepLogs(folder: string, signal?: AbortSignal): Promise<void> {
    if (!this.#own && this.#nodes.length === 0) return;
    const machines = await machinesOf(this.#name, this.#env, signal);
    const nodes = machines.map((machine) => dockerNode({ ...machine, env: this.#env }));
    await keepLogs(await Promise.all(nodes), folder, this.#env, signal);
  }

  #cluster({ server, caFile, tokens, capabilities }: Entered): Cluster {
    const { requests } = this.#run;
    return {
      provider: 'kind',
      name: this.#name,
      kubeconfig: this.#kubeconfig,
      connect: (user) => {
        const token = tokens.get(user);
        if (token !== undefined) return { server, caFile, user, token, ...(requests && { requests }) };
        throw new RefusedError(`no identity "${user}"; there are: ${[...tokens.keys()].join(', ')}`);
      },
      nodes: this.#nodes,
      capabilities,
      endpoints: { apiserver: server },
      collectLogs: (folder, signal) => this.#keepLogs(folder, signal),
      [Symbol.asyncDispose]: () => this.undo(),
    };
  }
}
