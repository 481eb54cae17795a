import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { skip } from './skip.ts';

const entry = fileURLToPath(new URL('../ordeal.cjs', import.meta.url));
const quick = fileURLToPath(new URL('e2e/scenarios/kind-quick', import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'ordeal-refused-'));
// Nothing of it needs a docker.
const env = { ...process.env, XDG_STATE_HOME: join(cwd, 'state'), DOCKER_HOST: 'unix:///nobody/listens/here.sock' };

const refusals: readonly { what: string; args: readonly string[]; says: RegExp }[] = [
  {
    what: 'hogs of more than the node would have',
    args: ['--variant', 'hungry', '--set', 'hog=2GiB'],
    says: /fault memory-hog: one hog of 2048 MiB is more than a worker has \(1024 MiB\)/,
  },
  {
    what: 'a limit above what the node would have',
    args: ['--variant', 'limited', '--set', 'limit=2GiB'],
    says: /fault limit-node-memory: 2048 MiB are more than a worker has \(1024 MiB\)/,
  },
  {
    what: 'a limit with which no node lives',
    args: ['--variant', 'limited', '--set', 'limit=16MiB'],
    says: /memory.*(16|64)/,
  },
];

describe('a memory fault with a wrong parameter', function () {
  this.timeout(60_000);
  for (const { what, args, says } of refusals) {
    for (const command of ['plan', 'run']) {
      it(`is refused by ${command}, exit 2, before anything starts: ${what}`, () => {
        const { status, stdout, stderr } = spawnSync(process.execPath, [entry, command, quick, ...args], {
          cwd,
          env,
          encoding: 'utf8',
        });
        expect(status, stdout + stderr).to.equal(2);
        expect(stdout + stderr)
          .to.match(says)
          .and.not.to.match(/\n\s+at /);
        expect(existsSync(join(cwd, 'runs'))).to.equal(false);
        expect(existsSync(join(cwd, 'state'))).to.equal(false);
      });
    }
  }
});

describe('a server whose CPU time cannot be limited here', function () {
  this.timeout(60_000);
  const hidden = ['-m', 'sh', '-c', 'umount -l -a -t cgroup,cgroup2 && exec "$0" "$@"', process.execPath, entry];
  for (const command of ['plan', 'run']) {
    it(`is refused by ${command}, exit 2, before anything starts`, function () {
      if (process.getuid?.() !== 0) skip(this, 'control groups can be taken away by root only');
      const args = [...hidden, command, 'dns-ndots-fanout', '--variant', 'ndots-5'];
      const { status, stdout, stderr } = spawnSync('unshare', args, { cwd, env, encoding: 'utf8' });
      expect(status, stdout + stderr).to.equal(2);
      expect(stdout + stderr).to.include(
        'the CPU time of coredns cannot be limited: the control group file system is not',
      );
      expect(existsSync(join(cwd, 'runs'))).to.equal(false);
      expect(existsSync(join(cwd, 'state'))).to.equal(false);
    });
  }
});
