import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { JournalEvent } from '../../harness/model.ts';
import { marked } from '../../harness/process.ts';
import { waiting } from '../../harness/run/arm.ts';
import { watchdogs } from '../../harness/run/watched.ts';
import type { VerdictFile } from '../../reports/json.ts';
import { leftInDocker } from './left-behind.ts';

const cli = fileURLToPath(new URL('../../ordeal.cjs', import.meta.url));
export const quick = fileURLToPath(new URL('scenarios/quick', import.meta.url));
export const kindQuick = fileURLToPath(new URL('scenarios/kind-quick', import.meta.url));
export const kindSpread = fileURLToPath(new URL('scenarios/kind-spread', import.meta.url));

/** k6 itself was short of CPU: it says so, or the script does by its `lag`. */
export const tooBusy = /the generator was the bottleneck|: p99 of lag /;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** An `ordeal` as a user starts it, in a folder of its own; caches of outside programs are the user's own. */
export class Ordeal {
  readonly cwd = mkdtempSync(join(tmpdir(), 'ordeal-e2e-'));
  readonly env: Record<string, string | undefined>;

  constructor(env: Record<string, string> = {}) {
    this.env = { ...process.env, XDG_STATE_HOME: join(this.cwd, 'state'), ...env };
  }

  start(...args: string[]): { process: ChildProcess; ran: Promise<Ran> } {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: this.cwd,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      err += data;
    });
    const ran = new Promise<Ran>((resolve) => {
      child.on('close', (code, signal) => resolve({ code: code ?? (signal ? -1 : -2), out, err }));
    });
    return { process: child, ran };
  }

  run(...args: string[]): Promise<Ran> {
    return this.start(...args).ran;
  }

  /**
   * As `run`. Where this machine was too busy for the load, the verdict is rightly invalid and says so: then again, three times at
   * most.
   */
  async runLoad(...args: string[]): Promise<Ran> {
    for (let times = 1; ; times++) {
      const ran = await this.run(...args);
      const why = this.reasons;
      if (ran.code !== 3 || times === 3 || why.length === 0 || !why.every((reason) => tooBusy.test(reason))) return ran;
      console.log(`      once more, the machine was too busy: ${why.join('; ')}`);
    }
  }

  /** Why the newest run proves nothing. */
  get reasons(): readonly string[] {
    const file = join(this.folder, 'verdict.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as VerdictFile).reasons : [];
  }

  /** Whether a run of it has begun: from then on something may be owed. */
  get begun(): boolean {
    return this.#ids.length > 0;
  }

  get #ids(): readonly string[] {
    const runs = join(this.cwd, 'runs');
    if (!existsSync(runs)) return [];
    return readdirSync(runs)
      .filter((id) => existsSync(join(runs, id, 'owner.json')))
      .sort();
  }

  /** The newest run's folder. */
  get folder(): string {
    return join(this.cwd, 'runs', this.#ids.at(-1) ?? 'none');
  }

  get events(): JournalEvent[] {
    const text = readFileSync(join(this.folder, 'journal.ndjson'), 'utf8');
    // What follows the last newline is still being written; before the first there is nothing.
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JournalEvent);
  }

  /** Waits, at most two minutes, until the newest run's journal holds such an event. */
  async until(what: (event: JournalEvent) => boolean): Promise<void> {
    for (let round = 0; round < 600; round++) {
      if (
        existsSync(join(this.cwd, 'runs')) &&
        existsSync(join(this.folder, 'journal.ndjson')) &&
        this.events.some(what)
      )
        return;
      await sleep(200);
    }
    throw new Error('the journal never said so');
  }

  /** `kill -9` of the newest run's harness; with its watchdog, so that nobody puts back what is owed. */
  kill(harness: ChildProcess, ...also: 'watchdog'[]): void {
    if (also.length > 0) for (const pid of watchdogs(this.entry.mark)) process.kill(pid, 'SIGKILL');
    harness.kill('SIGKILL');
  }

  /** Waits, at most two minutes, until the watchdogs of a run have gone. */
  async watched({ mark } = this.entry): Promise<void> {
    for (let round = 0; round < 1200 && watchdogs(mark).length > 0; round++) await sleep(100);
  }

  /** The newest run's entry in the register. */
  get entry(): { readonly folder: string; readonly mark: string } {
    return JSON.parse(readFileSync(join(this.folder, 'owner.json'), 'utf8')) as { folder: string; mark: string };
  }

  /**
   * What is left of a run: processes, control groups, containers, networks and volumes that carry its mark, processes that
   * still wait or watch to put something back, mounts below its folder, and the cluster's folder.
   */
  residue({ folder, mark } = this.entry): string[] {
    const cluster = join(folder, 'cluster');
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    const groups = execFileSync('find', ['/sys/fs/cgroup', '-name', `*${mark}*`, '-type', 'd'], { encoding: 'utf8' });
    return [
      ...marked(mark).map((pid) => `process ${pid}`),
      ...waiting(mark).map((pid) => `process ${pid}, which waits`),
      ...watchdogs(mark).map((pid) => `process ${pid}, which watches`),
      ...leftInDocker(mark),
      ...mounts.split('\n').filter((line) => line.includes(mark) || line.includes(folder)),
      ...(existsSync(cluster) ? [cluster] : []),
      ...groups.split('\n').filter((line) => line !== ''),
    ];
  }
}

export const phase = (name: string) => (event: JournalEvent) =>
  event.kind === 'phase' && event.name === name && event.edge === 'start';
