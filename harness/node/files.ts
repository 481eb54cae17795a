import { type Node, RefusedError, ToolError } from '../model.ts';
import { lastLinesOf } from '../program.ts';

/** Bytes kept of a file; more is cut off. */
export const mostOfAFile = 256 * 1024;

/** One line a file: its bytes in base64, or `-` when it is absent or refuses to be read. */
const script = `for path; do if [ -f "$path" ] && head -c 1 "$path" >/dev/null 2>&1
then head -c ${mostOfAFile} "$path" | base64 | tr -d '\\n'; echo; else echo -; fi; done`;

/** Small text files by a shell on the node; those that are absent or cannot be read are left out. */
export async function readByExec(exec: Node['exec'], paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  for (const path of paths) requireAbsolute(path);
  const command = ['sh', '-c', script, 'sh', ...paths];
  const { exitCode, stdout, stderr } = await exec(command);
  const lines = stdout.trimEnd().split('\n');
  if (exitCode !== 0 || (paths.length > 0 && lines.length !== paths.length)) {
    const details = { command: command.join(' '), exitCode, lastLines: lastLinesOf(stderr) };
    throw new ToolError('files of the node cannot be read', details);
  }
  return new Map(
    paths.flatMap((path, index) => {
      const line = lines[index] ?? '-';
      return line === '-' ? [] : [[path, Buffer.from(line, 'base64').toString()]];
    }),
  );
}

/** The node's own control group is the root of what it sees; on v1 a file lies below the controller that its name begins with. */
export async function readCgroupByExec(
  exec: Node['exec'],
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const root = '/sys/fs/cgroup';
  const places = names.map((name) => {
    const candidates = [`${root}/${controllerOf(name)}/${name}`, `${root}/${name}`, `${root}/unified/${name}`];
    return { name, candidates };
  });
  const found = await readByExec(
    exec,
    places.flatMap(({ candidates }) => candidates),
  );
  return new Map(
    places.flatMap(({ name, candidates }) => {
      const text = candidates.map((path) => found.get(path)).find((content) => content !== undefined);
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

export function requireAbsolute(path: string): void {
  if (path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..')) return;
  throw new RefusedError(`not an absolute path: ${path}`);
}

/** `memory` of `memory.oom_control`. */
export function controllerOf(name: string): string {
  if (!/^[a-z]\w*(\.\w+)+$/.test(name)) throw new RefusedError(`not a file of a control group: ${name}`);
  return name.slice(0, name.indexOf('.'));
}
