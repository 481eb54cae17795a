import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tryDocker } from '../../docker.ts';
import { type Millis, type Node, ToolError } from '../../model.ts';
import { redact } from '../../secrets.ts';
import type { Environment } from './cli.ts';

/** Most of one log that is kept, its end, in bytes. */
const MOST = 4 * 1024 * 1024;
/** Most logs that are kept, of all nodes together. */
const FILES = 50;
/** Longest that one is waited for, and all of them. */
const PATIENCE = { one: 10_000, all: 60_000 } as const satisfies Record<string, Millis>;

const UNITS = ['kubelet', 'containerd'];
/** Names of the static pods' and other kube-system pods' logs, one a line. */
const LIST = 'ls /var/log/pods/kube-system_*/*/*.log 2>/dev/null; exit 0';

/**
 * The console of each node, the journal of kubelet and containerd and the logs of kube-system's pods, the last 4 MiB each, secrets
 * removed; 50 files at most, for 60 s at most. What a node does not tell is said in its place, and a node that does not answer is asked nothing more.
 */
export async function keepLogs(
  nodes: readonly Node[],
  folder: string,
  env: Environment,
  end?: AbortSignal,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const signal = AbortSignal.any([AbortSignal.timeout(PATIENCE.all), ...(end ? [end] : [])]);
  const most = Math.max(1, Math.floor(FILES / nodes.length));
  await Promise.all(nodes.map((node) => keepLogsOf(node, { folder, most, env, signal })));
}

interface Keeping {
  readonly folder: string;
  /** How many files. */
  readonly most: number;
  readonly env: Environment;
  readonly signal: AbortSignal;
}

async function keepLogsOf(node: Node, { folder, most, env, signal }: Keeping): Promise<void> {
  let left = most;
  let silent = false;
  /** Undefined where the node did not answer in time, and why. */
  const said = async (what: string, ask: () => Promise<{ stdout: string; stderr: string }>) => {
    try {
      return await ask();
    } catch (error) {
      if (!signal.aborted && !(error instanceof ToolError)) throw error;
      silent = true;
      const why = signal.aborted ? 'there was no time left' : (error as Error).message;
      await write(what, `could not be read: ${why}\n`);
      return undefined;
    }
  };
  const write = async (name: string, text: string) => {
    left--;
    await writeFile(join(folder, `${node.name}.${name}.log`), redact(text), { mode: 0o600 });
  };
  const keep = async (name: string, command: string, ...args: readonly string[]) => {
    if (left <= 0 || silent) return;
    const bounded = ['sh', '-c', `${command} | tail -c ${MOST}`, name, ...args];
    const text = await said(name, () => node.exec(bounded, { timeout: PATIENCE.one, signal }));
    if (text) await write(name, text.stdout || text.stderr);
  };
  const { ref } = node;
  if (ref.via === 'docker') {
    const args = ['logs', '--tail', '2000', ref.container];
    const text = await said('console', () => tryDocker(args, { env, timeout: PATIENCE.one, signal }));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is taken out
    if (text) await write('console', (text.stdout + text.stderr).slice(-MOST).replaceAll(/\u001b\[[\d;]*m/g, ''));
  }
  for (const unit of UNITS) {
    await keep(unit, 'journalctl --no-pager --output=short-iso-precise --unit="$1" 2>&1', unit);
  }
  if (silent) return;
  const list = await said('pods', () => node.exec(['sh', '-c', LIST], { timeout: PATIENCE.one, signal }));
  for (const path of list?.stdout.split('\n').filter((line) => line.startsWith('/var/log/pods/')) ?? []) {
    // /var/log/pods/<namespace>_<pod>_<uid>/<container>/<restarts>.log
    const [, , , , pod = '', container = '', file = ''] = path.split('/');
    const name = `${pod.split('_')[1]}.${container}.${file.replace('.log', '')}`;
    await keep(name, 'cat "$1"', path);
  }
}
