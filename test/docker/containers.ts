import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { docker, dockerUnavailable, tryDocker } from '../../harness/docker.ts';
import { skip } from '../skip.ts';

const label = `ordeal.test=${process.pid}`;
const image = `localhost/ordeal-test-busybox:${process.pid}`;
const applets = ['sh', 'cat', 'sleep', 'timeout', 'head', 'base64', 'tr', 'ps', 'touch', 'ls', 'kill', 'grep'];
const program = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));

/** Makes an image of this host's busybox, without any registry; skips where there is no docker or no busybox that needs no library. */
export async function requireContainers(context: Context): Promise<void> {
  const unavailable = await dockerUnavailable();
  if (unavailable !== undefined) skip(context, unavailable);
  if (program === undefined) skip(context, 'this host has no busybox to make an image of');
  const root = mkdtempSync(join(tmpdir(), 'ordeal-test-image-'));
  mkdirSync(join(root, 'bin'));
  mkdirSync(join(root, 'tmp'));
  copyFileSync(program, join(root, 'bin', 'busybox'));
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet));
  execFileSync('sh', ['-c', `tar -C "$0" -c . | docker import - ${image}`, root], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  rmSync(root, { recursive: true });
  const tried = await tryDocker(['run', '--rm', '--network', 'none', image, '/bin/sh', '-c', 'true']);
  if (tried.exitCode !== 0) skip(context, `a container of this host's busybox does not run: ${tried.stderr.trim()}`);
}

/** The full id of a container that sleeps. */
export async function startContainer(...options: readonly string[]): Promise<string> {
  const network = options.includes('--network') ? [] : ['--network', 'none'];
  const args = ['run', '-d', '--label', label, ...network, ...options, image, '/bin/sleep', '600'];
  return (await docker(args)).trim();
}

export async function removeTestContainers(): Promise<void> {
  if ((await dockerUnavailable()) !== undefined) return;
  const ids = (await docker(['ps', '-aq', '--filter', `label=${label}`])).split('\n').filter((id) => id !== '');
  if (ids.length > 0) await tryDocker(['unpause', ...ids]);
  if (ids.length > 0) await docker(['rm', '-f', '-v', ...ids]);
  await tryDocker(['rmi', image]);
}

export async function stateOf(container: string): Promise<string> {
  return (await tryDocker(['inspect', '-f', '{{.State.Status}}', container])).stdout.trim() || 'gone';
}
