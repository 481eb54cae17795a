import { join } from 'node:path';
import { type Executed, ToolError } from './model.ts';
import { lastLinesOf, type ProgramOptions, pasteable, runProgram } from './program.ts';

/** `env` is the client's whole environment (`DOCKER_HOST`, `PATH`…), that of the harness when absent; `timeout` 60 s. */
export type DockerOptions = ProgramOptions;

/** Runs the docker client of PATH and gives its standard output. Rejects with `ToolError` for an exit code too. */
export async function docker(args: readonly string[], options: DockerOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await tryDocker(args, options);
  if (exitCode === 0) return stdout;
  throw new ToolError(`docker ${args[0]} failed`, {
    command: pasteable('docker', args),
    exitCode,
    lastLines: lastLinesOf(stderr),
  });
}

/** As `docker`, but an exit code is for the caller to judge. */
export function tryDocker(args: readonly string[], options: DockerOptions = {}): Promise<Executed> {
  return runProgram('docker', args, options);
}

export const noClient = 'there is no docker client on PATH';

/** Why docker cannot be used, in one sentence, within five seconds; undefined when its daemon answers. */
export async function dockerUnavailable(options: Pick<DockerOptions, 'env'> = {}): Promise<string | undefined> {
  try {
    const { exitCode, stderr } = await tryDocker(['version', '--format', '{{.Server.Version}}'], {
      ...options,
      timeout: 5000,
    });
    if (exitCode === 0) return undefined;
    return `the docker daemon does not answer: ${lastLinesOf(stderr).at(-1) ?? `docker version exits with ${exitCode}`}`;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const missing = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    return missing ? noClient : 'the docker daemon does not answer within 5 s';
  }
}

/** Which daemon answers: no two have the same id. Rejects with `ToolError` when none does. */
export async function daemonId(options: DockerOptions = {}): Promise<string> {
  const args = ['info', '--format', '{{.ID}}'];
  const id = (await docker(args, options)).trim();
  // Some clients succeed although no daemon answers.
  if (id === '')
    throw new ToolError('the docker daemon does not say which it is', { command: pasteable('docker', args) });
  return id;
}

/**
 * What leads a client that does not see the user's configuration (another HOME) to the same daemon: nothing where DOCKER_HOST says it
 * already, else the endpoint of the current context. Rejects with `ToolError`.
 */
export async function dockerEndpoint(env: Environment): Promise<Environment> {
  if (env['DOCKER_HOST']) return {};
  const said = await docker(['context', 'inspect', '--format', '{{json .}}'], { env });
  const { Endpoints, TLSMaterial, Storage } = JSON.parse(said) as Context;
  const secured = (TLSMaterial?.docker ?? []).length > 0 && {
    DOCKER_CERT_PATH: join(Storage.TLSPath, 'docker'),
    [Endpoints.docker.SkipTLSVerify ? 'DOCKER_TLS' : 'DOCKER_TLS_VERIFY']: '1',
  };
  return { DOCKER_HOST: Endpoints.docker.Host, ...secured };
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Context {
  readonly Endpoints: { readonly docker: { readonly Host: string; readonly SkipTLSVerify?: boolean } };
  readonly TLSMaterial?: { readonly docker?: readonly string[] };
  readonly Storage: { readonly TLSPath: string };
}

/** What a container's full id looks like: nothing shorter is acted on. */
export const fullId = /^[0-9a-f]{64}$/;

/** Whether docker said that there is no such container, network or object: what was to be removed is gone. */
export const isGone = ({ exitCode, stderr }: Executed): boolean =>
  exitCode !== 0 && /No such (container|object|network)|network \S+ not found/i.test(stderr);
