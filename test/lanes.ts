import { type ChildProcess, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/**
 * Runs the specs in lanes side by side: those on kind clusters and those that play whole runs on embedded ones mostly wait, the others
 * mostly compute. Whoever makes containers goes with kind, whose specs compare what docker has before and after. What measures a server
 * under load goes before them, alone. With arguments: mocha with these, in one. Ends with the sum, `N passed, N failed, N skipped`;
 * exits with 1 where a test or a lane failed.
 */
interface Lane {
  readonly name: string;
  /** Made while the first specs run, and before the others; a failure only means that those are skipped. */
  readonly made?: readonly string[];
  readonly first?: readonly string[];
  readonly specs: readonly string[];
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const none: Counts = { passed: 0, failed: 0, skipped: 0 };
const inE2e = (name: string) => `test/e2e/${name}.spec.ts`;

/** Which test failed, was skipped or tried again, and why: said once more at the end, where nobody must look for it. */
const remarks: string[] = [];
const remark = /^(failed|skipped|again): /;

const root = fileURLToPath(new URL('..', import.meta.url));
const mocha = fileURLToPath(new URL('../node_modules/mocha/bin/mocha.js', import.meta.url));
const width = 5;
const summary = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;

/** From cold on two cores the longest takes an hour. */
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
  const alone = ['list-flood', 'ingress'].map(inE2e);
  const played = [
    ...['cert-expiry', 'components', 'drains', 'karpenter', 'kill-matrix', 'links', 'scheduling', 'servers'],
    ...['stop', 'theirs'],
  ].map(inE2e);
  const below = (place: string) => specs.filter((spec) => spec.startsWith(place));
  const onKind = below('test/e2e/kind');
  const docker = [...below('test/docker/'), ...below('test/contracts/')];
  const taken = new Set([...alone, ...played, ...onKind, ...docker]);
  const image = ['nice', '-n', '10', process.execPath, 'harness/cli.ts', 'tools', 'kind-node-image'];
  const first = await play({ name: 'alone', specs: alone });
  const beside = await Promise.all([
    play({ name: 'here', specs: specs.filter((spec) => !taken.has(spec)) }),
    play({ name: 'runs', specs: played }),
    play({
      name: 'kind',
      ...(process.env['ORDEAL_TEST_IMAGE'] === 'build' && { made: image }),
      first: docker,
      specs: onKind,
    }),
  ]);
  const { passed, failed, skipped } = sumOf([first, ...beside]);
  for (const line of remarks) console.log(line);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function sumOf(all: readonly Counts[]): Counts {
  const sum = (key: keyof Counts) => all.reduce((total, each) => total + each[key], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

async function play({ name, made, first = [], specs }: Lane): Promise<Counts> {
  const tell = (line: string) => console.log(`${name.padEnd(width)}| ${line}`);
  const making = made && spoken(made, tell, imageWithin);
  const before = first.length > 0 ? await counted(first, tell) : none;
  if (making && (await making) !== 0) tell('there is no node image: tests on kind clusters are skipped');
  const after = await counted(specs, tell);
  return sumOf([before, after]);
}

/** What mocha says of these specs at its end. */
async function counted(specs: readonly string[], tell: (line: string) => void): Promise<Counts> {
  let counts: Counts | undefined;
  const code = await spoken([process.execPath, mocha, ...specs], (line) => {
    const [found, passed, failed, skipped] = summary.exec(line) ?? [];
    if (found !== undefined) counts = { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
    if (remark.test(line)) remarks.push(line);
    tell(line);
  });
  if (counts && (code === 0) === (counts.failed === 0)) return counts;
  tell(`mocha ended with ${code}${counts ? '' : ' and said nothing of its tests'}`);
  return { ...none, ...counts, failed: Math.max(1, counts?.failed ?? 0) };
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
