import { ToolError } from '../model.ts';
import { redact } from '../secrets.ts';
import { pasteable, run } from '../tools/command.ts';
import { type Files, NAME } from './kwokctl.ts';

/** Nothing of our own environment reaches the components: no proxies, no ETCD_ or KWOK_ variables. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Has kwokctl start the launchers; resolves when all are started, not when they are ready. Throws `ToolError`. */
export async function startByKwokctl(program: string, made: Files, mark: string, signal: AbortSignal): Promise<void> {
  const env = { KWOK_WORKDIR: made.folder, HOME: made.folder, PATH: `${made.bin}:${PATH}`, ORDEAL_MARK: mark };
  const command = { program, args: ['create', 'cluster', '--name', NAME, '--config', made.config] };
  const { exitCode, lastLines } = await run({ ...command, cwd: made.folder, env, signal });
  if (exitCode === 0) return;
  throw new ToolError('kwokctl could not create the cluster', {
    command: pasteable(command, env),
    ...(exitCode !== undefined && { exitCode }),
    lastLines: lastLines.map(redact),
  });
}
