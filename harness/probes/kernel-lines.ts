import type { Labels } from '../model.ts';

/** A node that shares a kernel; `container` is how the kernel's paths name it where it is one. */
export interface Tenant {
  readonly node: string;
  readonly container?: string;
}

export interface KernelLine {
  /** Undefined: of the kernel itself, or of nobody that is known. */
  readonly node: string | undefined;
  readonly line: string;
  /** Of the line that says whom it killed: labels of `node.oom-victims`, with the pod's uid. */
  readonly victim?: { readonly labels: Labels; readonly process: string; readonly pod: string | undefined };
  /** Why kills are not told of whom they are or are not told at all, where this line shows it. */
  readonly lost?: string;
}

interface Kill {
  /** The process that will be killed, as the line that says so names it. */
  readonly process: string;
  /** Its control group. */
  readonly group: string;
  readonly stranger: boolean;
  readonly node: string | undefined;
  readonly labels: Labels;
  readonly pod: string | undefined;
}

/**
 * Says which node a line of the kernel log is about. A report of an OOM kill is many lines, and only one of them,
 * `oom-kill:constraint=…,oom_memcg=…,task_memcg=…,task=…,pid=…`, names control groups: those before wait for it, the kill of that
 * very process belongs to it. The kernel writes no more than ten such reports in five seconds, but always who was killed: a kill
 * without a report is of nobody knows whom. What befell containers that are no node of ours is left out.
 */
export class KernelLines {
  readonly #tenants: readonly Tenant[];
  readonly #alone: string | undefined;
  #invoked: string[] = [];
  /** Reported, not yet done. */
  #kill: Kill | undefined;
  /** The latest that was done. */
  #killed: Kill | undefined;
  /** The one with whom others are killed now. */
  #together: Kill | undefined;

  constructor(tenants: readonly Tenant[]) {
    this.#tenants = tenants;
    const [only] = tenants;
    this.#alone = tenants.length === 1 && only && only.container === undefined ? only.node : undefined;
  }

  read(line: string): readonly KernelLine[] {
    if (/invoked oom-killer/.test(line)) {
      this.#invoked = [...this.#invoked.slice(-9), line];
      this.#together = undefined;
      return [];
    }
    if (line.includes('oom-kill:constraint=')) {
      const kill = this.#killOf(line);
      const lines = [...this.#invoked, line];
      this.#invoked = [];
      this.#kill = kill;
      return kill.stranger ? [] : lines.map((each) => ({ node: kill.node, line: each }));
    }
    const [, pid, process] = /Killed process (\d+) \((.*?)\) total-vm/.exec(line) ?? [];
    if (pid === undefined || process === undefined) return this.#other(line);
    const kill = this.#kill?.process === `${pid} ${process}` ? this.#kill : this.#together;
    this.#kill = undefined;
    this.#killed = kill;
    if (!kill)
      return [{ node: this.#alone, line, lost: `the kernel does not say whose ${process} (${pid}) it killed` }];
    if (kill.stranger) return [];
    return [{ node: kill.node, line, victim: { labels: kill.labels, process, pod: kill.pod } }];
  }

  #other(line: string): readonly KernelLine[] {
    const [, whole] = /^Tasks in (\/.*) are going to be killed due to memory\.oom\.group set/.exec(line) ?? [];
    // The rest of a group is killed at once, without reports of its own.
    if (whole !== undefined)
      this.#together = `${this.#killed?.group}/`.startsWith(`${whole}/`) ? this.#killed : undefined;
    else if (!line.startsWith('oom_reaper:')) this.#together = undefined;
    const dropped = /oom\w*: \d+ callbacks suppressed/.test(line);
    return [{ node: this.#alone, line, ...(dropped && { lost: `the kernel dropped reports of its kills (${line})` }) }];
  }

  #killOf(line: string): Kill {
    const [, limited = ''] = /\boom_memcg=([^,]*)/.exec(line) ?? [];
    const [, task = ''] = /\btask_memcg=([^,]*)/.exec(line) ?? [];
    const [, name = '', pid = ''] = /,task=(.*),pid=(\d+),uid=\d+/.exec(line) ?? [];
    const tenant = this.#tenants.find(({ container }) => container !== undefined && task.includes(container));
    const node = tenant?.node ?? this.#alone;
    const below = (path: string) => (tenant?.container ? (path.split(tenant.container)[1] ?? '') : path);
    const { victim, qos, pod } = victimOf(below(task));
    const limit = limited === '' ? 'machine' : limitOf(below(limited), this.#alone !== undefined);
    const labels = { ...(node !== undefined && { node }), victim, qos, limit };
    return { process: `${pid} ${name}`, group: task, stranger: node === undefined, node, labels, pod };
  }
}

function victimOf(path: string): { victim: string; qos: string; pod: string | undefined } {
  if (path.includes('kubepods')) {
    const [, qos = 'guaranteed'] = /(besteffort|burstable)/.exec(path) ?? [];
    const [, uid] = /pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})/.exec(path) ?? [];
    return { victim: 'pod', qos, pod: uid?.replaceAll('_', '-') };
  }
  const [, unit = 'other'] = /\/(kubelet|containerd)\.service/.exec(path) ?? [];
  return { victim: unit, qos: '', pod: undefined };
}

function limitOf(path: string, machine: boolean): string {
  if (path === '' || path === '/') return machine ? 'machine' : 'node';
  if (/kubepods.*pod[0-9a-f]{8}/.test(path)) return 'pod';
  if (path.includes('kubepods')) return 'pods';
  return path.includes('.service') ? 'unit' : 'node';
}
