import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Places } from '../run/folder.ts';
import { redact } from '../secrets.ts';

export interface Terminal {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly color: boolean;
  write(text: string): void;
}

/** What the outside world is to a command: only cli.ts makes one. */
export interface Ambient {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** Results. */
  readonly out: Terminal;
  /** Progress and errors. */
  readonly err: Terminal;
  /** Asks whoever sits at the terminal; absent where nobody does. */
  answer?(question: string): Promise<string>;
}

/** Folders by the XDG base directory specification. */
export function placesOf(ambient: Ambient, runs?: string): Places & { readonly cache: string } {
  const home = ambient.env['HOME'] || ambient.cwd;
  return {
    runs: resolve(ambient.cwd, runs ?? 'runs'),
    state: join(ambient.env['XDG_STATE_HOME'] || join(home, '.local', 'state'), 'ordeal', 'runs'),
    cache: join(ambient.env['XDG_CACHE_HOME'] || join(home, '.cache'), 'ordeal'),
  };
}

/** The scenarios that ordeal ships: beside the sources, or beside `dist` in the published package. */
export function shippedScenarios(): string {
  return shipped('scenarios');
}

/** The shapes of kind clusters, likewise. */
export function kindConfig(): string {
  return shipped('kind-config');
}

function shipped(folder: string): string {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const root = here.includes(`${join('dist', 'harness')}`) ? join(here, '..', '..', '..') : join(here, '..', '..');
  return join(root, folder);
}

/** A line for a terminal, without secrets: what is not ours to say must not move its cursor. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return `${redact(text).replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')}\n`;
}
