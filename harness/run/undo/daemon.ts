import { daemonId } from '../../docker.ts';
import type { Debt } from '../../model.ts';
import type { Clients } from '../../node/exec.ts';

/** What is ours by its mark, in the daemon that had it when it was owed. */
export type InDocker = Pick<Debt, 'mark' | 'daemon'>;

/** To be asked before "there is no such thing" counts as paid. Throws when another daemon answers than the one that is owed to. */
export async function requireSameDaemon({ daemon }: InDocker, env: Pick<Clients, 'env'>): Promise<void> {
  if (daemon === undefined) return;
  const answers = await daemonId(env);
  if (answers === daemon) return;
  throw new Error(
    `another docker answers (${answers}, not ${daemon}): say it again with DOCKER_HOST or the docker context as it was`,
  );
}
