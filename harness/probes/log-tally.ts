import type { Labels, Millis, Run } from '../model.ts';
import type { KernelLine } from './kernel-lines.ts';
import { type LogSource, signaturesOf } from './signatures.ts';
import { Sums } from './sums.ts';
import type { UnitEntry } from './unit-log.ts';

/** Of one signature, node and minute so many are told; all are counted. */
const told = 5;
const minute = 60_000;
/** What is of the kernel itself where several nodes share it. */
const nobody = 'host';

/** Counts and tells what the lines of the nodes' logs mean. */
export class LogTally {
  readonly #run: Run;
  readonly #signatures: Sums;
  readonly #victims: Sums;
  readonly #told = new Map<string, number>();
  #minute = 0;

  constructor(run: Run) {
    this.#run = run;
    this.#signatures = new Sums(run, ['log.signatures']);
    this.#victims = new Sums(run, ['node.oom-victims']);
  }

  unit(node: string, { unit, source, message, wall }: UnitEntry, at: Millis): void {
    this.#match(node, unit, source, message, {}, at, wall);
  }

  kernel({ node = nobody, line, victim }: KernelLine): void {
    const now = this.#run.clock.now();
    if (victim) this.#victims.add('node.oom-victims', victim.labels, now, 1);
    const { victim: kind = '', qos = '', limit = '' } = victim?.labels ?? {};
    const who =
      kind === 'pod' ? `pod:${victim?.pod ?? 'unknown'}` : kind === 'other' ? (victim?.process ?? kind) : kind;
    this.#match(node, 'kernel', 'kernel', line, victim ? { victim: who, qos, limit } : {}, now);
  }

  flushSignatures(zeros: boolean): void {
    this.#signatures.flush(zeros);
  }

  flushVictims(zeros: boolean): void {
    this.#victims.flush(zeros);
  }

  #match(node: string, unit: string, source: LogSource, line: string, more: Labels, at: Millis, wall?: string): void {
    for (const { name: signature } of signaturesOf(line, source)) {
      const labels = { node, unit, signature };
      this.#signatures.add('log.signatures', labels, at, 1);
      if (!this.#tells(`${node} ${signature}`)) continue;
      const detail = printable(line).slice(0, 300);
      const seen = { kind: 'seen', what: 'log', subject: node, detail, labels: { ...labels, ...more } } as const;
      this.#run.journal.append({ ...seen, ...(wall && { wall }) }, at);
    }
  }

  #tells(key: string): boolean {
    const at = Math.floor(this.#run.clock.now() / minute);
    if (at !== this.#minute) this.#told.clear();
    this.#minute = at;
    const before = this.#told.get(key) ?? 0;
    this.#told.set(key, before + 1);
    return before < told;
  }
}

/** Without control characters and the colours of terminals; ids of containers as docker shortens them. */
function printable(line: string): string {
  return line
    .replaceAll(/\p{Cc}\[[\d;]*m/gu, '')
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .replaceAll(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1')
    .trim();
}
