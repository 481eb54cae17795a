/**
 * The whole vocabulary. Imports nothing; everything else imports this.
 * Times are `Millis` on the run's one monotonic clock unless a name says `wall`.
 * Values in the journal are in base units: seconds, bytes, or plain counts.
 */

/** Milliseconds since the start of the run, monotonic. */
export type Millis = number;
export type Labels = Readonly<Record<string, string>>;
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

// ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a number means: a limit on a metric must be written in the same dimension. */
export type Unit = 'seconds' | 'bytes' | 'count' | 'ratio';

/**
 * How samples of a metric combine:
 * `gauge` a value at an instant · `counter` a cumulative total that only grows (a reset is a restart)
 * · `increment` an amount since the previous sample · `distribution` a histogram.
 */
export type MetricKind = 'gauge' | 'counter' | 'increment' | 'distribution';

/** What a probe or a load promises to produce; lint refuses a threshold on a metric that nobody promises. */
export interface MetricSpec {
  readonly name: string;
  readonly unit: Unit;
  readonly kind: MetricKind;
  readonly labels?: readonly string[];
  /** By label, all that it ever holds, where that is known. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  readonly help: string;
}

/**
 * Sparse log-linear histogram, mergeable by addition: bucket `i` holds values in (γ^(i-1), γ^i], γ = 1.02,
 * so that a quantile is within 1 % of the true sample. `zero` counts values ≤ 0. Values in base units.
 */
export interface Histogram {
  readonly zero?: number;
  readonly buckets: readonly (readonly [index: number, count: number])[];
  readonly count: number;
  readonly sum: number;
  readonly max: number;
}

// ── the journal ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Host {
  readonly os: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly node: string;
}

export type ToolSource = 'named' | 'path' | 'cache' | 'release' | 'go';

/** What is known of one component of the cluster, read back from the running process. Never holds secrets. */
export interface ComponentFacts {
  readonly name: string;
  readonly version: string;
  readonly pid?: number;
  readonly args: readonly string[];
  readonly memoryLimitBytes?: number;
  /** CPU time that it may use per time. */
  readonly cpus?: number;
  /** Why there is no memory limit although one was asked for. */
  readonly unlimited?: string;
}

export type EventBody =
  | {
      readonly kind: 'began';
      readonly run: string;
      readonly scenario: string;
      readonly variant: string;
      readonly wall: string;
      readonly ordeal: string;
      readonly host: Host;
      readonly parameters: { readonly [name: string]: Json };
      /** Runs before this one that proved nothing, of the same scenario and variant: it was played again. */
      readonly former?: readonly Attempt[];
    }
  /** Everything that was asked for, so that the journal alone can be judged again. */
  | { readonly kind: 'planned'; readonly scenario: Scenario; readonly judge: 'limits' | 'signature' }
  | {
      readonly kind: 'tool';
      readonly name: string;
      readonly version: string;
      readonly path: string;
      readonly source: ToolSource;
      readonly expected: string;
    }
  | {
      readonly kind: 'cluster';
      readonly provider: string;
      readonly name: string;
      readonly components: readonly ComponentFacts[];
      readonly notes: readonly string[];
    }
  /** What the harness itself asked of the API server in the whole run, by identity. */
  | {
      readonly kind: 'asked';
      readonly requests: Readonly<Record<string, number>>;
      readonly waited: Millis;
      readonly agent: string;
    }
  /** A pair of the two clocks; a step of the wall clock between two pairs voids samples stamped by other programs. */
  | { readonly kind: 'clock'; readonly wall: number }
  | { readonly kind: 'phase'; readonly name: string; readonly edge: 'start' | 'end' }
  /** A producer is seeing: it promises these metrics, at least one sample or `blind` every `every` milliseconds. */
  | {
      readonly kind: 'observing';
      readonly source: string;
      readonly metrics: readonly MetricSpec[];
      readonly every: Millis;
    }
  | { readonly kind: 'sample'; readonly metric: string; readonly labels?: Labels; readonly value: number }
  /** Prometheus buckets, cumulative since the start of the process: counts[i] of values ≤ bounds[i], last bound +Inf as null. */
  | {
      readonly kind: 'buckets';
      readonly metric: string;
      readonly labels?: Labels;
      readonly bounds: readonly (number | null)[];
      readonly counts: readonly number[];
      readonly sum: number;
    }
  /** What arrived since the previous one. */
  | { readonly kind: 'histogram'; readonly metric: string; readonly labels?: Labels; readonly histogram: Histogram }
  /** Something happened: a node's condition changed, a process died, an event was recorded, a log line matched a signature. */
  | {
      readonly kind: 'seen';
      readonly what: 'node' | 'pod' | 'death' | 'event' | 'log' | 'load' | 'other';
      readonly subject: string;
      readonly detail: string;
      readonly labels?: Labels;
      readonly wall?: string;
    }
  /** Nothing could be seen from `from` until this event's time. `explained`: by an independent source (the process died, the connection was refused). */
  | {
      readonly kind: 'blind';
      readonly source: string;
      readonly from: Millis;
      readonly reason: string;
      readonly explained: boolean;
      /** What happened then was dropped and cannot be had any more: a gap, however short. */
      readonly lost?: boolean;
    }
  /** The cluster says that what had these labels is no more: from now on nothing is due from it to this source. */
  | { readonly kind: 'gone'; readonly source: string; readonly labels: Labels }
  | { readonly kind: 'injected'; readonly fault: string; readonly targets: readonly string[] }
  | { readonly kind: 'evidenced'; readonly fault: string; readonly real: boolean; readonly detail: string }
  | { readonly kind: 'recovered'; readonly fault: string }
  /** The harness itself failed to measure or to load: the run cannot pass, whatever the samples say. */
  | { readonly kind: 'voided'; readonly reason: string }
  /** A cluster that is not the run's own was looked at before anything was done in it: this is to be as it was. `unread`: what could not be, a line each. */
  | ({ readonly kind: 'snapshot'; readonly unread: readonly string[] } & Extent)
  /** How it differed when all was put back. */
  | ({ readonly kind: 'residue'; readonly unread: readonly string[]; readonly more: number } & Extent & {
        readonly differences: readonly Difference[];
      })
  /** Nobody knows whether it is as it was. */
  | { readonly kind: 'residue'; readonly failed: string }
  /** It was told to halt, or halted by itself, at this moment; `halted` is the same moment on the wall. */
  | ({ readonly kind: 'stopped'; readonly halted: string } & Stopped)
  | { readonly kind: 'progress'; readonly text: string }
  | {
      readonly kind: 'ended';
      readonly how: 'completed' | 'interrupted' | 'stopped' | 'error';
      readonly reason?: string;
    };

/**
 * Why a run halts before its end: `switch` by `ordeal stop` for all runs of this machine · `run` for this one · `cluster` by the
 * switch in the cluster · `blind` since that switch was out of sight for too long · `rule` by one of its own.
 */
export interface Stopped {
  readonly how: 'switch' | 'run' | 'cluster' | 'blind' | 'rule';
  /** In one phrase, for people. */
  readonly why: string;
  /** Who set the switch. */
  readonly by?: string;
  /** When it was set, by the clock of whoever set it, as ISO 8601. */
  readonly set?: string;
  /** It was set before the run began: nothing was done. */
  readonly refused?: boolean;
}

/** How much was looked at: objects of the API in so many kinds, and nodes. */
export interface Extent {
  readonly objects: number;
  readonly kinds: number;
  readonly nodes: number;
}

/** Something that is not as it was before a run, in one line. */
export interface Difference {
  /** Where it is a node's own: a process, a mount, a rule. */
  readonly node?: string;
  readonly kind: string;
  readonly name: string;
  /** An aspect of it: `taint key:effect`, `label app`, `spec`; all of it when absent. */
  readonly what?: string;
  readonly was: string;
  readonly is: string;
  /**
   * Why it counts as the run's: it carries the mark, ordeal wrote it, the run touched where it is, or it can no longer be compared. Absent:
   * somebody else changed it meanwhile, or the run did unseen.
   */
  readonly ours?: 'mark' | 'written' | 'touched' | 'unreadable';
}

/** What became of a cluster that was to be left as it was. */
export interface Residue extends Extent {
  readonly differences: readonly Difference[];
  /** Differences beyond those that are listed, of which the run's come first. */
  readonly more: number;
  readonly unread: readonly string[];
  /** Why it could not be compared. */
  readonly failed?: string;
  /** Something of the run's is left, or nobody knows. */
  readonly dirty: boolean;
}

/** An invalid run, and why it proved nothing. */
export interface Attempt {
  readonly run: string;
  readonly reasons: readonly string[];
}

export type JournalEvent = { readonly t: Millis } & EventBody;

// ── the four ambient things ──────────────────────────────────────────────────────────────────────────────────────────

export interface Clock {
  now(): Millis;
  /** Wall-clock milliseconds (since 1970) to the run's clock. */
  fromWall(wall: number): Millis;
}

export interface Journal {
  append(body: EventBody, at?: Millis): void;
}

/**
 * A closed set. Each is idempotent, safe after a half-done deed, and guarded against acting on a stranger. `daemon`: of what is in
 * docker, the id of the daemon that has it, noted by the ledger; that another one knows nothing of it settles nothing.
 */
export type Debt = DebtKind & { readonly daemon?: string };

type DebtKind =
  /** End every process of this host whose environment holds ORDEAL_MARK=<mark>; the mark is unguessable, so no stranger has it. */
  | { readonly undo: 'end-processes'; readonly mark: string }
  /** Let a process of this host go on that was stopped by a signal; it must carry the mark. `start`: clock ticks from the host's start to its own. */
  | { readonly undo: 'resume-process'; readonly pid: number; readonly start: string; readonly mark: string }
  /** Remove a folder that we made; refused unless it holds a file `.ordeal` with this mark. */
  | { readonly undo: 'remove-folder'; readonly path: string; readonly mark: string }
  /** Remove an (empty) control group that we made; its name must contain the mark. */
  | { readonly undo: 'remove-cgroup'; readonly path: string; readonly mark: string }
  /** Remove every container labelled `ordeal.mark=<mark>`, with its anonymous volumes. */
  | { readonly undo: 'remove-containers'; readonly mark: string }
  /** Remove a docker network that we made; its name must contain the mark. */
  | { readonly undo: 'remove-network'; readonly name: string; readonly mark: string }
  /** Give a paused container (full id) its time back. */
  | { readonly undo: 'thaw-node'; readonly container: string; readonly mark: string }
  /** Start a stopped container (full id) again. */
  | { readonly undo: 'power-on-node'; readonly container: string; readonly mark: string }
  /** Give a container (full id) its former memory limit back, in bytes; -1 is none. `swapBytes`: memory and swap together; as docker defaults when absent. */
  | {
      readonly undo: 'restore-node-memory';
      readonly container: string;
      readonly bytes: number;
      readonly swapBytes?: number;
      readonly mark: string;
    }
  /** Resume and start a systemd unit of a node, and disarm the timer on the node that would have done it. */
  | { readonly undo: 'start-unit'; readonly node: NodeRef; readonly unit: NodeUnit; readonly mark: string }
  /** Lift the limits of block IO below a node's control groups for one device (`major:minor`), and disarm its timer. */
  | { readonly undo: 'lift-io-limit'; readonly node: NodeRef; readonly device: string; readonly mark: string }
  /** Remove a file that we made on a node; its name must contain the mark. */
  | { readonly undo: 'remove-node-file'; readonly node: NodeRef; readonly path: string; readonly mark: string }
  /**
   * Delete an object of a cluster that we made; its name must contain the mark. Asked of a control-plane node's own kubectl, or of
   * the embedded cluster's API server.
   */
  | {
      readonly undo: 'delete-object';
      readonly node: NodeRef | OwnApi;
      readonly resource:
        | 'namespace'
        | 'clusterrolebinding'
        | 'clusterrole'
        | 'validatingadmissionpolicy'
        | 'validatingadmissionpolicybinding';
      readonly name: string;
      readonly mark: string;
    }
  /**
   * Let pods be bound to a node again, of the run's own embedded cluster or of `cluster`; a later node of that name has another uid and is
   * a stranger. In a cluster of somebody's, only where the mark in its annotation says that the run cordoned it.
   */
  | {
      readonly undo: 'uncordon-node';
      readonly name: string;
      readonly uid: string;
      readonly cluster?: TheirCluster;
      readonly mark: string;
    }
  /** Delete every object of a kind in a cluster of somebody's that is labelled `ordeal.mark=<mark>`. */
  | {
      readonly undo: 'delete-labelled';
      readonly cluster: TheirCluster;
      readonly resource: LabelledResource;
      readonly mark: string;
    }
  /** Take the run's debts out of the books in a cluster of somebody's, and the books away when they are ours and nothing else is in them. */
  | { readonly undo: 'close-books'; readonly cluster: TheirCluster; readonly mark: string }
  /**
   * Have the relay of a link serve it again; `path` is the relay's folder, below the run's. The relay does it by itself when the
   * fault's deadline has come.
   */
  | { readonly undo: 'restore-link'; readonly path: string; readonly mark: string };

/**
 * A cluster that somebody has, by an absolute path of a kubeconfig and a context of it. `uid` is that of its namespace kube-system: whoever
 * pays asks for it first, and leaves another one alone.
 */
export interface TheirCluster {
  readonly kubeconfig: string;
  readonly context: string;
  readonly uid: string;
}

/** Kinds of objects without a namespace that a run may create in a cluster of somebody's; what has one goes with its namespace. */
export type LabelledResource = 'namespace' | 'priorityclass' | 'clusterrole' | 'clusterrolebinding';

/** The API server of the run's own embedded cluster, by the kubeconfig in the run's folder: when that is gone, so is all that was in it. */
export interface OwnApi {
  readonly via: 'own-api';
}

/** Units that a fault may stop. */
export type NodeUnit = 'kubelet' | 'containerd';

/** Where a node is reached, plain enough for a ledger. `container` is a full id: a later one with the node's name is a stranger. */
export type NodeRef =
  | { readonly via: 'docker'; readonly container: string }
  /**
   * A privileged pod with a deadline of its own; `kubeconfig` is an absolute path, the context is named. `uid` is that of the Node
   * object: a later node of that name is a stranger. The pod is ours by its name and namespace, which contain the mark.
   */
  | {
      readonly via: 'pod';
      readonly kubeconfig: string;
      readonly context: string;
      readonly namespace: string;
      readonly pod: string;
      readonly node: string;
      readonly uid: string;
    };

export interface Owed {
  /** The change to the world is made. */
  done(): void;
  /** Pays early. */
  settle(): Promise<void>;
}

export interface Ledger {
  /**
   * Returns when the debt is on disk. With `within`, a detached process of this host pays it too after so many milliseconds,
   * whether the harness lives or not: for what no timer on the node itself can revert (a frozen, powered-off or starved node).
   */
  owe(debt: Debt, options?: { readonly within?: Millis }): Promise<Owed>;
}

export interface Run {
  readonly id: string;
  /** The run's folder, absolute; logs go to `<folder>/logs`. */
  readonly folder: string;
  /** Put ORDEAL_MARK=<mark> into the environment of every process that is started. */
  readonly mark: string;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly ledger: Ledger;
  readonly signal: AbortSignal;
  readonly requests?: Requests;
}

/** What the harness itself asks of the API server. */
export interface Requests {
  /** The user agent of every request: `ordeal/0.1.0 (run …)`. */
  readonly agent: string;
  /** How many there were, by identity. */
  readonly counts: Readonly<Record<string, number>>;
  /** How long requests waited in all so as not to be too many. */
  readonly waited: Millis;
  /** Counts a request; resolves when it may be sent, at once where it has a pace of its own. Rejects with the signal's reason. */
  admit(user: string, signal: AbortSignal, paced: boolean): Promise<void>;
}

// ── the things that play ─────────────────────────────────────────────────────────────────────────────────────────────

/** How to reach an API server as one identity. `token` is a secret: never journaled, never on a command line. */
export interface Connection {
  readonly server: string;
  readonly caFile: string;
  readonly user: string;
  readonly token: string;
  readonly requests?: Requests;
}

/** A process that the cluster consists of. */
export interface Component {
  readonly name: string;
  readonly pid: number;
  /** Clock ticks from the host's start to its own: with it nobody is taken for it who got its number later. */
  readonly start?: string;
  /** Of a server: the folder with its files, absolute. */
  readonly folder?: string;
  /** CPU time that it may use per time, as the kernel took it; absent without a limit. */
  readonly cpus?: number;
}

/** What a program said that ran on a node. Never thrown for an exit code: the caller decides. */
export interface Executed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A link as it runs: its relay is asked through a socket in a folder, absolute. */
export interface Link extends LinkSpec {
  readonly folder: string;
}

/** A machine of the cluster that can be reached without SSH. */
export interface Node {
  readonly name: string;
  readonly role: 'control-plane' | 'worker';
  /** How an undo finds it again. */
  readonly ref: NodeRef;
  /** Whether something outside the node can freeze, power off, starve and revive it (a container of this host's docker). */
  readonly outside: boolean;
  /**
   * Runs a program on the node, in the node's namespaces. Rejects with `ToolError` when the node cannot be reached or
   * does not answer within `timeout` (default 10 s), with the signal's reason when aborted.
   */
  exec(
    command: readonly string[],
    options?: { readonly input?: string; readonly timeout?: Millis; readonly signal?: AbortSignal },
  ): Promise<Executed>;
  /** Runs a program and gives its output line by line until it ends or the signal aborts. Rejects as `exec` does. */
  follow(command: readonly string[], signal: AbortSignal): AsyncGenerator<string>;
  /**
   * Small text files as the node sees them, absent ones left out, by path: `/proc/meminfo`, `/proc/pressure/*`. Works while
   * the node's own processes starve where that is possible (`outside`).
   */
  read(paths: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Files of the node's own control group: a name as in cgroup v2 or v1 (`memory.oom_control`) → text. Absent ones are left out. */
  readCgroup(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** What is public of a certificate that the cluster was given. */
export interface IssuedCertificate {
  readonly whose: CertificateOwner;
  /** SHA-256, lower-case hex, as the audit log has it. */
  readonly fingerprint: string;
  /** Milliseconds since 1970, whole seconds. */
  readonly notAfter: number;
}

export interface Cluster extends AsyncDisposable {
  readonly provider: string;
  readonly name: string;
  /** Admin kubeconfig, absolute path. */
  readonly kubeconfig: string;
  /** An identity of its own; `user` as declared in the scenario's `identities`, or `ordeal:<probe>`. */
  connect(user: string): Connection;
  readonly components?: readonly Component[];
  /** Its machines, where they can be reached. Control planes first. */
  readonly nodes?: readonly Node[];
  /** Of a cluster that somebody has: how whoever pays finds it again. Every object that is created there carries the run's mark as a label. */
  readonly theirs?: TheirCluster;
  /** What a threshold's `when` may ask for: `psi`, `cgroup-v2`, `oom-score-adj`… */
  readonly capabilities?: ReadonlySet<string>;
  /** Resolves when the component is dead, with how. Never rejects. */
  death?(component: string): Promise<Death>;
  readonly endpoints?: {
    readonly apiserver: string;
    readonly etcd?: string;
    /** kube-scheduler's own port, and the certificate that it made for itself. */
    readonly scheduler?: { readonly server: string; readonly caFile: string };
  };
  /** Where its servers listen: by server and port, `127.0.0.1:12345`. */
  readonly servers?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Its links that can be broken; the relay of each is a component of the link's name. */
  readonly links?: readonly Link[];
  /** Throws `RefusedError` when a process of the run can be reached from another machine by now. */
  refuseOpenSockets?(): void;
  /** Certificates whose lifetime the scenario chose, all that there were until now, in their order. */
  readonly certificates?: readonly IssuedCertificate[];
  /** Absolute path of the audit log, where it can be read. */
  readonly auditLog?: string;
  /** Copies the components' logs into a folder, secrets removed; what is not read when the signal aborts is left out. */
  collectLogs(folder: string, signal?: AbortSignal): Promise<void>;
}

export interface Death {
  readonly component: string;
  readonly at: Millis;
  readonly exitCode?: number;
  readonly signal?: string;
  /** The kernel's out-of-memory killer did it, by the cgroup's own counter. */
  readonly oom?: boolean;
  readonly lastLines: readonly string[];
}

export interface ClusterProvider {
  readonly name: string;
  /** A reason why it cannot be used here, in one sentence; undefined when it can. */
  unavailable(spec: ClusterSpec): Promise<string | undefined>;
  create(spec: ClusterSpec, run: Run): Promise<Cluster>;
}

/** One line of the table of faults: what it is called, what it may be told, and how it is made. */
export interface FaultKind {
  readonly name: string;
  readonly help: string;
  /** What may stand beside `fault:`; checked before anything starts. */
  readonly parameters: { readonly [name: string]: FaultParameter };
  /** Its targets are no workers. */
  readonly elsewhere?: boolean;
  /** What it tells of itself while its phase lasts. */
  readonly metrics?: readonly MetricSpec[];
  /** What it would put at risk in a cluster of somebody's, so that it is refused there: a kernel that others may share, a control plane, a machine that nothing outside could revive. */
  readonly endangers?: 'kernel' | 'control-plane' | 'machine';
  /** What it does in a cluster of somebody's; a fault that does not say so is refused there. */
  readonly theirs?: TheirDeed;
  make(spec: FaultSpec): Fault;
  /**
   * Why it must not be done to a cluster that would be made so, by what its nodes would have and what this host has; undefined
   * where nothing speaks against it, or where only the running cluster can say: then `inject` refuses. `beside`: the others of its
   * kind in the same phase.
   */
  refuse?(spec: FaultSpec, cluster: ClusterSpec, beside: readonly FaultSpec[]): Promise<string | undefined>;
}

/** What a fault does in a cluster of somebody's, for who has to agree to it. */
export interface TheirDeed {
  /** How many nodes it is done to at most. */
  nodes(spec: FaultSpec): number;
  readonly does: string;
  readonly undone: string;
  readonly rights: readonly Right[];
}

/** What an API server is asked leave for, as in a SelfSubjectAccessReview; `resource` may hold a subresource: `pods/eviction`. */
export type Right =
  | { readonly verb: string; readonly group: string; readonly resource: string; readonly namespace?: string }
  | { readonly verb: string; readonly path: string };

/** A cluster of somebody's on which runs are allowed, by the uid of its namespace kube-system, and how far a run may go there. */
export interface AllowedCluster {
  readonly name: string;
  readonly uid: string;
  readonly maxNodes: number;
  /** Of all nodes, 0 to 100. */
  readonly maxPercent: number;
}

export interface FaultParameter {
  readonly type: 'bytes' | 'duration' | 'number' | 'text';
  readonly help: string;
  /** In base units: bytes, milliseconds. Without a default it must be given, unless `optional`. */
  readonly default?: number | string;
  readonly optional?: boolean;
  /** The only texts allowed. */
  readonly oneOf?: readonly string[];
  /** Bounds, both included, in base units. */
  readonly least?: number;
  readonly most?: number;
}

/** One fault of a scenario. */
export interface FaultSpec {
  /** Unique in the scenario; that of the kind when not named. */
  readonly name: string;
  readonly fault: string;
  /** The phase in which it is injected, and at whose end it is ended. */
  readonly during: string;
  /** Milliseconds after the phase's start. */
  readonly after: Millis;
  /** Which workers: their number, the first ones by name. 0 where the fault has no nodes as targets. */
  readonly workers: number;
  /** In base units; defaults filled in. */
  readonly parameters: { readonly [name: string]: number | string };
  /** Longest that it may last, whoever lives: its phase's duration and a margin; timers on the node and outside use it. */
  readonly deadline: Millis;
}

export interface Fault {
  readonly name: string;
  unavailable(cluster: Cluster): Promise<string | undefined>;
  inject(cluster: Cluster, run: Run): Promise<Injected>;
}

export interface Injected {
  readonly targets: readonly string[];
  /** Rejects as soon as the run must not go on because of it. */
  failing?(): Promise<void>;
  /** Rejects when the run must not go on. */
  evidence(): Promise<{ readonly real: boolean; readonly detail: string }>;
  end(): Promise<void>;
}

export interface Probe {
  readonly name: string;
  readonly metrics: readonly MetricSpec[];
  unavailable(cluster: Cluster): string | undefined;
  /** Resolves after the first good sample, with a promise of its end: it ends when the run's signal aborts, and rejects when the probe itself fails. */
  observe(cluster: Cluster, run: Run): Promise<{ readonly ended: Promise<void> }>;
}

// ── the scenario, decoded ────────────────────────────────────────────────────────────────────────────────────────────

export interface ComponentSpec {
  readonly version?: string;
  /** Command-line flags without dashes; read back from the running process. */
  readonly flags: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly memoryBytes?: number;
  /** Of kube-scheduler: its KubeSchedulerConfiguration, without kubeconfig and leader election; read back from /configz. */
  readonly config?: { readonly [name: string]: Json };
}

export type ComponentName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kwok-controller';

/** A user of the cluster besides ourselves, with rights of its own (RBAC rules as in a ClusterRole). */
export interface IdentitySpec {
  readonly user: string;
  readonly groups: readonly string[];
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

export interface ObjectsSpec {
  /** File in the scenario's folder, one or more YAML documents; `{{index}}` and `${parameter}` are replaced. */
  readonly manifest: string;
  readonly count: number;
  /** Server-side apply: what is there already gets the fields that are named. */
  readonly apply?: boolean;
  /** The phase in which they are created, so long after its start; the first one when absent. */
  readonly during?: string;
  readonly after?: Millis;
}

/** A chart that helm installs as the load of a phase. */
export interface InstallSpec {
  /** The release's name; its samples are `install.*` with the label `release`. */
  readonly release: string;
  /** A chart's folder within the scenario's folder, or anything that helm understands. */
  readonly chart: string;
  readonly namespace: string;
  readonly during: string;
  readonly values: { readonly [name: string]: Json };
  /** How long helm waits for its resources. */
  readonly timeout: Millis;
}

/** How a kind cluster is made; absent on scenarios that do not run there. */
export interface KindSpec {
  /** A file of `kind-config/`, without `.yaml`. */
  readonly shape: string;
  /** Merged into the KubeletConfiguration of every node. Setting one value of `evictionHard` zeroes the others. */
  readonly kubelet: { readonly [name: string]: Json };
  /** The memory that each worker has, and believes it has: a limit of its container and a /proc/meminfo of its own. */
  readonly workerMemoryBytes?: number;
  /** Images loaded into every node beforehand: names of the table in `harness/cluster/images.ts`. */
  readonly images: readonly string[];
}

/** A closed table: `harness/cluster/server-programs.ts`. */
export type ServerProgram = 'coredns' | 'nginx' | 'workload' | 'karpenter-kwok';

/**
 * A program that runs beside an embedded cluster, on loopback, as part of what is tested. In the texts of its files and in its
 * arguments and environment `{{port.NAME}}`, `{{port.SERVER.NAME}}`, `{{file.NAME}}`, `{{folder}}` and `{{kubeconfig}}` stand for what is known when it starts.
 */
export interface ServerSpec {
  readonly name: string;
  readonly program: ServerProgram;
  /** Names of its ports, each a free one of 127.0.0.1. */
  readonly ports: readonly string[];
  /** By name, the text of a file of the scenario's folder, parameters filled in. */
  readonly files: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The identity (a user in `identities`) whose kubeconfig it gets. */
  readonly as?: string;
  /** Ready when the port takes a connection; with a path, when GET of it is answered with 2xx. */
  readonly ready: { readonly port: string; readonly path?: string };
  readonly memoryBytes?: number;
  /** CPU time that it may use per time, as the CPU limit of a pod; refused where that cannot be limited. */
  readonly cpus?: number;
}

/**
 * A way of its own, through a relay on loopback, by which one component reaches another: kube-apiserver reaches etcd, all others
 * reach kube-apiserver.
 */
export interface LinkSpec {
  readonly name: string;
  readonly from: Exclude<ComponentName, 'etcd'>;
  readonly to: 'kube-apiserver' | 'etcd';
}

/** The client certificate of the node agents (kwok), the serving certificate of the API server. */
export type CertificateOwner = 'node-agents' | 'api-server';

export interface CertificateSpec {
  /** From the moment at which the API server is ready. */
  readonly lifetime: Millis;
  /** So long before it expires another one takes its place; never where it is absent. */
  readonly renewBefore?: Millis;
}

export interface ClusterSpec {
  readonly kubernetes?: string;
  readonly kind?: KindSpec;
  readonly nodes: number;
  readonly components: Readonly<Partial<Record<ComponentName, ComponentSpec>>>;
  readonly leaderElection: boolean;
  readonly identities: readonly IdentitySpec[];
  /** Started one after the other, in this order; only the embedded cluster has them. */
  readonly servers?: readonly ServerSpec[];
  /** Only the embedded cluster has them. */
  readonly links?: readonly LinkSpec[];
  /** Of a lifetime of their own; only the embedded cluster has them. Others live as long as whoever makes the cluster lets them. */
  readonly certificates?: Readonly<Partial<Record<CertificateOwner, CertificateSpec>>>;
}

export interface LoadSpec {
  readonly name: string;
  /** File in the scenario's folder. */
  readonly script: string;
  readonly during: string;
  /** The identity (a user in `identities`) whose token the script gets. */
  readonly as: string;
  /** Loopback addresses from which its requests come, one or a range: 127.0.1.1-127.0.1.5, in turn by virtual user. */
  readonly from?: string;
  /** Values of the k6 tag `name`: each gives <name>.requests, <name>.duration, <name>.failures. */
  readonly requests: readonly string[];
  /** k6 custom metrics of the script and their units. */
  readonly metrics: readonly MetricSpec[];
  /** Offered by so many pods of the cluster, each with its execution segment, instead of by this machine; needs real kubelets. */
  readonly pods?: number;
  readonly parameters: { readonly [name: string]: Json };
}

/** Thousandths of a CPU in which a CoreDNS of this host answers so many of the simplest queries a second. */
export interface Measured {
  readonly dnsQueries: number;
  /** What was measured; absent until then. */
  readonly found?: number;
}

export interface Phase {
  readonly name: string;
  readonly duration: Millis;
}

export type Take = 'max' | 'min' | 'mean' | 'last' | 'count' | 'rate' | 'share' | `p${number}`;
export type Comparison = '<=' | '>=' | '<' | '>' | '==' | '!=';

/** `>= 5x steady` is { op: '>=', times: 5, of: 'steady' }; `<= 1s` is { op: '<=', value: 1, unit: 'seconds' }. */
export type Is =
  | { readonly op: Comparison; readonly value: number; readonly unit: Unit | 'per-second' }
  | { readonly op: Comparison; readonly times: number; readonly of: string };

export interface Threshold {
  /** As written, in one line, for people. */
  readonly text: string;
  readonly metric: string;
  readonly labels?: Labels;
  /** Judge each value of this label by itself; all must hold. */
  readonly per?: string;
  readonly take: Take;
  /** Divide by the same take of another metric: objects per list. */
  readonly over?: string;
  /** A phase, or `run` for steady to the end. */
  readonly during: string;
  readonly is: Is;
  /** A capability; where the cluster lacks it, the threshold is skipped. */
  readonly when?: string;
  /** Least base of a ratio, in the metric's base unit; below it the ratio is unmeasured. */
  readonly floor?: number;
  readonly line: number;
}

/** Ends the run as soon as what was seen so far meets it: the last value of a gauge, the number of what is counted. */
export interface StopRule {
  /** As written, in one line, for people. */
  readonly text: string;
  readonly metric: string;
  readonly labels?: Labels;
  /** An error budget: the share of what this metric counted. */
  readonly over?: string;
  readonly is: Extract<Is, { readonly value: number }>;
  /** Least count of `over`; below it the share is not looked at. */
  readonly floor?: number;
  readonly line: number;
}

/**
 * One thing that went wrong with one node, put together from the journal: what was done or seen first, when Kubernetes
 * noticed, when it was over. Times on the run's clock.
 */
export interface NodeFailure {
  readonly node: string;
  /** `not-ready`, `oom-kill`, `memory-pressure`, `disk-pressure`, `pid-pressure`, `kubelet-down`, `runtime-down`, `eviction`… */
  readonly what: string;
  /** The earliest sign: a fault's injection, a log line, a lost probe. */
  readonly first: { readonly at: Millis; readonly sign: string };
  /** Kubernetes changed the node's condition, tainted it or wrote an event. */
  readonly detected?: { readonly at: Millis; readonly sign: string };
  /** The end of the fault behind it, where that came while it lasted: the time to be back counts from then on. */
  readonly faultEnded?: Millis;
  /** The condition was good again, the probe answered again; of kills and evictions the last one. */
  readonly back?: Millis;
  /** Lines of the node's own kernel, kubelet or runtime, as they were read, with their signature. */
  readonly evidence: readonly { readonly at: Millis; readonly signature: string; readonly line: string }[];
}

/** One threshold, or several of which one is enough. */
export type Criterion = Threshold | { readonly any: readonly Threshold[] };

export interface VariantSpec {
  readonly name: string;
  readonly what: string;
  readonly expect: 'signature' | 'limits';
  /** Parameters that whoever runs it must set: nobody else knows them. Without them it is left out of a proof. */
  readonly asksFor?: readonly string[];
}

/** A scenario with one variant and the parameters applied: everything a run needs. */
export interface Scenario {
  readonly id: string;
  /** Absolute path of its folder. */
  readonly folder: string;
  readonly question: string;
  readonly incident: { readonly from: string; readonly what: string };
  readonly runsOn: readonly string[];
  readonly appliesTo: string;
  readonly parameters: { readonly [name: string]: Json };
  /** Parameters that depend on how fast the host is, with what they are worth. */
  readonly measured?: { readonly [parameter: string]: Measured };
  readonly cluster: ClusterSpec;
  readonly objects: readonly ObjectsSpec[];
  readonly phases: readonly Phase[];
  readonly load: readonly LoadSpec[];
  readonly installs: readonly InstallSpec[];
  readonly faults: readonly FaultSpec[];
  readonly probes: readonly string[];
  readonly variant: VariantSpec;
  readonly evidence: readonly Criterion[];
  readonly signature: readonly Criterion[];
  readonly limits: readonly Criterion[];
  /** Each ends the run as soon as it is met. */
  readonly stop?: readonly StopRule[];
  /** A fault takes the API server away on purpose: that the switch in the cluster is out of sight does not end the run. */
  readonly apiOutage?: boolean;
  /** So long may the switch in the cluster be out of sight; by default 30 s in clusters that are not the run's own, for ever in those that are. */
  readonly haltBlindAfter?: Millis;
  /** The source text, for the run's folder. */
  readonly source: string;
}

// ── the verdict ──────────────────────────────────────────────────────────────────────────────────────────────────────

export type Role = 'evidence' | 'signature' | 'limit';

export interface Finding {
  readonly role: Role;
  readonly threshold: string;
  readonly status: 'met' | 'unmet' | 'unmeasured' | 'skipped';
  /** As people read it: `1.49 GB`, `23.7x`. */
  readonly measured?: string;
  readonly value?: number;
  readonly samples: number;
  readonly phase: string;
  /** Where it was decided: the moment of the extreme, or the window's end. */
  readonly at?: Millis;
  /** Why it is unmeasured or skipped, which label value was worst, which alternative held. */
  readonly detail?: string;
  readonly metric: string;
}

export interface Verdict {
  /** `failed` under `limits`: a limit broke; under `signature`: the failure did not show. */
  readonly status: 'passed' | 'failed' | 'invalid';
  readonly judged: 'limits' | 'signature';
  readonly findings: readonly Finding[];
  /** Why the run is invalid; empty otherwise. */
  readonly reasons: readonly string[];
  /** Whether the failure of the incident was seen, whatever was judged. */
  readonly signatureShown: boolean | undefined;
  readonly limitsHeld: boolean | undefined;
  /** What went wrong with nodes, whatever was judged; by first sign. */
  readonly nodeFailures: readonly NodeFailure[];
}

/** What reporters get: pure data, made of the run's folder alone. */
export interface Report {
  readonly run: string;
  readonly scenario: Scenario;
  readonly verdict: Verdict;
  readonly events: readonly JournalEvent[];
  /** What the ledger says was put back, and what was not. */
  readonly owed: readonly { readonly debt: Debt; readonly settled: boolean; readonly error?: string }[];
  /** Of a cluster that is not the run's own. */
  readonly residue?: Residue;
  readonly exitCode: number;
}

export interface Reporter {
  readonly name: string;
  /** Writes into the run's folder; returns the files written, absolute. */
  write(report: Report, folder: string): Promise<readonly string[]>;
}

// ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bad input, located: nothing was started. Holds every complaint, one a line: `file:line:column: what; expected …`. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly complaints: readonly string[];
  constructor(complaints: readonly string[], options?: ErrorOptions) {
    const lines = complaints.map(oneLine);
    super(lines.join('\n'), options);
    this.complaints = lines;
  }
}

/** A complaint quotes a file, which may hold anything: no line of its own, no escape sequence, no end that nobody reads to. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const seen = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, '\ufffd').toWellFormed();
  return seen.length <= 1_000 ? seen : `${seen.slice(0, 1_000).toWellFormed()}…`;
}

/** An outside program failed or is not to be had. `command` can be pasted into a shell and holds no secret. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly command: string;
  readonly exitCode: number | undefined;
  readonly lastLines: readonly string[];
  constructor(
    message: string,
    details: { command: string; exitCode?: number; lastLines?: readonly string[]; cause?: unknown },
  ) {
    const tail = details.lastLines?.length ? `\n${details.lastLines.map((line) => `  | ${line}`).join('\n')}` : '';
    super(
      `${message}\n  $ ${details.command}${details.exitCode === undefined ? '' : `  (exit ${details.exitCode})`}${tail}`,
      { cause: details.cause },
    );
    this.command = details.command;
    this.exitCode = details.exitCode;
    this.lastLines = details.lastLines ?? [];
  }
}

/** The cluster refused or could not be reached. `code` is an HTTP status or a system error code. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  readonly code: number | string;
  readonly reason: string;
  constructor(what: string, code: number | string, reason: string, options?: ErrorOptions) {
    super(`${what}: ${code} ${reason}`, options);
    this.code = code;
    this.reason = reason;
  }
}

/** A variant that did not take effect, a target that must not be touched: nothing may go on. Exit 2. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** A switch, or a rule of its own, ended the run: everything is put back, and the run proves nothing. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** Somebody told us to stop, by a signal. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}
