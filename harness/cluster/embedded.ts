import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterProvider, RefusedError } from '../model.ts';
import { Making } from './making.ts';
import type { Tools } from './write.ts';

/** Another process may take a port between our looking and the component's binding. */
const ATTEMPTS = 3;

/** A real control plane as processes of this host, by kwokctl's binary runtime; kwok plays the nodes. Everything is on loopback. */
export function embedded(tools: Tools): ClusterProvider {
  return {
    name: 'embedded',
    async unavailable() {
      return existsSync('/proc/self/environ') ? undefined : 'it needs Linux: what runs is read back from /proc';
    },
    async create(spec, run) {
      if (/\s/.test(run.folder))
        throw new RefusedError(
          `${run.folder} holds a blank, at which kwokctl cuts its paths: run ordeal in another folder`,
        );
      for (let attempt = 1; ; attempt += 1) {
        const making = new Making(spec, run, tools);
        try {
          return await making.make();
        } catch (error) {
          // The run's ledger pays then; an interrupted creation must end at once.
          run.signal.throwIfAborted();
          await making.undo(join(run.folder, 'logs'));
          if (attempt === ATTEMPTS || !/address already in use/i.test(String(error))) throw error;
          run.journal.append({ kind: 'progress', text: 'a port was taken meanwhile; once more with others' });
        }
      }
    },
  };
}
