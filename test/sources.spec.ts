import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));

describe('the sources', function () {
  this.timeout('3m');
  for (const [what, program, ...args] of [
    ['are formatted and linted', 'biome', 'check'],
    ['have the types they claim', 'tsc', '--noEmit'],
    ['hold scripts that k6 can take', 'tsc', '-p', 'tsconfig.k6.json', '--noEmit'],
  ] as const) {
    it(what, () => {
      execFileSync(bin(program), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
    });
  }
});
