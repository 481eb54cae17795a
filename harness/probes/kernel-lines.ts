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
}

interface Kill {
  readonly stranger: boolean;
  readonly node: string | undefined;
  readonly labels: Labels;
  readonly pod: string | undefined;
}

/**
 * Says which node a line of the kernel log is about. A report of an OOM kill is many lines, and only one of them,
 * `oom-kill:constraint=…,oom_memcg=…,task_memcg=…`, names control groups: those before wait for it, the one after belongs to it.
 * What befell containers that are no node of ours is left out.
 */
export class KernelLines {
  readonly #tenants: readonly Tenant[];
  readonly #alone: string | undefined;
  #invoked: string[] = [];
  #kill: Kill | undefined;

  constructor(tenants: readonly Tenant[]) {
    this.#tenants = tenants;
    const [only] = tenants;
    this.#alone = tenants.length === 1 && only && only.container === undefined ? only.node : undefined;
  }

  read(line: string): readonly KernelLine[] {
    if (/invoked oom-killer/.test(line)) {
      this.#invoked = [...this.#invoked.slice(-9), line];
      return [];
    }
    if (line.includes('oom-kill:constraint=')) {
      const kill = this.#killOf(line);
      const lines = [...this.#invoked, line];
      this.#invoked = [];
      this.#kill = kill;
      return kill.stranger ? [] : lines.map((each) => ({ node: kill.node, line: each }));
    }
    const [, process] = /Killed process \d+ \((.*?)\) total-vm/.exec(line) ?? [];
    const kill = this.#kill;
    if (process === undefined || !kill) return [{ node: this.#alone, line }];
    if (kill.stranger) return [];
    return [{ node: kill.node, line, victim: { labels: kill.labels, process, pod: kill.pod } }];
  }

  #killOf(line: string): Kill {
    const [, limited = ''] = /\boom_memcg=([^,]*)/.exec(line) ?? [];
    const [, task = ''] = /\btask_memcg=([^,]*)/.exec(line) ?? [];
    const tenant = this.#tenants.find(({ container }) => container !== undefined && task.includes(container));
    const node = tenant?.node ?? this.#alone;
    const below = (path: string) => (tenant?.container ? (path.split(tenant.container)[1] ?? '') : path);
    const { victim, qos, pod } = victimOf(below(task));
    const limit = limited === '' ? 'machine' : limitOf(below(limited), this.#alone !== undefined);
    const labels = { ...(node !== undefined && { node }), victim, qos, limit };
    return { stranger: node === undefined, node, labels, pod };
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
