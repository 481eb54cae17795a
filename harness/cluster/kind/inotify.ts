import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Shape } from './shape.ts';

const LIMIT = '/proc/sys/fs/inotify/max_user_instances';
/** Measured with Kubernetes 1.36: systemd, containerd, kubelet and a journal's follower of each node, and the control plane's own components. */
const NEEDED = { 'control-plane': 31, worker: 17 } as const;

/**
 * Why these nodes would not start, if so: their processes are all root's, and root has only so many inotify instances (128
 * by default). What cannot be counted here is not refused: then systemd in the node says "Too many open files".
 */
export async function beyondInotify(shape: Shape): Promise<string | undefined> {
  const most = Number(await readFile(LIMIT, 'utf8').catch(() => '0'));
  if (most === 0 || process.getuid?.() !== 0) return undefined;
  const used = await instances();
  const needed = shape.nodes.reduce((sum, { role }) => sum + NEEDED[role], 0);
  if (used + needed <= most) return undefined;
  return `the nodes need about ${needed} inotify instances, and of the ${most} that this host allows ${used} are in use: end other clusters, or raise fs.inotify.max_user_instances`;
}

/** In use by root's processes. One that is inherited counts twice: few are. */
async function instances(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  let count = 0;
  for (const pid of pids) {
    // Gone meanwhile, or another user's.
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')));
    count += targets.filter((target) => target === 'anon_inode:inotify').length;
  }
  return count;
}
