import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolError } from '../model.ts';
import { type Launched, launched } from './launcher.ts';

const EVERY = 50;

export interface Launching {
  readonly name: string;
  /** A launcher; the program runs in its folder. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Gets what it writes. */
  readonly log: string;
}

/** Starts a program beside the components. Its launcher is nobody's child: the run's debt ends it, and our signals are not for it. Throws ToolError. */
export async function launch({ name, script, args, env, log: path }: Launching): Promise<ChildProcess> {
  const log = openSync(path, 'a', 0o600);
  try {
    const child = spawn(script, args, { cwd: join(script, '..'), env, detached: true, stdio: ['ignore', log, log] });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new ToolError(`${name}: ${error.message}`, { command: script })));
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** Resolves when the launcher has started the program. Throws the signal's reason. */
export async function processesOf(state: string, name: string, signal: AbortSignal): Promise<Launched> {
  for (;;) {
    const processes = launched(state, name);
    if (processes) return processes;
    await sleep(EVERY, undefined, { signal });
  }
}
