import { ClusterError, type Debt } from '../../model.ts';
import { askRelay } from '../../relay/ask.ts';
import { isThereBelow } from './below.ts';

/** A relay that is gone has nothing to restore: the processes of its run end. */
const gone = new Set<number | string>(['ENOENT', 'ECONNREFUSED']);

/** Only of a relay below the run's folder, with no symbolic link on the way. */
export async function restoreLink(
  { path, mark }: Extract<Debt, { undo: 'restore-link' }>,
  below: string | undefined,
): Promise<void> {
  if (!(await isThereBelow(path, below))) return;
  try {
    const { fault } = await askRelay({ folder: path, mark }, { ask: 'restore' });
    if (fault !== undefined) throw new Error(`${path}: ${fault.what} is still in force`);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    // It has another run's mark.
    if (error.code === 'refused') throw new Error(`not ours, left alone: ${error.message}`, { cause: error });
    if (!gone.has(error.code)) throw error;
  }
}
