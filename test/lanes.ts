import { type ChildProcess, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/**
 * Runs the specs in two lanes side by side: those on kind clusters mostly wait, the others mostly compute. Whoever makes containers
 * goes with kind, whose specs compare what docker has before and after. What measures a server under load goes before
 * them, alone. With arguments: mocha with these, in one. Ends with the sum, `N passed, N failed, N skipped`; exits with 1 where a
 * test or a lane failed.
 */
interface Lane {
  readonly name: string;
  /** Made before its specs run; a failure only means that they are skipped. */
  readonly first?: readonly string[];
  readonly specs: readonly string[];
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Which test failed, was skipped or tried again, and why: said once more at the end, where nobody must look for it. */
const remarks: string[] = [];
const remark = /^(failed|skipped|again): /;

const root = fileURLToPath(new URL('..', import.meta.url));
const mocha = fileURLToPath(new URL('../node_modules/mocha/bin/mocha.js', import.meta.url));
const width = 5;
const summary = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;

/** From cold on two cores a lane takes 50 minutes. */
const deadline = 70 * 60_000;
const imageWithin = 45 * 60_000;
/** What a cut-off run of ours needs to put everything back. */
const grace = 120_000;
const running = new Set<ChildProcess>();
const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
for (const [signal, code] of Object.entries(signals)) process.once(signal, () => void endAll(code));

const asked = process.argv.slice(2);
if (asked.length > 0) {
  process.exitCode = await spoken([process.execPath, mocha, ...asked], console.log);
} else {
  const specs = globSync('test/**/*.spec.ts', { cwd: root }).sort();
  const inDocker = (spec: string) => /^test\/(e2e\/kind|docker\/|contracts\/)/.test(spec);
  const alone = ['test/e2e/list-flood.spec.ts', 'test/e2e/ingress.spec.ts'];
  // The node image takes minutes of both cores: the other lane goes before.
  const image = ['nice', '-n', '10', process.execPath, 'harness/cli.ts', 'tools', 'kind-node-image'];
  const first = await play({ name: 'alone', specs: alone });
  const both = await Promise.all([
    play({ name: 'here', specs: specs.filter((spec) => !inDocker(spec) && !alone.includes(spec)) }),
    play({
      name: 'kind',
      specs: specs.filter(inDocker),
      ...(process.env['ORDEAL_TEST_IMAGE'] === 'build' && { first: image }),
    }),
  ]);
  const sum = (key: keyof Counts) => [first, ...both].reduce((all, each) => all + each[key], 0);
  for (const line of remarks) console.log(line);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  process.exitCode = sum('failed') > 0 ? 1 : 0;
}

async function play({ name, first, specs }: Lane): Promise<Counts> {
  const tell = (line: string) => console.log(`${name.padEnd(width)}| ${line}`);
  if (first && (await spoken(first, tell, imageWithin)) !== 0)
    tell('there is no node image: tests on kind clusters are skipped');
  let counts: Counts | undefined;
  const code = await spoken([process.execPath, mocha, ...specs], (line) => {
    const [found, passed, failed, skipped] = summary.exec(line) ?? [];
    if (found !== undefined) counts = { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
    if (remark.test(line)) remarks.push(line);
    tell(line);
  });
  if (counts && (code === 0) === (counts.failed === 0)) return counts;
  tell(`mocha ended with ${code}${counts ? '' : ' and said nothing of its tests'}`);
  return { passed: 0, skipped: 0, ...counts, failed: Math.max(1, counts?.failed ?? 0) };
}

/** Runs a program in a group of its own, telling each line of both its streams; its exit code. Ended after `within` milliseconds. */
async function spoken(
  [program = '', ...args]: readonly string[],
  tell: (line: string) => void,
  within = deadline,
): Promise<number> {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  running.add(child);
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', tell);
  const { promise: exited, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('exit', (code) => resolve(code ?? 1));
  const closed = new Promise((resolve) => child.once('close', resolve));
  const late = setTimeout(() => void end(child), within);
  try {
    const code = await exited;
    // Somebody whom it started may hold its streams open for ever; what it said itself has come by then.
    await Promise.race([closed, sleep(2_000, undefined, { ref: false })]);
    return code;
  } finally {
    clearTimeout(late);
    running.delete(child);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** Mocha ends after its test, what the test runs puts everything back: both on an interrupt. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  process.kill(-child.pid, 'SIGINT');
  const patient = await Promise.race([ended.then(() => true), sleep(grace, false)]);
  if (!patient) process.kill(-child.pid, 'SIGKILL');
}

async function endAll(code: number): Promise<void> {
  await Promise.all([...running].map(end));
  process.exit(code);
}
