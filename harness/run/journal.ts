import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type EventBody, type Journal, type JournalEvent, type Millis, ScenarioError } from '../model.ts';
import { jsonWithoutSecrets } from './secrets.ts';

const flushEvery: Millis = 200;

export interface OpenJournal extends Journal, Disposable {
  flush(): void;
}

/**
 * Appends events to `<folder>/journal.ndjson`, one JSON object a line, flushed every 200 ms and synced at each phase.
 * `observer` sees each event as it is appended. `failed` is told once when the file can no longer be written:
 * a run without its recorder proves nothing.
 */
export function openJournal(
  folder: string,
  clock: Clock,
  observer: (event: JournalEvent) => void,
  failed: (error: Error) => void,
): OpenJournal {
  const file = openSync(join(folder, 'journal.ndjson'), 'a', 0o600);
  let lines: string[] = [];
  let broken = false;
  let closed = false;

  const flush = (sync = false) => {
    if (lines.length === 0 || broken || closed) return;
    const text = lines.join('');
    lines = [];
    try {
      const bytes = Buffer.from(text);
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
      if (sync) fsyncSync(file);
    } catch (error) {
      broken = true;
      failed(new Error('the journal cannot be written', { cause: error }));
    }
  };
  const timer = setInterval(flush, flushEvery);

  return {
    append(body: EventBody, at: Millis = clock.now()) {
      if (closed) return;
      const line = jsonWithoutSecrets({ t: at, ...body });
      lines.push(`${line}\n`);
      if (body.kind === 'phase' || body.kind === 'ended' || body.kind === 'began') flush(true);
      observer(JSON.parse(line) as JournalEvent);
    },
    flush: () => flush(true),
    [Symbol.dispose]() {
      clearInterval(timer);
      flush(true);
      closed = true;
      closeSync(file);
    },
  };
}

/**
 * Reads a journal back, in the order of time (some events are written after what followed them). A last line cut short by a crash is
 * dropped; throws a ScenarioError for any other line that is no event, and where there is no journal.
 */
export function readJournal(folder: string): JournalEvent[] {
  const path = join(folder, 'journal.ndjson');
  const lines = textOf(path).split('\n');
  const whole = lines.at(-1) === '';
  if (whole) lines.pop();
  const events = lines.flatMap((line, index) => {
    const event = eventOf(line);
    if (event) return [event];
    if (index === lines.length - 1 && !whole) return [];
    throw new ScenarioError([`${path}:${index + 1}:1: not an event; expected a JSON object with "t" and "kind"`]);
  });
  return events.sort((one, other) => one.t - other.t);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ScenarioError([`${path}: cannot be read: ${(error as Error).message}`], { cause: error });
  }
}

function eventOf(line: string): JournalEvent | undefined {
  try {
    const event = JSON.parse(line) as Partial<JournalEvent> | null;
    return typeof event?.t === 'number' && typeof event.kind === 'string' ? (event as JournalEvent) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
