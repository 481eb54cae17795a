import { globSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ambient } from '../../harness/commands/ambient.ts';

/** A kind of file that somebody writes by hand. */
export interface Target {
  /** The real ones. */
  readonly corpus: readonly string[];
  /** The name of the mutated file in its folder, in which the folder of the real one lies too. */
  readonly name: string;
  /** CPU time that its decoding may take at most, in milliseconds. */
  readonly within: number;
  /** Whether it is refused without a line: its parser knows none, or no line of it may be shown. */
  readonly unplaced?: true;
  /** Decodes it as the commands do. Rejects with a ScenarioError or a RefusedError where it is refused. */
  decode(file: string): Promise<unknown>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = (...patterns: string[]) =>
  globSync(patterns, { cwd: root })
    .sort()
    .map((file) => `${root}${file}`);
const silent = { isTTY: false, columns: 100, color: false, write: () => undefined };
const ambient: Ambient = {
  env: {},
  cwd: root,
  signal: new AbortController().signal,
  version: '0',
  out: silent,
  err: silent,
};

export const targets: Readonly<Record<string, Target>> = {
  scenario: {
    corpus: files('scenarios/*/scenario.yaml', 'test/e2e/scenarios/*/scenario.yaml'),
    name: 'scenario.yaml',
    within: 2_000,
    decode: async (file) => (await import('../../harness/commands/find.ts')).loadMany(dirname(file), { set: {} }),
  },
  suite: {
    corpus: files('suites/*.yaml'),
    name: 'suite.yaml',
    // As many scenarios as it may hold.
    within: 20_000,
    decode: async (file) => (await import('../../harness/commands/suite-plan.ts')).planSuite(file, {}, ambient),
  },
  config: {
    corpus: files('test/fuzz/corpus/config/*.yaml'),
    name: 'ordeal.yaml',
    within: 2_000,
    decode: async (file) => (await import('../../harness/scenario/config.ts')).readAllowed(file, file),
  },
  kubeconfig: {
    corpus: files('test/fuzz/corpus/kubeconfig/*.yaml'),
    name: 'kubeconfig',
    within: 10_000,
    unplaced: true,
    decode: async (file) => (await import('../../harness/access/kubeconfig.ts')).readAccess(file, 'shop'),
  },
};
