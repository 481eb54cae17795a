import { delimiter, join } from 'node:path';
import { dockerEndpoint } from '../../docker.ts';
import { type Millis, ToolError } from '../../model.ts';
import { pasteable, run } from '../../tools/command.ts';
import { redact } from '../identities.ts';
import { kindConfigFolder } from './shape.ts';

/**
 * Of our own environment only what leads to the docker daemon reaches kind: it would hand our proxies on to the nodes, and so would the
 * user's docker configuration. Hence no HOME, and the context's endpoint instead of the context.
 */
const PASSED = ['DOCKER_HOST', 'DOCKER_CONFIG', 'DOCKER_CERT_PATH', 'DOCKER_TLS_VERIFY'];

export type Environment = Readonly<Record<string, string | undefined>>;

export const STANDARD: Environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

/** Lines of a Go stack, which kubeadm and kind print after what matters. */
const STACK = /^\s|^$|^[\w./-]+\.(?:\(\*?\w+\)\.)?[\w.]+$/;

export interface KindCli {
  /** Path of the program. */
  readonly program: string;
  /** Its HOME. */
  readonly folder: string;
  readonly mark: string;
  readonly env: Environment;
}

export interface KindOptions {
  readonly signal: AbortSignal;
  readonly timeout: Millis;
  /** Variables besides those that it always has. */
  readonly settings?: Environment;
}

/**
 * Runs the kind CLI with our docker front before docker, and gives its standard output. It and the docker clients that it
 * starts carry the mark. Rejects with `ToolError`, its last lines without secrets, or with the signal's reason.
 */
export async function kindCli(cli: KindCli, args: readonly string[], options: KindOptions): Promise<string> {
  const passed = PASSED.flatMap((name) => (cli.env[name] === undefined ? [] : [[name, cli.env[name]] as const]));
  const endpoint = await endpointOf(cli);
  const settings = {
    PATH: [join(kindConfigFolder(), 'docker-front'), cli.env['PATH'] || STANDARD['PATH']].join(delimiter),
    ORDEAL_MARK: cli.mark,
    KIND_EXPERIMENTAL_PROVIDER: 'docker',
    ...options.settings,
  };
  const command = { program: cli.program, args };
  const late = AbortSignal.timeout(options.timeout);
  const failure = (message: string, details: { exitCode?: number; lastLines?: readonly string[] } = {}) =>
    new ToolError(message, { command: pasteable(command, settings), ...details });
  try {
    const env = { HOME: cli.folder, ...Object.fromEntries(passed), ...endpoint, ...settings };
    const signal = AbortSignal.any([options.signal, late]);
    const done = await run({ ...command, env, signal, onLine: (line) => STACK.test(line) });
    if (done.exitCode === 0) return done.stdout;
    throw failure(`kind ${args.slice(0, 2).join(' ')} failed`, { ...done, lastLines: done.lastLines.map(redact) });
  } catch (error) {
    if (error !== late.reason || options.signal.aborted) throw error;
    throw failure(`kind ${args.slice(0, 2).join(' ')} was not done within ${options.timeout / 1_000} s`);
  }
}

/** Asked once for all that one cluster needs: who changes the context meanwhile does not split it over two daemons. */
const endpoints = new WeakMap<KindCli, Promise<Environment>>();

function endpointOf(cli: KindCli): Promise<Environment> {
  const known = endpoints.get(cli) ?? dockerEndpoint(cli.env);
  endpoints.set(cli, known);
  return known;
}
