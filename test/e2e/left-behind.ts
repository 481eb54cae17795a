import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';

const linesIn = (text: string) => text.split('\n').filter((line) => line !== '');

/** Nothing where there is no docker, or none that answers: then nobody made anything in it. */
function docker(...args: string[]): string[] {
  const { status, stdout } = spawnSync('docker', args, { encoding: 'utf8' });
  return status === 0 ? linesIn(stdout) : [];
}

/** Everything in docker that carries the mark, in its name or in a label. */
export function leftInDocker(mark: string): string[] {
  return [
    ...docker('ps', '-a', '--format', 'container {{.Names}} {{.Labels}}'),
    ...docker('network', 'ls', '--format', 'network {{.Name}} {{.Labels}}'),
    ...docker('volume', 'ls', '--format', 'volume {{.Name}} {{.Labels}}'),
  ].filter((line) => line.includes(mark));
}

export type HostState = Readonly<Record<string, readonly string[]>>;

/** The parts of this host that node containers change: what docker has, mounts, interfaces, and control groups of containers. */
export function thisHost(): HostState {
  const mounts = linesIn(readFileSync('/proc/self/mountinfo', 'utf8')).map((line) =>
    line.split(' ').slice(3, 5).join(' '),
  );
  const links = linesIn(readFileSync('/proc/net/dev', 'utf8')).flatMap(
    (line) => /^\s*([^\s:|]+):/.exec(line)?.[1] ?? [],
  );
  // Groups of others come and go meanwhile: then find says so with its exit code.
  const groups = ['/sys/fs/cgroup', '-regextype', 'posix-extended', '-type', 'd', '-regex', '.*[0-9a-f]{64}.*'];
  return {
    containers: docker('ps', '-aq', '--no-trunc').sort(),
    networks: docker('network', 'ls', '-q', '--no-trunc').sort(),
    volumes: docker('volume', 'ls', '-q').sort(),
    mounts: mounts.sort(),
    links: links.sort(),
    groups: linesIn(spawnSync('find', groups, { encoding: 'utf8' }).stdout).sort(),
  };
}

/** Ours must be gone at once: `residue` says so. Others' containers may come and go meanwhile; here they have a minute to go. */
export async function expectAsBefore(before: HostState, now: () => HostState = thisHost): Promise<void> {
  for (let tries = 0; tries < 30 && JSON.stringify(now()) !== JSON.stringify(before); tries++) await sleep(2_000);
  expect(now()).to.deep.equal(before);
}
