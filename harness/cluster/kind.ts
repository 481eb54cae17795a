import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dockerUnavailable } from '../docker.ts';
import type { ClusterProvider } from '../model.ts';
import { STANDARD } from './kind/cli.ts';
import { machinesOf } from './kind/machines.ts';
import { type KindOptions, Making } from './kind/making.ts';
import { refusals } from './kind/refusals.ts';

export type { KindOptions } from './kind/making.ts';

/** Real kubelets: a cluster of docker containers, by the kind CLI; one of our own, or one that the user has. */
export function kind(options: KindOptions): ClusterProvider {
  const env = options.env ?? STANDARD;
  const own = options.existing === undefined;
  return {
    name: 'kind',
    async unavailable(spec) {
      if (!existsSync('/proc/self/environ')) return 'it needs Linux: what runs is read back from /proc';
      if (own && options.image === undefined) return 'there is no node image';
      const docker = await dockerUnavailable({ env });
      if (docker !== undefined) return docker;
      const reasons = await refusals(spec, { own });
      if (options.existing !== undefined) {
        const machines = await machinesOf(options.existing, env);
        if (machines.length === 0) return `docker has no kind cluster "${options.existing}"`;
        const { mark } = machines.find((machine) => machine.mark !== '') ?? {};
        if (mark) reasons.push(`the kind cluster "${options.existing}" belongs to a run of ordeal (${mark})`);
      }
      return reasons.length === 0 ? undefined : reasons.join('; ');
    },
    async create(spec, run) {
      const making = new Making(spec, run, options);
      try {
        return await making.make();
      } catch (error) {
        // The run's ledger pays then; an interrupted creation must end at once.
        run.signal.throwIfAborted();
        // What could not be put back stays on the books.
        await making.undo(join(run.folder, 'logs')).catch(() => undefined);
        throw error;
      }
    },
  };
}
