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
      readonly what: 'node' | 'death' | 'event' | 'log' | 'load' | 'other';
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
    }
  | { readonly kind: 'injected'; readonly fault: string; readonly targets: readonly string[] }
  | { readonly kind: 'evidenced'; readonly fault: string; readonly real: boolean; readonly detail: string }
  | { readonly kind: 'recovered'; readonly fault: string }
  /** The harness itself failed to measure or to load: the run cannot pass, whatever the samples say. */
  | { readonly kind: 'voided'; readonly reason: string }
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'ended'; readonly how: 'completed' | 'interrupted' | 'error'; readonly reason?: string };

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

/** A closed set. Each is idempotent, safe after a half-done deed, and guarded against acting on a stranger. */
export type Debt =
  /** End every process of this host whose environment holds ORDEAL_MARK=<mark>; the mark is unguessable, so no stranger has it. */
  | { readonly undo: 'end-processes'; readonly mark: string }
  /** Remove a folder that we made; refused unless it holds a file `.ordeal` with this mark. */
  | { readonly undo: 'remove-folder'; readonly path: string; readonly mark: string }
  /** Remove an (empty) control group that we made; its name must contain the mark. */
  | { readonly undo: 'remove-cgroup'; readonly path: string; readonly mark: string };

export interface Owed {
  /** The change to the world is made. */
  done(): void;
  /** Pays early. */
  settle(): Promise<void>;
}

export interface Ledger {
  /** Returns when the debt is on disk. */
  owe(debt: Debt): Promise<Owed>;
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
}

// ── the things that play ─────────────────────────────────────────────────────────────────────────────────────────────

/** How to reach an API server as one identity. `token` is a secret: never journaled, never on a command line. */
export interface Connection {
  readonly server: string;
  readonly caFile: string;
  readonly user: string;
  readonly token: string;
}

/** A process that the cluster consists of. */
export interface Component {
  readonly name: string;
  readonly pid: number;
}

export interface Cluster extends AsyncDisposable {
  readonly provider: string;
  readonly name: string;
  /** Admin kubeconfig, absolute path. */
  readonly kubeconfig: string;
  /** An identity of its own; `user` as declared in the scenario's `identities`, or `ordeal:<probe>`. */
  connect(user: string): Connection;
  readonly components?: readonly Component[];
  /** Resolves when the component is dead, with how. Never rejects. */
  death?(component: string): Promise<Death>;
  readonly endpoints?: { readonly apiserver: string; readonly etcd?: string };
  /** Absolute path of the audit log, where it can be read. */
  readonly auditLog?: string;
  /** Copies the components' logs into a folder, secrets removed. */
  collectLogs(folder: string): Promise<void>;
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

export interface Fault {
  readonly name: string;
  unavailable(cluster: Cluster): Promise<string | undefined>;
  inject(cluster: Cluster, run: Run): Promise<Injected>;
}

export interface Injected {
  readonly targets: readonly string[];
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
}

export interface ClusterSpec {
  readonly kubernetes?: string;
  readonly nodes: number;
  readonly components: Readonly<Partial<Record<ComponentName, ComponentSpec>>>;
  readonly leaderElection: boolean;
  readonly identities: readonly IdentitySpec[];
}

export interface LoadSpec {
  readonly name: string;
  /** File in the scenario's folder. */
  readonly script: string;
  readonly during: string;
  /** The identity (a user in `identities`) whose token the script gets. */
  readonly as: string;
  /** Values of the k6 tag `name`: each gives <name>.requests, <name>.duration, <name>.failures. */
  readonly requests: readonly string[];
  /** k6 custom metrics of the script and their units. */
  readonly metrics: readonly MetricSpec[];
  readonly parameters: { readonly [name: string]: Json };
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

/** One threshold, or several of which one is enough. */
export type Criterion = Threshold | { readonly any: readonly Threshold[] };

export interface VariantSpec {
  readonly name: string;
  readonly what: string;
  readonly expect: 'signature' | 'limits';
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
  readonly cluster: ClusterSpec;
  readonly objects: readonly ObjectsSpec[];
  readonly phases: readonly Phase[];
  readonly load: readonly LoadSpec[];
  readonly faults: readonly string[];
  readonly probes: readonly string[];
  readonly variant: VariantSpec;
  readonly evidence: readonly Criterion[];
  readonly signature: readonly Criterion[];
  readonly limits: readonly Criterion[];
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
}

/** What reporters get: pure data, made of the run's folder alone. */
export interface Report {
  readonly run: string;
  readonly scenario: Scenario;
  readonly verdict: Verdict;
  readonly events: readonly JournalEvent[];
  /** What the ledger says was put back, and what was not. */
  readonly owed: readonly { readonly debt: Debt; readonly settled: boolean; readonly error?: string }[];
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
    super(complaints.join('\n'), options);
    this.complaints = complaints;
  }
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

/** Somebody told us to stop, by a signal. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}
