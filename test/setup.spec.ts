import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const script = readFileSync(fileURLToPath(new URL('../setup-debian.sh', import.meta.url)), 'utf8');

/** Where every package is there already, sudo needs no password, and docker answers or does not start. */
describe('the set-up of Debian', () => {
  let folder: string;
  let policy: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ordeal-setup-'));
    policy = join(folder, 'policy-rc.d');
    mkdirSync(join(folder, 'bin'));
    const programs: Readonly<Record<string, string>> = {
      ...Object.fromEntries(['chromium', 'ss', 'nginx', 'iptables', 'dpkg', 'docker'].map((name) => [name, 'exit 0'])),
      sudo: 'exec "$@"',
      dockerd: 'echo "no cgroups"; exit 1',
      systemctl: 'echo "no cgroups"; exit 1',
    };
    for (const [name, body] of Object.entries(programs)) program(name, body);
  });

  const program = (name: string, body: string) =>
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });

  const setUp = () =>
    execFileSync('bash', ['--norc', '-c', script.replaceAll('/usr/sbin/policy-rc.d', policy)], {
      env: { PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, TMPDIR: folder, HOME: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    });

  it('removes what a script that was killed left behind, and nobody else’s policy', () => {
    const left = /printf '(#!\/bin\/sh.*?)'/.exec(script)?.[1]?.replaceAll('\\n', '\n') ?? expect.fail('no policy');
    writeFileSync(policy, left);
    setUp();
    expect(existsSync(policy)).to.equal(false);
    writeFileSync(policy, '#!/bin/sh\nexit 101\n');
    setUp();
    expect(existsSync(policy)).to.equal(true);
  });

  it('follows no link that somebody planted for its log', () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'mine');
    symlinkSync(victim, join(folder, 'ordeal-dockerd.log'));
    program('docker', 'exit 1');
    expect(setUp()).to.match(/docker does not answer: no cgroups/);
    expect(readFileSync(victim, 'utf8')).to.equal('mine');
    expect(readdirSync(folder).filter((name) => /^ordeal-dockerd\.\w+\.log$/.test(name))).to.have.length(1);
  });
});
