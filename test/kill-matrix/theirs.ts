import { setTimeout as sleep } from 'node:timers/promises';
import { startUsersCluster } from '../e2e/users-cluster.ts';

/** A cluster that somebody has, with an app of theirs, on the allow-list of whoever writes `allowed` to ordeal.yaml. */
export interface Theirs extends AsyncDisposable {
  /** What names it on a command line. */
  readonly args: readonly string[];
  readonly allowed: string;
  /** What is otherwise than before: `more: …`, `gone: …`. Its controllers have 20 s to settle. */
  different(): Promise<readonly string[]>;
}

export async function startTheirs(): Promise<Theirs> {
  const cluster = await startUsersCluster();
  try {
    await cluster.runApp();
    const before = await cluster.settled();
    const difference = async () => {
      const now = await cluster.state();
      const more = now.filter((line) => !before.includes(line)).map((line) => `more: ${line}`);
      return [...more, ...before.filter((line) => !now.includes(line)).map((line) => `gone: ${line}`)];
    };
    return {
      args: cluster.args,
      allowed: await cluster.allowed(),
      async different() {
        for (let tries = 0; tries < 20 && (await difference()).length > 0; tries++) await sleep(1_000);
        return difference();
      },
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    };
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}
