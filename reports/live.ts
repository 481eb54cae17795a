/** Progress while a run goes on: a reporter of the journal, which gets each event as it is appended. */
import type { JournalEvent } from '../harness/model.ts';
import { plainLines } from './live/lines.ts';
import { learn, newState, type State } from './live/state.ts';
import { frame } from './live/view.ts';
import { type Paint, painter } from './paint.ts';

export interface Out {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): unknown;
}

export interface Live {
  append(event: JournalEvent): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

const redrawEvery = 250;

/** In place on a terminal, by lines elsewhere, nothing when quiet. */
export function live(out: Out, { quiet, color }: { quiet: boolean; color: boolean }): Live {
  if (quiet) return { append: () => undefined, close: () => undefined };
  const state = newState();
  const paint = painter(color);
  if (out.isTTY) return inPlace(out, state, paint);
  const lines = plainLines(state, paint);
  return {
    append(event) {
      const news = learn(state, event);
      for (const line of lines(event, news)) out.write(`${line}\n`);
    },
    close: () => undefined,
  };
}

function inPlace(out: Out, state: State, paint: Paint): Live {
  let draw: ((text: string) => void) & { clear(): void } = Object.assign(() => undefined, { clear: () => undefined });
  let closed = false;
  let heard = performance.now();
  // Events may be far apart; between them time goes on by the same kind of clock.
  const now = () => state.now + (performance.now() - heard);
  const redraw = () => {
    if (!closed && state.name !== '') draw(frame(state, now(), out.columns, paint));
  };
  const loaded = import('log-update').then(({ createLogUpdate }) => {
    // The cursor stays: hiding it would need handlers of signals, which are not ours.
    draw = createLogUpdate(out as unknown as NodeJS.WritableStream, { showCursor: true });
    redraw();
  });
  loaded.catch((error: unknown) => out.write(`no live view: ${String(error)}\n`));
  const timer = setInterval(redraw, redrawEvery);
  timer.unref();
  return {
    append(event) {
      learn(state, event);
      heard = performance.now();
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      draw.clear();
    },
  };
}
