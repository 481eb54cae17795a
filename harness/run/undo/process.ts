import { setTimeout as sleep } from 'node:timers/promises';
import type { Debt } from '../../model.ts';
import { marked, standing } from '../../process.ts';

/** A process that is gone, or whose number another one has by now, is paid. Going on is no news to one that goes. */
export async function resumeProcess({ pid, start, mark }: Extract<Debt, { undo: 'resume-process' }>): Promise<void> {
  if (!standing({ pid, start })) return;
  if (!marked(mark).includes(pid)) {
    // It may have ended while we looked.
    if (!standing({ pid, start })) return;
    throw new Error(`not ours, left alone: process ${pid} does not carry this run's mark`);
  }
  for (let round = 0; round < 100; round++) {
    try {
      process.kill(pid, 'SIGCONT');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await sleep(20);
    if (standing({ pid, start })?.stopped !== true) return;
  }
  throw new Error(`process ${pid} stays stopped`);
}
