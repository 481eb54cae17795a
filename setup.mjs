// Runs on any Node, before `npm start` and `npm test`: `npm ci` when node_modules is missing or stale.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const stamp = `${root}node_modules/.ordeal-setup`;
const node = `${root}node_modules/.bin/node`;
const wanted = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');
const present = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && existsSync(node);

if (!present) {
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const run = (...args) => {
    const { status } = spawnSync(npm[0], [...npm.slice(1), ...args], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (status !== 0) process.exit(status ?? 1);
  };
  console.log('setting up: npm ci');
  run('ci', '--no-audit', '--no-fund');
  // An npm that does not run install scripts by itself leaves the package `node` without its binary.
  if (spawnSync(node, ['--version']).status !== 0) run('rebuild', 'node', '--foreground-scripts');
  writeFileSync(stamp, wanted);
}
