import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tryDocker } from '../../docker.ts';
import { type Node, ToolError } from '../../model.ts';
import { redact } from '../identities.ts';
import type { Environment } from './cli.ts';

/** Most of one log that is kept, its end, in bytes. */
const MOST = 4 * 1024 * 1024;

const UNITS = ['kubelet', 'containerd'];
/** Names of the static pods' and other kube-system pods' logs, one a line. */
const LIST = 'ls /var/log/pods/kube-system_*/*/*.log 2>/dev/null; exit 0';

/** The console of each node, the journal of kubelet and containerd and the logs of kube-system's pods, the last 4 MiB each, secrets removed. What a node does not tell is said in its place. */
export async function keepLogs(nodes: readonly Node[], folder: string, env: Environment): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Promise.all(nodes.map((node) => keepLogsOf(node, folder, env)));
}

async function keepLogsOf(node: Node, folder: string, env: Environment): Promise<void> {
  const write = (name: string, text: string) =>
    writeFile(join(folder, `${node.name}.${name}.log`), redactKeys(redact(text)));
  const keep = async (name: string, command: string, ...args: readonly string[]) => {
    const text = await said(node, ['sh', '-c', `${command} | tail -c ${MOST}`, name, ...args]);
    await write(name, text);
  };
  if (node.ref.via === 'docker') {
    const { stdout, stderr } = await tryDocker(['logs', '--tail', '2000', node.ref.container], { env });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is taken out
    await write('console', (stdout + stderr).replaceAll(/\u001b\[[\d;]*m/g, ''));
  }
  for (const unit of UNITS) {
    await keep(unit, 'journalctl --no-pager --output=short-iso-precise --unit="$1" 2>&1', unit);
  }
  const paths = (await said(node, ['sh', '-c', LIST])).split('\n').filter((path) => path.startsWith('/var/log/pods/'));
  for (const path of paths) {
    // /var/log/pods/<namespace>_<pod>_<uid>/<container>/<restarts>.log
    const [, , , , pod = '', container = '', file = ''] = path.split('/');
    const name = `${pod.split('_')[1]}.${container}.${file.replace('.log', '')}`;
    await keep(name, 'cat "$1"', path);
  }
}

async function said(node: Node, command: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await node.exec(command, { timeout: 20_000 });
    return stdout || stderr;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return `could not be read: ${error.message}\n`;
  }
}

const redactKeys = (text: string) =>
  text.replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gs, '<redacted>');
