#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type Ambient, plain, type Terminal } from './commands/ambient.ts';
import { InterruptedError } from './model.ts';

/** Finds package.json upwards: sources and the published `dist` lie at different depths. */
function versionOf(url: string): string {
  for (let at = new URL('.', url); at.pathname !== '/'; at = new URL('..', at)) {
    try {
      return (JSON.parse(readFileSync(new URL('package.json', at), 'utf8')) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error('package.json is missing');
}

const { env } = process;
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) {
  process.on(signal, () => stop.abort(new InterruptedError(`interrupted by ${signal}`)));
}

let crash: unknown;
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  // What a run owes must be paid even then: end it as an error, not with the process.
  process.on(event, (error) => {
    crash ??= error;
    stop.abort(error);
  });
}
// Who read our output may leave; the run goes on, and cleans up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

function terminal(stream: NodeJS.WriteStream): Terminal {
  const color = stream.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return { isTTY: stream.isTTY, columns: stream.columns || 80, color, write: (text) => void stream.write(text) };
}

async function answer(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // Who closes the terminal has not agreed.
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    return await Promise.race([lines.question(question, { signal: stop.signal }), closed]);
  } finally {
    lines.close();
  }
}

const ambient: Ambient = {
  env,
  cwd: process.cwd(),
  signal: stop.signal,
  version: versionOf(import.meta.url),
  out: terminal(process.stdout),
  err: terminal(process.stderr),
  ...(process.stdin.isTTY && process.stderr.isTTY && { answer }),
};

let exitCode = 0;
const done = (code: number) => {
  exitCode = code;
};
const attempts = (value: string) => {
  if (!/^[1-9]$/.test(value)) throw new InvalidArgumentError('expected a number from 1 to 9.');
  return Number(value);
};
const collect = (value: string, all: readonly string[]) => [...all, value];

const program = new Command('ordeal')
  .description('Turns Kubernetes postmortems into experiments that anyone can run.')
  .version(ambient.version)
  .showSuggestionAfterError()
  .exitOverride()
  .addHelpText(
    'after',
    `
Exit codes: 0 passed · 1 failed · 2 bad input or refused, nothing was started · 3 invalid, nothing was proved
            4 something could not be put back · 130 interrupted, and clean

Examples:
  $ ordeal list
  $ ordeal prove list-flood
  $ ordeal run list-flood --variant stock --set pods=5000
  $ ordeal suite suites/embedded.yaml
  $ ordeal prove memory-stress --cluster kind
  $ ordeal report last`,
  );

const targeting = (command: Command) =>
  command
    .option('--tools-dir <folder>', 'take outside programs from this folder first')
    .option('--cluster <where>', 'embedded, kind, or kind:NAME for a kind cluster that you have (it is never deleted)')
    .option('--image <reference>', "a node image for kind; the project's own, made without a registry, by default");

const reaching = (
  command: Command,
  what = 'play on a cluster that you have, by a context of your kubeconfig; never without this',
) =>
  command
    .option('--context <name>', what)
    .option('--kubeconfig <file>', 'the kubeconfig with that context; $KUBECONFIG or ~/.kube/config by default')
    .hook('preAction', async () => {
      const { kubeconfig, context } = command.opts();
      if (context === undefined) return;
      const { configPath, kubeconfigPath } = await import('./commands/target.ts');
      command.setOptionValue('kubeconfig', kubeconfigPath(kubeconfig, ambient));
      command.setOptionValue('config', configPath(ambient));
    });

const choosing = (command: Command) =>
  reaching(
    targeting(command).addOption(
      new Option('--set <name=value>', "change one of the scenario's parameters (repeatable)")
        .argParser(collect)
        .default([], 'none'),
    ),
  );

const playing = (command: Command) =>
  command
    .option('--runs-dir <folder>', 'keep runs here', 'runs')
    .addOption(
      new Option(
        '--attempts <number>',
        'play a run that proves nothing, and in which nothing broke, again, so often at most',
      )
        .argParser(attempts)
        .default(1),
    )
    .option('--yes', 'agree beforehand to what is done to a cluster that you have')
    .option('--quiet', 'print the verdict only')
    .option('--json', 'print the verdict as JSON to standard output');

playing(choosing(program.command('run <scenario...>').description('play scenarios and judge their limits')))
  .option('--variant <name>', 'the variant to play')
  .action(async (scenarios: string[], options) =>
    done(await (await import('./commands/run.ts')).run(scenarios, options, ambient)),
  );

playing(
  choosing(
    program.command('prove <scenario>').description('show each vulnerable variant broken and each hardened one sound'),
  ),
)
  .option('--variants <names>', 'only these, separated by commas')
  .action(async (scenario: string, options) =>
    done(await (await import('./commands/prove.ts')).prove(scenario, options, ambient)),
  );

playing(
  reaching(
    targeting(
      program
        .command('suite <file>')
        .description('play a list of scenarios, one after another: one summary, one JUnit file, one exit code'),
    ),
  ),
).action(async (file: string, options) =>
  done(await (await import('./commands/suite.ts')).suite(file, options, ambient)),
);

program
  .command('list')
  .description('the scenarios that are there')
  .option('--json', 'as JSON')
  .action(async (options) => done(await (await import('./commands/list.ts')).list(options, ambient)));

choosing(
  program.command('plan <scenario>').description('what would be done, with which tools, and why it cannot run here'),
)
  .option('--variant <name>', 'the variant to plan')
  .option('--json', 'as JSON')
  .action(async (scenario: string, options) =>
    done(await (await import('./commands/plan.ts')).plan(scenario, options, ambient)),
  );

reaching(
  program.command('allow').description('look at a cluster that you have, and put it on the allow-list, ordeal.yaml'),
  'the cluster, by a context of your kubeconfig',
)
  .option('--yes', 'without asking')
  .action(async (options) => done(await (await import('./commands/allow.ts')).allow(options, ambient)));

program
  .command('report <run>')
  .description('judge a run again from its journal, and write its reports anew (an id, a folder, or "last")')
  .option('--runs-dir <folder>', 'where runs are kept', 'runs')
  .option('--json', 'print the verdict as JSON to standard output')
  .action(async (name: string, options) =>
    done(await (await import('./commands/report.ts')).report(name, options, ambient)),
  );

reaching(
  program.command('clean').description('put back what runs that died still owe'),
  'look into the books of a cluster that you have, too: what runs of any machine owe there',
)
  .option('--runs-dir <folder>', 'where runs are kept', 'runs')
  .addOption(
    new Option(
      '--take-over <run>',
      "pay for this run too: you trust its folder although your index does not know it, or its harness's container is gone (repeatable)",
    )
      .argParser(collect)
      .default([], 'none'),
  )
  .action(async (options) => done(await (await import('./commands/clean.ts')).clean(options, ambient)));

reaching(
  program
    .command('stop [run]')
    .description(
      'the kill switch: halt every run on this machine, and let none begin until it is lifted; or halt one run',
    ),
  'halt every run in a cluster that you have, of any machine, and let none begin there',
)
  .option('--lift', 'let runs begin again')
  .action(async (run: string | undefined, options) =>
    done(await (await import('./commands/stop.ts')).stop(run, options, ambient)),
  );

program
  .command('doctor')
  .description('what this machine has, and what is missing')
  .option('--tools-dir <folder>', 'take outside programs from this folder first')
  .action(async (options) => done(await (await import('./commands/doctor.ts')).doctor(options, ambient)));

program
  .command('tools')
  .description('make what runs need beforehand')
  .command('kind-node-image')
  .description('build the node image for kind from package registries alone, or say that it is there')
  .option('--tag <reference>', 'give it this name too')
  .option('--save <file>', 'write it to a file, for machines without a network')
  .option('--force', 'build it anew')
  .option('--tools-dir <folder>', 'take outside programs from this folder first')
  .action(async (options) => done(await (await import('./commands/tools.ts')).kindNodeImage(options, ambient)));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (stop.signal.reason instanceof InterruptedError) {
    ambient.err.write(`${stop.signal.reason.message}\n`);
    exitCode = 130;
  } else {
    const known =
      error instanceof Error && ['ScenarioError', 'ToolError', 'ClusterError', 'RefusedError'].includes(error.name);
    ambient.err.write(plain(known ? error.message : `${(error as Error).stack ?? error}`));
    exitCode = known ? 2 : 3;
  }
}
if (crash !== undefined) {
  ambient.err.write(plain(`${crash instanceof Error ? crash.stack : crash}`));
  exitCode = exitCode === 4 ? 4 : 3;
}
process.exit(exitCode);
