import { type ClusterSpec, RefusedError } from '../../model.ts';
import { beyondKind } from './config.ts';
import { beyondInotify } from './inotify.ts';
import { beyondMemory } from './meminfo.ts';
import { readShape, workersOf } from './shape.ts';

/** Everything for which such a cluster is not made, one sentence each. `own`: it would be ours, not one that is there. */
export async function refusals(spec: ClusterSpec, { own }: { readonly own: boolean }): Promise<string[]> {
  if (spec.kind === undefined) return ['the scenario does not say what it wants of a kind cluster'];
  const { shape, workerMemoryBytes } = spec.kind;
  const reasons = beyondKind(spec);
  try {
    const made = await readShape(shape);
    if (!own) return reasons;
    const memory = workerMemoryBytes && (await beyondMemory(workersOf(made), workerMemoryBytes));
    return [...reasons, memory, await beyondInotify(made)].filter((reason) => typeof reason === 'string');
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return [...reasons, error.message];
  }
}
